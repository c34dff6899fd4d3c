"""All 117 targets: without figures, and with one."""

import pytest

from tests.indicators.figures import COUNTIES, TARGETS, decide, figure, rule


@pytest.mark.parametrize("target_id", sorted(TARGETS))
@pytest.mark.parametrize("day", ["2018-09-10", "2020-12-31", "2026-11-24"])
def test_without_figures_every_target_is_no_data_or_not_due(target_id: str, day: str) -> None:
    outcome = decide(target_id, [], day)
    assert outcome.light in ("no_data", "not_due")
    assert outcome.zh
    assert outcome.en
    assert outcome.figure is None


@pytest.mark.parametrize("target_id", sorted(TARGETS))
def test_any_figure_gives_a_light_with_words_in_both_languages(target_id: str) -> None:
    kind = TARGETS[target_id]["rule"]["kind"]
    fields: dict[str, object] = {"value": 1}
    if kind == "milestone":
        fields = {"state": "achieved"}
    elif kind.startswith("grade"):
        fields = {"grade": "三级"}
    elif kind == "per_unit_or":
        fields = {"components": {"centres": 1}}
    one = figure("2020", **fields)
    more = {"parts": {place.code: [one] for place in COUNTIES}, "expected": COUNTIES}
    if kind == "either_of":
        more["other_rule"] = rule(TARGETS[target_id]["rule"]["alternative"])
    outcome = decide(target_id, [one], "2021-01-01", **more)
    assert outcome.light not in ("no_data", "not_due")
    assert any("一" <= character <= "鿿" for character in outcome.zh)
    assert outcome.en
