"""The cases, one module for each kind of work. Importing this package registers them."""

from bench.cases import start

__all__ = ["start"]
