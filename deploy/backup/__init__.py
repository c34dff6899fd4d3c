"""`pinzhi backup`, `pinzhi restore`, `pinzhi doctor`: sets of copies that fit together, and what is damaged.

`places.py` says what an installation consists of, `manifest.py` what a set consists of; `take.py` makes one,
`restore.py` puts one back, `doctor.py` looks.
"""
