"""The shipped catalogue against the reference table and the plan's own text."""

import csv
from typing import Any

import pytest

from services.indicators.catalogue.present import section_titles
from services.indicators.catalogue.rules import bodies, changed, digest, shipped
from services.indicators.catalogue.targets import Rule
from services.indicators.status.rules import COMPARATORS
from shared.reference import departments
from tests.support.reference import reference

CATALOGUE = shipped("370600")
TARGETS: list[dict[str, Any]] = CATALOGUE["targets"]


@pytest.fixture(scope="module")
def table() -> list[dict[str, str]]:
    with reference("plan/targets.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_of_the_reference_is_there_with_all_its_columns(table: list[dict[str, str]]) -> None:
    assert len(TARGETS) == len(table) == 117
    for row, target in zip(table, TARGETS, strict=True):
        rule, literal = target["rule"], target["literal"]
        ours = {
            "id": target["id"],
            "name_zh": target["name"],
            "section": target["section"],
            "unit": target["unit"],
            "deadline": target["deadline"] or "",
            "responsible_departments": target["departments_text"],
            "quote_zh": target["quote"],
            "inferred_lead": target["lead_text"],
            "note": target["note"] or "",
            "source_line": str(target["source_line"]),
            "comparator_kind": rule["kind"],
            "measure": rule["measure"],
            "force": rule["force"],
            **{key: value or "" for key, value in literal.items()},
        }
        assert ours == row


def test_quotes_stand_in_the_plan_at_their_line_byte_for_byte() -> None:
    text = reference(f"plan/{CATALOGUE['source']['file']}").read_text(encoding="utf-8")
    lines = text.split("\n")
    for target in TARGETS:
        assert target["quote"] in lines[target["source_line"] - 1], target["id"]
    assert CATALOGUE["source"]["title"] in text
    assert CATALOGUE["source"]["published_on"] in text


def test_goals_are_short_and_in_both_languages() -> None:
    for target in TARGETS:
        assert target["name_en"]
        assert target["goal_en"]
        assert len(target["goal_en"]) <= 75, target["id"]
        assert target["name_en"].isascii() or "²" in target["name_en"], target["id"]
        assert any("一" <= character <= "鿿" or character.isdigit() for character in target["goal"]), target["id"]


def test_the_numbers_of_a_goal_stand_in_its_texts() -> None:
    for target in TARGETS:
        rule = target["rule"]
        if rule["kind"] not in ("at_least", "hold_at_least", "about", "full_coverage", "more_than", "mean_over_areas"):
            continue
        number = rule["low"]
        written = {number, f"{int(number):,}" if number.isdigit() else number, number.replace("28000", "2.8万")}
        if target["goal"] != "全覆盖":
            assert any(each in target["goal"] for each in written), target["id"]
            assert any(each in target["goal_en"] for each in written), target["id"]


def test_departments_are_codes_of_the_registry_and_the_clause_is_kept() -> None:
    for target in TARGETS:
        names = [departments.get(code).short_name for code in target["departments"]]  # type: ignore[union-attr]
        assert "、".join(names) == target["departments_text"]
        leads = [departments.get(code).short_name for code in target["lead_departments"]]  # type: ignore[union-attr]
        assert leads == [name.split(" (")[0] for name in target["lead_text"].split(";") if name]


def test_every_target_can_be_evaluated_and_every_kind_is_used() -> None:
    rules = [Rule.of(target) for target in TARGETS]
    assert {rule.kind for rule in rules} == set(COMPARATORS)
    assert len(COMPARATORS) == 19
    ids = {target["id"] for target in TARGETS}
    assert all(rule.alternative is None or rule.alternative in ids for rule in rules)
    assert sum(target["has_figure"] for target in TARGETS) == 75


def test_every_note_is_an_open_question_in_both_languages_and_nothing_is_decided() -> None:
    for target in TARGETS:
        question = target["question"]
        assert (question is None) == (target["note"] is None)
        if question is not None:
            assert question["zh"].endswith("。")
            assert question["en"].endswith(".")
            assert question["decision"] is None
            assert (question["state"] == "undecided") or question["blocks"] == "none"
    food = next(target for target in TARGETS if target["id"] == "food_sampling_pass_rate")
    assert food["question"]["code"] == "tolerance"
    assert food["question"]["state"] == "undecided"


def test_every_section_has_its_titles() -> None:
    assert {target["section"] for target in TARGETS} == set(section_titles())


def test_only_rows_that_differ_are_changed() -> None:
    rows = bodies(CATALOGUE)
    known = {row["id"]: digest(row) for row in rows}
    assert changed(rows, known) == []
    edited = [dict(row) for row in rows]
    edited[5]["goal_en"] = "something else"
    assert [row["id"] for row in changed(edited, known)] == [edited[5]["id"]]
    del known[rows[0]["id"]]
    assert [row["id"] for row in changed(rows, known)] == [rows[0]["id"]]
