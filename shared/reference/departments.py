"""Departments: those that the city's plan makes responsible, under the names of 2018, and their successors of the
reform of 2018-2019. The codes are the platform's own.

A row is `verified` where the plan's text shows all of it (the name as it writes it, the city's written out). A name in
full, a successor or a day from elsewhere makes the row `to be verified`; its note says which.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from shared.reference import table
from shared.reference.areas import Status


@dataclass(frozen=True, slots=True)
class Department:
    code: str
    short_name: str
    """As the plan writes it: 市质监局."""
    name: str
    area: str
    valid_from: date | None
    valid_until: date | None
    successor: str | None
    """None where there is none or where nobody knows (`note` says so)."""
    source: str
    status: Status
    note: str

    def in_force(self, on: date) -> bool:
        return table.in_force(self.valid_from, self.valid_until, on)


@cache
def _registry() -> dict[str, Department]:
    return {
        row["code"]: Department(
            code=row["code"],
            short_name=row["short_name"],
            name=row["name"],
            area=row["area"],
            valid_from=table.day(row["valid_from"]),
            valid_until=table.day(row["valid_until"]),
            successor=row["successor"] or None,
            source=row["source"],
            status="verified" if row["status"] == "verified" else "to be verified",
            note=row["note"],
        )
        for row in table.rows("departments.csv")
    }


def get(code: str) -> Department | None:
    return _registry().get(code)


def every() -> Iterator[Department]:
    return iter(_registry().values())


def by_name(name: str) -> Department | None:
    """By its full name or as the plan writes it."""
    return next((each for each in every() if name in (each.name, each.short_name)), None)


def current(code: str) -> Department | None:
    """Who does its work now: the department itself, or the last of its successors."""
    department = get(code)
    while department and department.successor:
        department = get(department.successor)
    return department
