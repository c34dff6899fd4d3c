"""Areas in answers."""

from datetime import date

from shared.web import Out


class AreaRef(Out):
    code: str
    name: str


class AreaOut(Out):
    code: str
    name: str
    level: str
    parent: str | None
    valid_from: date | None
    valid_until: date | None
    """First day after; null while it lasts."""
    successors: list[str]
    source: str
    status: str


class AreaList(Out):
    items: list[AreaOut]
    as_of: date
    default: str
    """The city that runs the platform."""
