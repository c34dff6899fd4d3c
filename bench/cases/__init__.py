"""The cases, one module for each kind of work. Importing this package registers them."""

from bench.cases import bus, enterprise, intake, postgres, recall, scan, start

__all__ = ["bus", "enterprise", "intake", "postgres", "recall", "scan", "start"]
