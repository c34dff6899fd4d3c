"""The cases, one module for each kind of work. Importing this package registers them."""

from bench.cases import enterprise, intake, scan, start

__all__ = ["enterprise", "intake", "scan", "start"]
