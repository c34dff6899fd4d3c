"""The condition on a column says of every code what `areas.is_within` says of it, for every area there is."""

import random
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, String, Table, select
from sqlalchemy.dialects import sqlite

from shared.area_scope import within
from shared.reference import areas

PLACE = Table("place", MetaData(), Column("code", String))


def codes() -> list[str]:
    """Every area of the registry, a town and a village in each, and codes that no registry holds."""
    known = [each.code for each in areas.registry()]
    towns = [code + "104" for code in known if len(code) == 6 and code.isdigit() and not code.endswith("00")]
    chance = random.Random(7)
    unknown = [str(chance.randrange(110_000, 700_000)) for _ in range(300)]
    return sorted({*known, *towns, *(town + "202" for town in towns[::3]), *unknown, "100000"})


def found(database: sqlite3.Connection, area: str | None) -> set[str]:
    statement = select(PLACE.c.code).where(within(PLACE.c.code, area))
    compiled = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    return {code for (code,) in database.execute(str(compiled))}


@pytest.fixture
def database() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    made.execute("CREATE TABLE place (code TEXT)")
    made.executemany("INSERT INTO place VALUES (?)", [(code,) for code in codes()])
    made.execute("INSERT INTO place VALUES (NULL)")
    return made


def test_as_of_one_code_so_of_a_column(database: sqlite3.Connection) -> None:
    asked = [each.code for each in areas.registry()] + ["100000", "370614101", "990000", "510100", "370602000000"]
    for area in asked:
        expected = {code for code in codes() if areas.is_within(code, area)}
        assert found(database, area) == expected, area


def test_an_area_sees_what_those_had_that_it_succeeded(database: sqlite3.Connection) -> None:
    """蓬莱区 was made of 蓬莱市 and 长岛县 in 2020 (areas.csv, with its source)."""
    seen = found(database, "370614")
    assert {"370614", "370684", "370634", "370684104"} <= seen
    assert "370613" not in seen


def test_who_has_no_area_sees_nothing_and_the_nation_all(database: sqlite3.Connection) -> None:
    assert found(database, None) == set()
    assert found(database, "100000") == set(codes())


def test_imported_areas_count_at_once_and_where_they_lie(database: sqlite3.Connection, tmp_path: Path) -> None:
    """A county goes to the neighbouring city and keeps its code: its digits say the one, the register the other."""
    before = found(database, "370600")
    [moved] = [each for each in areas.shipped() if each.code == "370602"]
    file = tmp_path / "areas.csv"
    areas.store(file, [replace(moved, parent="371000")])
    try:
        areas.use(file)
        for area in ("370600", "371000", "370602", "370000", "370613"):
            assert found(database, area) == {code for code in codes() if areas.is_within(code, area)}
        assert found(database, "371000") >= {"370602", "370602104"}
        assert not {"370602", "370602104"} & found(database, "370600")
    finally:
        areas.use(tmp_path / "none")
    assert found(database, "370600") == before
