"""Comparators that look at more than one number: grades, counties, classes, alternatives, states, directions."""

from datetime import date

import pytest

from services.indicators.status.figures import Case
from services.indicators.status.rules import evaluate
from tests.indicators.figures import COUNTIES, decide, figure, rule, values


@pytest.mark.parametrize(("grade", "light"), [("一级", "met"), ("特级", "met"), ("二级", "cannot_tell")])
def test_grades_are_ordered(grade: str, light: str) -> None:
    assert decide("city_library_grade", [figure("2020", grade=grade)]).light == light


def test_every_county_must_have_the_grade() -> None:
    def parts(*grades: str | None) -> dict[str, list[object]]:
        return {
            place.code: [figure("2020", grade=grade)] if grade else []
            for place, grade in zip(COUNTIES, grades, strict=True)
        }

    def light(*grades: str | None) -> tuple[str, str]:
        outcome = decide("county_library_grade", [], parts=parts(*grades), expected=COUNTIES)
        return outcome.light, outcome.zh

    assert light("二级", "一级", "二级")[0] == "met"
    missing, words = light("二级", None, "二级")
    assert missing == "cannot_tell"
    assert "福山区" in words
    below, words = light("二级", "三级", None)
    assert below == "cannot_tell"  # below, and no deadline makes it late
    assert "福山区（三级）" in words
    assert light(None, None, None)[0] == "no_data"


def test_a_mean_is_plain_and_waits_for_every_county() -> None:
    def outcome(*numbers: int | None, day: str = "2021-01-01") -> tuple[str, object]:
        parts = {
            place.code: [figure("2020", value=number)] if number is not None else []
            for place, number in zip(COUNTIES, numbers, strict=True)
        }
        found = decide("county_public_metrology_standards_avg", [], day, parts=parts, expected=COUNTIES)
        return found.light, found.number

    assert outcome(30, 34, 32) == ("met", 32)
    assert outcome(30, 34, 31)[0] == "off_track"
    assert outcome(40, 40, None)[0] == "cannot_tell"
    assert outcome(96, 0, None)[0] == "met"  # whatever the third one has
    assert outcome(None, None, None)[0] == "no_data"
    own = decide("county_public_metrology_standards_avg", values(y2020=33), parts={}, expected=COUNTIES)
    assert own.light == "met"


def test_all_four_levels() -> None:
    assert decide("food_supervision_network_levels", values(y2020=4)).light == "met"
    assert decide("food_supervision_network_levels", values(y2020=3)).light == "cannot_tell"  # 逐步: no deadline

    def classes(**covered: int) -> list[object]:
        return [figure("2020", value=value, breakdown="层级", category=name) for name, value in covered.items()]

    def outcome(**covered: int) -> tuple[str, str]:
        found = decide("free_public_facilities", [], classes=classes(**covered))
        return found.light, found.zh

    assert outcome(图书馆=1, 美术馆=1, 文化馆=1, 公园=1)[0] == "met"
    lacking, words = outcome(图书馆=1, 美术馆=1, 文化馆=1, 公园=0)
    assert lacking == "off_track"
    assert "公园没有覆盖" in words
    unknown, words = outcome(图书馆=1, 美术馆=1)
    assert unknown == "cannot_tell"
    assert "文化馆、公园" in words


@pytest.mark.parametrize(
    ("components", "light"),
    [
        ({"centres": 5, "subdistricts": 5}, "met"),
        ({"centres": 4, "subdistricts": 5, "population": 400_000}, "met"),
        ({"centres": 4, "subdistricts": 5, "population": 120_000}, "met"),
        ({"centres": 4, "subdistricts": 5, "population": 400_001}, "off_track"),
        ({"centres": 4, "subdistricts": 5, "population": 100_000}, "cannot_tell"),
        ({"centres": 4, "subdistricts": 5}, "cannot_tell"),
        ({"centres": 4, "population": 900_000}, "cannot_tell"),
        ({"centres": 0, "subdistricts": 5, "population": 100_000}, "off_track"),
        ({"subdistricts": 5}, "cannot_tell"),
    ],
)
def test_one_for_each_subdistrict_or_for_so_many_residents(components: dict[str, int], light: str) -> None:
    assert decide("community_health_center_coverage", [figure("2020", components=components)]).light == light


@pytest.mark.parametrize(
    ("indoor", "outdoor", "light"),
    [
        (0.1, None, "met"),
        (0.05, 0.3, "met"),
        (None, 0.3, "met"),
        (0.05, 0.2, "off_track"),
        (0.05, None, "cannot_tell"),
        (None, 0.2, "cannot_tell"),
        (None, None, "no_data"),
    ],
)
def test_either_indoor_or_outdoor(indoor: float | None, outdoor: float | None, light: str) -> None:
    case = Case(
        rule("fitness_indoor_per_capita"),
        date(2020, 12, 31),
        values(y2020=indoor) if indoor is not None else [],
        other=values(y2020=outdoor) if outdoor is not None else [],
        other_rule=rule("fitness_outdoor_per_capita"),
    )
    assert evaluate(case).light == light


# --- states and directions ----------------------------------------------------------------------------------------


def test_a_milestone_needs_evidence() -> None:
    name = "ms_national_quality_city"
    assert decide(name, [], "2019-01-01").light == "not_due"
    assert decide(name, [], "2021-01-01").light == "no_data"
    assert decide(name, [figure("2019-05-01", state="achieved", source="国发〔2019〕1号")]).light == "met"
    assert decide(name, [figure("2019-05-01", state="achieved", source=None)]).light == "cannot_tell"
    assert decide(name, [figure("2019", state="in_progress")], "2020-06-01").light == "not_due"
    assert decide(name, [figure("2020", state="not_achieved")], "2021-06-01").light == "off_track"
    assert decide("ms_expert_think_tank", [figure("2020", state="in_progress")]).light == "cannot_tell"  # no deadline


def test_a_milestone_without_a_measure_cannot_be_told() -> None:
    outcome = decide("ms_first_tier_quality", [figure("2020", state="achieved", source="a speech")])
    assert outcome.light == "cannot_tell"
    assert "怎样算达到" in outcome.zh
    assert decide("ms_green_factories", [figure("2020", state="achieved", source="a list")]).light == "cannot_tell"


def test_a_direction_is_a_trend_with_its_test() -> None:
    rising = values(y2016=1, y2017=2, y2018=3, y2019=4, y2020=5)
    assert decide("dir_import_export_safety", rising, "2020-06-30").light == "on_track"
    assert decide("dir_import_export_safety", rising, "2021-06-30").light == "met"
    assert decide("dir_energy_water_use", rising).light == "off_track"
    assert decide("dir_energy_water_use", values(y2016=5, y2017=4, y2018=3, y2019=2, y2020=1)).light == "on_track"
    few = decide("dir_import_export_safety", rising[:4])
    assert few.light == "cannot_tell"
    assert "5期" in few.zh
    assert (
        decide("dir_import_export_safety", values(y2016=1, y2017=1, y2018=1, y2019=1, y2020=1)).light == "cannot_tell"
    )


def test_a_direction_does_not_mix_kinds_of_periods() -> None:
    mixed = [*values(y2016=1, y2017=2, y2018=3, y2019=4, y2020=5), figure("2020Q4", value=0)]
    assert decide("dir_import_export_safety", mixed, "2020-06-30").light == "on_track"
