"""The clock of a recall and what is overdue."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.traceability.recalls import rules
from services.traceability.recalls.rulebook import CLOCKS
from shared.reference import workdays

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(("level", "hours", "days"), [(1, 24, 10), (2, 48, 20), (3, 72, 30)])
def test_each_level_has_its_clock_with_a_source(level: int, hours: int, days: int) -> None:
    clock = rules.clock_for(CLOCKS, level, TODAY)
    assert (clock.start_hours, clock.finish_workdays) == (hours, days)
    assert rules.start_by(clock, NOW) == NOW + timedelta(hours=hours)
    assert "食品召回管理办法" in clock.source.zh
    assert clock.start_article
    assert clock.finish_article
    assert clock.status == "to be verified", "the order itself was not read; change this with the reading"


def test_before_the_order_there_is_no_clock() -> None:
    with pytest.raises(LookupError):
        rules.clock_for(CLOCKS, 1, date(2015, 8, 31))


def test_ten_working_days_from_a_tuesday_end_on_the_second_tuesday_after() -> None:
    assert workdays.add(TODAY, 10).date == date(2026, 12, 8)


def test_duties_are_overdue_only_after_their_end_and_only_in_an_open_case() -> None:
    start, finish = NOW, TODAY

    def codes(state: str, started: bool, now: datetime, today: date) -> list[str]:
        return [duty.code for duty in rules.overdue(state, started, start, finish, now, today)]

    assert codes("open", False, NOW, TODAY) == []
    assert codes("open", False, NOW + timedelta(seconds=1), TODAY) == ["start"]
    assert codes("open", True, NOW + timedelta(days=1), TODAY + timedelta(days=1)) == ["finish"]
    assert codes("open", False, NOW + timedelta(days=1), TODAY + timedelta(days=1)) == ["start", "finish"]
    assert codes("closed", False, NOW + timedelta(days=9), TODAY + timedelta(days=9)) == []


def test_numbers_keep_their_order_as_text_up_to_a_thousand_a_year() -> None:
    assert rules.number(2026, 1) == "R-2026-001"
    assert rules.number(2026, 1234) == "R-2026-1234"


def test_a_widened_case_says_so_in_both_languages() -> None:
    assert rules.extension(2, late=False).zh == "新增 2 个批次，召回范围已扩大"
    assert rules.extension(1, late=True).en == "1 more lot: the recall was widened and reopened"
