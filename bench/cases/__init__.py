"""The cases, one module for each kind of work. Importing this package registers them."""

from bench.cases import enterprise, scan, start

__all__ = ["enterprise", "scan", "start"]
