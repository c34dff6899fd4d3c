"""The rulebook as data: which rows hold when, which is applied, how periods are counted."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.credit.measures.data import catalogue
from services.credit.rulebook.data import rulebook
from services.credit.rulebook.rules import Finding, Rule, Rulebook, UnknownRule, after, deadline, last_day
from services.credit.violations import rules
from services.credit.violations.schemas import ViolationIn
from shared.reference import workdays
from tests.credit.samples import violation
from tests.support.app import Harness
from tests.support.reference import reference

BOOK = rulebook()
TODAY = date(2026, 11, 24)


def rule(**changes: object) -> Rule:
    row: dict[str, object] = {
        "code": "x", "issuer": "SAMR", "order": "令", "order_en": "Order", "article": "一", "from_": date(2020, 1, 1),
        "until": None, "number": 3, "unit": "year", "clock": "publication", "status": "verified", "zh": "", "en": "",
    }  # fmt: skip
    return Rule(**row | changes)  # type: ignore[arg-type]


def test_rows_hold_between_their_dates() -> None:
    book = Rulebook((rule(until=date(2025, 12, 24)), rule(from_=date(2025, 12, 25), number=1)))
    assert book.find("x", on=date(2025, 12, 24)).applied.number == 3
    assert book.find("x", on=date(2025, 12, 25)).applied.number == 1
    for day, code in ((date(2019, 12, 31), "x"), (TODAY, "y")):
        with pytest.raises(UnknownRule):
            book.find(code, on=day)


def test_where_rules_disagree_the_higher_rank_is_applied_and_the_others_are_named() -> None:
    low, high = rule(rank=1), rule(rank=2, number=1)
    found = Rulebook((low, high)).find("x", on=TODAY)
    assert found == Finding(high, (low,))
    cited = found.cite()
    assert [other["number"] for other in cited["not_applied"]] == [3]  # type: ignore[attr-defined]
    # twelve months from the same day are one year: no disagreement
    assert Rulebook((rule(number=12, unit="month", rank=1), high)).find("x", on=TODAY).others == ()
    assert Rulebook((rule(number=12, unit="month", clock="document"), high)).find("x", on=TODAY).others != ()


@pytest.mark.parametrize(
    ("day", "order", "last", "others"),
    [
        (date(2024, 1, 10), "第45号", date(2027, 1, 9), 0),
        (date(2025, 12, 24), "第45号", date(2028, 12, 23), 0),
        (date(2025, 12, 25), "第107号", date(2026, 12, 24), 1),
        (date(2026, 4, 1), "第107号", date(2027, 3, 31), 2),
    ],
)
def test_a_general_penalty_by_the_rules_of_the_day(day: date, order: str, last: date, others: int) -> None:
    found = BOOK.find("publicity.ends.general", on=day)
    assert order in found.applied.order
    assert last_day(found, day) == last
    assert len(found.others) == others


def test_every_fact_that_the_design_names_is_a_row() -> None:
    facts = {
        "publicity.publish_within": (20, "working_day", "document"),
        "publicity.send_other_province_within": (10, "working_day", "document"),
        "publicity.publish_received_within": (10, "working_day", "receipt"),
        "publicity.withdraw_within": (3, "working_day", "annulment"),
        "publicity.ends.minor": (3, "month", "publication"),
        "publicity.ends.serious": (3, "year", "publication"),
        "publicity.early_end_conditions": (4, "condition", "publication"),
        "listing.black.period": (3, "year", "publication"),
        "listing.black.removable_after": (1, "year", "publication"),
        "listing.black.delist_after_annulment": (3, "working_day", "annulment"),
        "repair.apply_after.general": (3, "month", "publication"),
        "repair.apply_after.serious": (1, "year", "publication"),
        "repair.decide_within": (7, "working_day", "application"),
        "objection.mark_within": (1, "working_day", "application"),
        "objection.decide_within": (5, "working_day", "application"),
        "query_log.kept_for": (5, "year", "query"),
        "inspection.random_rate": (3, "percent", "year"),
        "inspection.publish_within": (20, "working_day", "inspection"),
    }
    for code, expected in facts.items():
        row = BOOK.find(code, on=TODAY).applied
        assert (row.number, row.unit, row.clock) == expected, code
    for code in ("listing.black.notice_first", "listing.black.intent_disproved", "listing.black.restored_after_deceit"):
        assert BOOK.find(code, on=TODAY).applied.zh
    unsure = {row.code for row in BOOK.rules if row.status == "to be verified"}
    assert {
        "listing.black.period",
        "listing.black.removable_after",
        "listing.black.restored_after_deceit",
        "inspection.publish_within",
        "repair.decide_within",
    } <= unsure


def test_rows_are_whole() -> None:
    for row in BOOK.rules:
        assert row.status in ("verified", "to be verified")
        assert row.order
        assert row.article
        assert row.zh
        assert row.en
        assert (row.number is None) == (row.unit is None)
        same = [other for other in BOOK.rules if other.code == row.code]
        if len(same) > 1:
            assert row.why, f"{row.code} of {row.issuer} does not say why it is applied or not"
            assert row.why_en
            assert len({other.rank for other in same}) == len(same)
    colours = {ground.colour for ground in BOOK.grounds.values()}
    assert colours == {"black", "red"}
    for ground in BOOK.grounds.values():
        assert ground.field == "any" or ground.field in BOOK.fields
    design = {"food", "drugs", "industrial_products", "construction", "testing", "certification", "tourism",
              "metrology", "trademarks"}  # fmt: skip
    assert design <= {ground.field for ground in BOOK.grounds.values() if ground.colour == "black"}


def test_measures_quote_the_plan_exactly() -> None:
    plan = reference("plan/000_36cc70dd905891df.txt").read_text(encoding="utf-8")
    quoted = [measure for measure in catalogue().measures if measure.quote]
    assert quoted
    for measure in quoted:
        assert measure.quote in plan, measure.code
    design = {
        "licensing",
        "procurement",
        "tender",
        "employment",
        "social_security",
        "qualification",
        "honours",
        "finance",
    }
    assert design <= set(catalogue().fields)
    assert {measure.field for measure in catalogue().measures} <= set(catalogue().fields)


def test_three_years_end_on_the_day_before() -> None:
    found = Finding(rule())
    assert last_day(found, date(2026, 3, 16)) == date(2029, 3, 15)
    assert after(date(2026, 3, 16), 1, "year") == date(2027, 3, 16)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(0, 60))
def test_months_are_added_by_the_calendar(day: date, months: int) -> None:
    later = after(day, months, "month")
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


def test_deadlines_count_working_days_and_say_when_they_cannot_be_sure() -> None:
    found = Finding(rule(number=20, unit="working_day"))
    # National day 2025: off from 1 to 8 October, with make-up days on 28 September and 11 October.
    made = deadline(found, date(2025, 9, 26), workdays.add)
    assert made.on == date(2025, 10, 30)
    assert made.certain
    assert not deadline(found, date(2090, 1, 2), workdays.add).certain


@pytest.mark.parametrize(("clock", "last"), [
    ("publication", date(2027, 12, 14)),
    ("document", date(2027, 11, 19)),
    ("end_of_conduct", date(2027, 6, 29)),
    ("recognition", date(2027, 10, 31)),
])  # fmt: skip
def test_each_rule_names_its_own_clock(clock: str, last: date) -> None:
    body = violation(1, conduct_ended_on="2026-06-30", recognised_on="2026-11-01")
    stored = ViolationIn.model_validate(body).stored("yt-scjg")
    found = Finding(rule(number=1, clock=clock))
    assert rules.publication_end(found, stored, date(2026, 12, 15)) == last


def test_the_same_record_under_the_rules_of_another_day() -> None:
    body = violation(1, penalty_kinds=["fine"], decision_date="2025-11-03")
    stored = ViolationIn.model_validate(body).stored("yt-scjg")
    then = rules.outlook(stored, BOOK, today=date(2025, 11, 4), add_workdays=workdays.add)
    now = rules.outlook(stored, BOOK, today=date(2026, 11, 24), add_workdays=workdays.add)
    assert then.expires_on == date(2028, 11, 30)
    assert now.expires_on == date(2027, 11, 23)


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("烟市监罚〔2026〕12号", True),
        ("烟市监罚[2026]12号", True),
        ("烟市监罚（2026）12号", True),
        (" 烟市监罚【2026】 １２号 ", True),
        ("烟市监罚〔2026〕13号", False),
        ("烟市监罚〔2025〕12号", False),
    ],
)
def test_a_document_number_however_it_is_written(written: str, same: bool) -> None:
    assert (rules.document_key(written) == rules.document_key("烟市监罚〔2026〕12号")) is same


async def test_the_rulebook_over_http(credit_sqlite: Harness) -> None:
    body = (await credit_sqlite.get("/v1/credit/rulebook")).json()
    assert body["on"] == "2026-11-24"
    general = [row for row in body["rules"] if row["code"] == "publicity.ends.general"]
    assert [(row["number"], row["unit"]) for row in general if row["applied"]] == [(1, "year")]
    assert len(general) == 3
    assert all(row["why"] for row in general)
    assert {"fine", "warning"} <= {kind["code"] for kind in body["penalty_kinds"]}
    then = (await credit_sqlite.get("/v1/credit/rulebook", params={"on": "2024-01-01"})).json()
    assert [row["number"] for row in then["rules"] if row["code"] == "publicity.ends.general"] == [3]
    early = (await credit_sqlite.get("/v1/credit/rulebook", params={"on": "1999-01-01"})).json()
    assert (early["rules"], early["grounds"]) == ([], [])
    assert (await credit_sqlite.get("/v1/credit/rulebook", params={"on": "x"})).status_code == 422


async def test_the_measures_over_http(credit_sqlite: Harness) -> None:
    black = (await credit_sqlite.get("/v1/credit/measures", params={"colour": "black"})).json()
    assert "依法限制参加政府采购活动" in [measure["zh"] for measure in black]
    assert (await credit_sqlite.get("/v1/credit/measures", params={"colour": "grey"})).status_code == 422
    early = await credit_sqlite.get("/v1/credit/measures", params={"colour": "red", "on": "2018-09-09"})
    assert early.json() == []
