"""The area registry: validity, successors, what lies within what."""

import csv
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.reference import areas
from shared.reference.areas import Area, AreaCode, Areas
from tests.support.reference import reference

BEFORE, AFTER = date(2020, 6, 4), date(2020, 6, 5)


def test_yantai_in_2018_and_now() -> None:
    def counties(on: date) -> list[str]:
        return [area.name for area in areas.children("370600", on=on) if area.level == "县级"]

    assert "长岛县" in counties(date(2018, 9, 10))
    assert "蓬莱市" in counties(BEFORE)
    assert "蓬莱区" not in counties(BEFORE)
    assert counties(AFTER) == [
        *("芝罘区", "福山区", "牟平区", "莱山区", "蓬莱区"),
        *("龙口市", "莱阳市", "莱州市", "招远市", "栖霞市", "海阳市"),
    ]


def test_get_takes_every_form_of_a_code() -> None:
    for code in ("370602", "370602000", "370602000000"):
        area = areas.get(code)
        assert area
        assert (area.code, area.name, area.parent) == ("370602", "芝罘区", "370600")
    assert areas.get("999999") is None


@pytest.mark.parametrize(
    ("code", "ancestor", "within"),
    [
        ("370602", "370602", True),
        ("370602", "370600", True),
        ("370602", "370000", True),
        ("370602", "100000", True),
        ("370600", "370602", False),
        ("370602", "370611", False),
        ("370602001", "370602", True),
        ("370602001001", "370602001", True),
        ("370602001001", "370602", True),
        ("370602001000", "370602001", True),
        ("370602001001", "370602001000", True),
        ("370602001001", "370602002", False),
        ("370602000000", "370602", True),
        ("370671", "370600", True),
        ("yt-changdao", "370600", True),
        ("yt-changdao", "370614", False),
        ("440106", "440000", True),
        ("440106", "370000", False),
        ("511902", "510000", True),
        ("", "370600", False),
        ("3706", "370600", False),
        ("37060A", "370600", False),
        ("３７０６０２", "370600", False),
        ("370602", "", False),
        ("nonsense", "nonsense", False),
    ],
)
def test_is_within(code: str, ancestor: str, within: bool) -> None:
    assert areas.is_within(code, ancestor) is within


@pytest.mark.parametrize("old", ["370634", "370684"])
def test_an_area_that_ended_lies_within_its_successor_from_that_day(old: str) -> None:
    assert areas.is_within(old, "370614")
    assert areas.is_within(old + "101", "370614", AFTER)
    assert areas.is_within(old, "370614", AFTER)
    assert not areas.is_within(old, "370614", BEFORE)
    assert areas.is_within(old, "370600", BEFORE)
    assert not areas.is_within("370614", old)
    assert [area.code for area in areas.successors(old)] == ["370614"]
    assert [area.code for area in areas.successors(old, on=BEFORE)] == [old]


def test_statistical_code_was_renumbered() -> None:
    assert [area.code for area in areas.successors("370672")] == ["370676"]
    assert "370676" not in [area.code for area in areas.at(date(2022, 12, 31))]
    assert "370672" not in [area.code for area in areas.at(date(2023, 1, 1))]


def test_the_functional_area_says_what_it_is() -> None:
    area = areas.get("yt-changdao")
    assert area
    assert (area.level, area.status) == ("功能区", "to be verified")
    assert "no GB/T 2260 code" in area.note


def test_successors_form_no_circle_and_every_link_exists() -> None:
    for area in areas.registry():
        assert area.source
        assert area.status in ("verified", "to be verified")
        assert area.parent is None or areas.get(area.parent)
        assert all(areas.get(after) for after in area.successors)
        assert areas.successors(area.code)
        assert not (area.valid_until and not area.successors)
        assert areas.is_within(area.code, "100000")


def test_a_circle_of_successors_does_not_hang() -> None:
    def area(code: str, after: str) -> Area:
        return Area(code, code, "县级", None, None, date(2020, 1, 1), (after,), (), "made", "verified", "")

    circle = Areas([area("370691", "370692"), area("370692", "370691")])
    assert not circle.is_within("370691", "370602")
    assert circle.is_within("370691", "370692")
    assert circle.successors("370691") == []


@given(st.text(max_size=14) | st.text("0123456789", min_size=5, max_size=13), st.sampled_from(["370600", "100000", ""]))
def test_any_text_is_within_or_not(text: str, ancestor: str) -> None:
    within = areas.is_within(text, ancestor)
    assert not within or areas.is_code(areas.canonical(text)) or areas.get(text)


class Place(BaseModel):
    area_code: AreaCode


def test_pydantic_type() -> None:
    assert Place(area_code=" 370602000000").area_code == "370602"
    assert Place(area_code="yt-changdao").area_code == "yt-changdao"
    with pytest.raises(ValidationError) as caught:
        Place(area_code="37060")
    assert caught.value.errors()[0]["type"] == "area.code"


def test_holds_every_area_of_the_plan_s_data() -> None:
    for name in ("areas_yantai.csv", "areas_other.csv"):
        with reference(f"data/{name}").open(encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                area = areas.get(row["code"])
                assert area
                assert area.name == row["name"]
