"""Which alert rule speaks on which day."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.traceability.alerts import rules
from services.traceability.alerts.rulebook import RULES

DAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("kind", "code"),
    [("supervision", "supervision_test_failed"), ("self", "own_test_failed"), ("entrusted", "own_test_failed")],
)
def test_a_failed_test_of_any_kind_holds(kind: str, code: str) -> None:
    rule = rules.rule_for(RULES, "test_failed", DAY, kind)
    assert rule is not None
    assert (rule.code, rule.holds) == (code, True)


def test_a_black_listed_producer_does_not_hold_its_food() -> None:
    rule = rules.rule_for(RULES, "party_black_listed", DAY)
    assert rule is not None
    assert rule.holds is False


def test_a_rule_speaks_from_its_first_to_its_last_day_and_the_newer_one_wins() -> None:
    old = replace(RULES[0], valid_until=DAY)
    new = replace(RULES[0], code="newer", valid_from=DAY)
    assert rules.rule_for([old], "test_failed", DAY + timedelta(days=1), "supervision") is None
    assert rules.rule_for([old], "test_failed", old.valid_from - timedelta(days=1), "supervision") is None
    found = rules.rule_for([old, new], "test_failed", DAY, "supervision")
    assert found is not None
    assert found.code == "newer"


def test_every_rule_names_its_source_and_only_law_has_articles() -> None:
    for rule in RULES:
        assert rule.source.zh
        assert rule.source.en
        assert (rule.article is None) == (rule.status == "platform")
    assert len({rule.code for rule in RULES}) == len(RULES)
