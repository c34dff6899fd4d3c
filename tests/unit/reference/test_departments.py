"""Departments and industries."""

import csv
import re
from datetime import date

from shared.reference import departments, industries
from tests.support.reference import reference


def test_every_department_of_the_plan_has_a_code() -> None:
    named = set()
    for name, column in (("targets", "responsible_departments"), ("systems", "responsible")):
        with reference(f"plan/{name}.csv").open(encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                named.update(part for part in re.split("[、,;]", row[column]) if part)
    assert len(named) > 30
    assert [name for name in sorted(named) if departments.by_name(name) is None] == []


def test_codes_and_names_are_unique_and_successors_exist() -> None:
    every = list(departments.every())
    assert len({each.code for each in every}) == len({each.name for each in every}) == len(every)
    for each in every:
        assert re.fullmatch("yt-[a-z]+", each.code)
        assert each.source
        assert each.successor is None or departments.get(each.successor)
        current = departments.current(each.code)
        assert current
        assert current.successor is None


def test_market_regulation_took_over_three() -> None:
    for name in ("市质监局", "市工商局", "市食品药品监管局"):
        department = departments.by_name(name)
        assert department
        current = departments.current(department.code)
        assert current
        assert (current.code, current.name) == ("yt-scjg", "烟台市市场监督管理局")
    assert departments.current("none") is None


def test_verified_is_what_the_plan_s_text_shows_and_nothing_else() -> None:
    text = reference("plan/000_36cc70dd905891df.txt").read_text(encoding="utf-8")
    for each in departments.every():
        shown = each.short_name in text and each.name in (each.short_name, f"烟台{each.short_name}")
        known = each.successor is None and each.valid_from is None and each.valid_until is None
        assert each.status == ("verified" if shown and known else "to be verified"), each.code
        assert each.status == "verified" or "to be verified" in each.note, each.code


def test_validity_where_the_day_is_known() -> None:
    old, new = departments.get("yt-hyyy"), departments.get("yt-hyfz")
    assert old
    assert new
    assert old.in_force(date(2018, 9, 10))
    assert not new.in_force(date(2018, 9, 10))
    assert new.in_force(date(2018, 12, 20))
    assert not old.in_force(date(2018, 12, 20))


def test_industries() -> None:
    food = industries.get("C13")
    assert food
    assert (food.name_zh, food.parent, food.manufacturing_29) == ("农副食品加工业", "C", True)
    assert industries.get("13") == food
    assert industries.get("") is None
    assert industries.get("C99") is None
    assert sum(each.manufacturing_29 for each in industries.every()) == 29
    assert not any(each.verified for each in industries.every()), "no row was read in the standard itself yet"


def test_industries_agree_with_the_reference_rows() -> None:
    with reference("data/industries_gbt4754_c.csv").open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            found = industries.get(row["code"])
            assert found
            assert (found.name_zh, found.manufacturing_29) == (row["name_zh"], row["in_mfg_29"] == "1")
