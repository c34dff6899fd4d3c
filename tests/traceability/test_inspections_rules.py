"""What makes a report consistent."""

from datetime import date

import pytest

from services.traceability.inspections import rules

DAY = date(2026, 11, 20)
PASS = {"name": "毒死蜱", "value": "未检出", "unit": None, "limit": "0.01", "result": "pass"}
FAIL = {"name": "黄曲霉毒素 B₁", "value": "25", "unit": "μg/kg", "limit": "20", "result": "fail"}


def wrong(
    items: list[dict[str, object]], result: str, sampled: date = DAY, tested: date = DAY
) -> list[tuple[str, str]]:
    found = rules.check(items, result, sampled, tested, today=date(2026, 11, 24))  # type: ignore[arg-type]
    return [(error.pointer, error.code) for error in found]


@pytest.mark.parametrize(("items", "result"), [([PASS], "pass"), ([PASS, FAIL], "fail")])
def test_a_consistent_report_has_no_errors(items: list[dict[str, object]], result: str) -> None:
    assert wrong(items, result) == []


@pytest.mark.parametrize(("items", "result"), [([PASS], "fail"), ([FAIL], "pass")])
def test_the_total_must_follow_from_the_items(items: list[dict[str, object]], result: str) -> None:
    assert wrong(items, result) == [("/result", "test.result_contradicts_items")]


def test_all_errors_at_once_each_with_its_place() -> None:
    assert wrong([FAIL, PASS, FAIL], "pass", sampled=date(2026, 12, 2), tested=date(2026, 12, 1)) == [
        ("/result", "test.result_contradicts_items"),
        ("/items/2/name", "test.item_repeated"),
        ("/sampled_on", "test.sampled_after_tested"),
        ("/tested_on", "test.tested_in_future"),
    ]


def test_a_failed_item_is_told_with_value_and_limit() -> None:
    text = rules.summary([PASS, FAIL])
    assert text.zh == "2 项中 1 项不合格：黄曲霉毒素 B₁（25 μg/kg，限量 20）"
    assert text.en == "1 of 2 failed: 黄曲霉毒素 B₁ (25 μg/kg, limit 20)"
    assert rules.summary([PASS]).zh == "1 项，全部合格"
    assert rules.summary([{"name": "净含量", "result": "fail"}]).zh == "1 项中 1 项不合格：净含量"
