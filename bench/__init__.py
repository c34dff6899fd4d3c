"""Benches: every case pits the product against a floor on the same machine in the same run.

`make bench`, or `python -m bench [case ...] [--scale 0.1]`. Loopback only, bounded in count and time.
"""
