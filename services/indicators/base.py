"""Base of the tables of the indicators service.

A registry of its own, because the laptop mode imports all four services into one process before it forks.
"""

from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Table(SQLModel, registry=registry()):
    """Tables derive from this with `table=True`."""
