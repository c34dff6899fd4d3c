"""Areas: GB/T 2260 codes of provinces, cities and counties with their validity and successors, and the 9-digit town and
12-digit village codes of the statistics office below them. The shipped rows stop at county; a city imports its towns
and villages (`area_import`) into a file of the same columns, which a process reads at its start (`use`)."""

import csv
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, WithJsonSchema

from shared.errors import field_error
from shared.identifiers.uscc import USCC
from shared.reference import table

Status = Literal["verified", "to be verified"]


@dataclass(frozen=True, slots=True)
class Area:
    code: str
    name: str
    level: str
    """国家级, 省级, 地级, 县级; 统计用区划 (a code of the statistics office only); 功能区 (no official code,
    one of ours)."""
    parent: str | None
    valid_from: date | None
    """First day; the first of January where the source tells the year only."""
    valid_until: date | None
    """First day after; None while it lasts."""
    successors: tuple[str, ...]
    partial_transfers: tuple[str, ...]
    """`370611[2020]`: a part of the territory went there in that year, the area itself goes on."""
    source: str
    status: Status
    note: str

    def in_force(self, on: date) -> bool:
        return table.in_force(self.valid_from, self.valid_until, on)


class Areas:
    """A registry of areas. Parents of codes that it does not hold follow from the digits of the code."""

    def __init__(self, areas: Iterable[Area]) -> None:
        self._areas = {area.code: area for area in areas}
        self._children: dict[str, list[Area]] = {}
        for area in self._areas.values():
            if area.parent:
                self._children.setdefault(area.parent, []).append(area)

    def __iter__(self) -> Iterator[Area]:
        return iter(self._areas.values())

    def get(self, code: str) -> Area | None:
        return self._areas.get(canonical(code))

    def children(self, code: str, *, on: date | None = None) -> list[Area]:
        """Areas directly below, in code order; with `on`, those in force on that day."""
        below = sorted(self._children.get(canonical(code), ()), key=lambda area: area.code)
        return [area for area in below if on is None or area.in_force(on)]

    def at(self, on: date) -> list[Area]:
        """All areas in force on that day, in code order."""
        return sorted((area for area in self if area.in_force(on)), key=lambda area: area.code)

    def successors(self, code: str, *, on: date | None = None) -> list[Area]:
        """The areas that hold its territory now (or on that day): itself while it lasts."""
        found: dict[str, Area] = {}
        waiting, seen = [canonical(code)], set[str]()
        while waiting:
            area = self._areas.get(waiting.pop())
            if area is None or area.code in seen:
                continue
            seen.add(area.code)
            if area.valid_until and (on is None or area.valid_until <= on):
                waiting.extend(area.successors)
            else:
                found[area.code] = area
        return [found[each] for each in sorted(found)]

    def is_within(self, code: str, ancestor: str, on: date | None = None) -> bool:
        """Whether `code` is `ancestor` or lies below it; towns and villages are within their county.

        An area that has ended lies also within those that took over its territory; with `on`, only within those that
        had done so by that day. A code that is not one is within nothing.
        """
        ancestor = canonical(ancestor)
        waiting, seen = [canonical(code)], set[str]()
        while waiting:
            at = waiting.pop()
            if at in seen or not (at in self._areas or is_code(at)):
                continue
            if at == ancestor:
                return True
            seen.add(at)
            area = self._areas.get(at)
            if area and area.valid_until and (on is None or area.valid_until <= on):
                waiting.extend(area.successors)
            if parent := self.parent(at):
                waiting.append(parent)
        return False

    def parent(self, code: str) -> str | None:
        """The code directly above: as registered, else by the digits (village, town, county, city ...)."""
        code = canonical(code)
        if area := self._areas.get(code):
            return area.parent
        if not is_code(code):
            return None
        if len(code) > 6:
            return canonical(code[:9]) if len(code) == 12 else code[:6]
        if code.endswith("0000"):
            return "100000" if code != "100000" else None
        return code[:2] + "0000" if code.endswith("00") else code[:4] + "00"


def canonical(code: str) -> str:
    """The shortest form: `370602000000` is the county 370602, `370602001000` the town 370602001."""
    if len(code) == 12 and code.endswith("000"):
        code = code[:9]
    if len(code) == 9 and code.endswith("000"):
        code = code[:6]
    return code


def is_code(code: str) -> bool:
    """Six digits of GB/T 2260, nine of a town, twelve of a village."""
    return re.fullmatch(r"[1-9]\d{5}(?:\d{3}(?:\d{3})?)?", code, re.ASCII) is not None


class BrokenFile(Exception):
    """The file of imported areas cannot be read. Its words are one line for who runs the platform."""


_imported: tuple[Path, int, int] | None = None
"""The file of imported areas with its time and size; None while there is none."""


def use(file: Path) -> None:
    """From now on `file` stands beside the shipped areas, if it is there. Raises BrokenFile.

    Called by each service at its start: what is imported later is seen at the next one.
    """
    global _imported
    try:
        state = file.stat()
        found = (file, state.st_mtime_ns, state.st_size)
    except (FileNotFoundError, NotADirectoryError):
        found = None
    except OSError as error:
        raise BrokenFile(f"areas in {file} cannot be read: {error.strerror}") from error
    if found != _imported:
        _imported = found
        registry.cache_clear()
        registry()


@cache
def registry() -> Areas:
    """The shipped areas and those imported."""
    return Areas([*shipped(), *(imported(_imported[0]) if _imported else ())])


def shipped() -> list[Area]:
    return [_area(row) for row in table.rows("areas.csv")]


def imported(file: Path) -> list[Area]:
    """The rows of a file that `store` wrote. Raises BrokenFile."""
    try:
        found = [_area(row) for row in table.rows(file)]
        if not found:
            raise ValueError("it holds no rows")
        return found
    except OSError as error:
        raise BrokenFile(f"areas in {file} cannot be read: {error.strerror}") from error
    except (KeyError, ValueError, AttributeError, csv.Error) as error:
        raise BrokenFile(
            f"areas in {file} cannot be read ({error}); take the file away and import the areas again"
        ) from error


def store(file: Path, areas: Iterable[Area]) -> None:
    """Replace the file of imported areas: wholly or not at all."""
    columns = [each.name for each in fields(Area)]
    handle, part = tempfile.mkstemp(prefix=".areas-", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(columns)
            for area in sorted(areas, key=lambda area: area.code):
                writer.writerow([_cell(getattr(area, column)) for column in columns])
            out.flush()
            os.fsync(out.fileno())
        os.chmod(part, 0o644)
        os.replace(part, file)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(value)
    return "" if value is None else str(value)


def _area(row: Mapping[str, str]) -> Area:
    return Area(
        code=row["code"],
        name=row["name"],
        level=row["level"],
        parent=row["parent"] or None,
        valid_from=table.day(row["valid_from"]),
        valid_until=table.day(row["valid_until"]),
        successors=tuple(row["successors"].split()),
        partial_transfers=tuple(row["partial_transfers"].split()),
        source=row["source"],
        status="verified" if row["status"] == "verified" else "to be verified",
        note=row["note"],
    )


def get(code: str) -> Area | None:
    return registry().get(code)


def children(code: str, *, on: date | None = None) -> list[Area]:
    return registry().children(code, on=on)


def at(on: date) -> list[Area]:
    return registry().at(on)


def successors(code: str, *, on: date | None = None) -> list[Area]:
    return registry().successors(code, on=on)


def is_within(code: str, ancestor: str, on: date | None = None) -> bool:
    return registry().is_within(code, ancestor, on)


def registered_near(uscc: str, area: str) -> bool:
    """Whether the code of a subject shows an authority of the area, of its city or of an area above (GB 32100-2015,
    characters 3 to 8: the division at registration, which may have been renumbered or taken over since). Nothing speaks
    against a code that shows no division."""
    registered = USCC(uscc).area_code
    return not is_code(registered) or is_within(area, registered) or is_within(registered, _city(area))


def _city(code: str) -> str:
    """The city of an area; itself where it lies in none."""
    at, above = canonical(code), registry().parent(code)
    while above is not None and not above.endswith("0000"):
        at, above = above, registry().parent(above)
    return at


def _checked(code: str) -> str:
    code = code.strip()
    if not (is_code(code) or registry().get(code)):
        raise field_error(
            "area.code",
            f"“{code}”不是地区代码：县级以上 6 位，乡镇 9 位，村 12 位数字",
            f'"{code}" is not an area code: 6 digits down to county, 9 for a town, 12 for a village',
        )
    return canonical(code)


AreaCode = Annotated[
    str,
    AfterValidator(_checked),
    WithJsonSchema(
        {"type": "string", "description": "GB/T 2260 地区代码（6 位），乡镇 9 位，村 12 位", "examples": ["370602"]}
    ),
]
"""A well-formed area code in its shortest form; it need not be registered, since parties come from anywhere."""
