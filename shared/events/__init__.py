"""Event contracts: the only thing the services share about each other.

`catalogue.CATALOGUE` lists every event with its publisher, key and handlers; the classes stand in one module for each
publisher. A class may only ever gain optional fields; anything else is a new version.
`freeze.py` holds it to that.
"""
