"""The question "as of when": literals worked out by hand; Shanghai is eight hours ahead of UTC, all year."""

from datetime import UTC, date, datetime

import pytest

from shared.errors import Invalid
from shared.web.asof import day_of, resolve

NOW = datetime(2026, 11, 24, 17, 30, tzinfo=UTC)  # already the 25th in Shanghai


def end(day: int) -> datetime:
    return datetime(2026, 11, day, 15, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("as_of", "valid_at", "known_at", "valid", "known"),
    [
        (None, None, None, date(2026, 11, 25), NOW),
        ("2026-11-20", None, None, date(2026, 11, 20), end(20)),
        ("2026-11-25", None, None, date(2026, 11, 25), end(25)),
        ("2026-11-20T23:30:00Z", None, None, date(2026, 11, 21), datetime(2026, 11, 20, 23, 30, tzinfo=UTC)),
        ("2026-11-20T23:30:00 08:00", None, None, date(2026, 11, 20), datetime(2026, 11, 20, 15, 30, tzinfo=UTC)),
        ("2026-11-20t10:00z", None, None, date(2026, 11, 20), datetime(2026, 11, 20, 10, tzinfo=UTC)),
        (None, "2026-11-20", None, date(2026, 11, 20), NOW),
        (None, None, "2026-11-20", date(2026, 11, 25), end(20)),
        (None, "2026-11-19", "2026-11-20", date(2026, 11, 19), end(20)),
    ],
)
def test_days_and_instants(
    as_of: str | None, valid_at: str | None, known_at: str | None, valid: date, known: datetime
) -> None:
    found = resolve(as_of, valid_at, known_at, NOW)
    assert (found.valid, found.known) == (valid, known)


NO_DAYS = (
    *("", "20261120", "2026-W47-5", "2026-324", "2026-11-31", "2026-13-01", "2026-1-02", "0026-11-20", "9999-12-31"),
    *("2026-11-20T", "tomorrow", "１２", "2026-11-20x", "+2026-11-2", "２０２６-11-20"),
)


@pytest.mark.parametrize("name", ["as_of", "valid_at", "known_at"])
@pytest.mark.parametrize(
    "text",
    [
        *NO_DAYS,
        *("2026-11-20T10:00:00", "2026-11-20T10+08:00", "20261120T100000Z", "2026-W47-5T10:00:00Z"),
        *("2026-11-20T25:00:00Z", "2026-11-20T10:00:00+25:00", "2026-11-20 10:00:00Z", "1949-12-31T10:00:00Z"),
    ],
)
def test_what_is_no_time_is_told_by_its_name(name: str, text: str) -> None:
    with pytest.raises(Invalid) as told:
        resolve(**({"as_of": None, "valid_at": None, "known_at": None} | {name: text}), now=NOW)
    [error] = told.value.errors
    assert (error.pointer, error.code) == (f"?{name}", "as_of.format")


@pytest.mark.parametrize("text", ["2026-11-26", "2099-01-01", "2026-11-25T16:00:00Z", "2026-11-26T00:00:00+08:00"])
def test_nothing_is_asked_of_a_day_to_come(text: str) -> None:
    for name in ("as_of", "valid_at", "known_at"):
        with pytest.raises(Invalid) as told:
            resolve(**({"as_of": None, "valid_at": None, "known_at": None} | {name: text}), now=NOW)
        assert [error.code for error in told.value.errors] == ["as_of.future"]


def test_what_has_a_term_is_asked_about_a_later_day_as_it_is_known_today() -> None:
    found = resolve(None, "2029-11-30", None, NOW, ahead=True)
    assert (found.valid, found.known) == (date(2029, 11, 30), NOW)
    for name in ("as_of", "known_at"):
        with pytest.raises(Invalid):
            resolve(**({"as_of": None, "valid_at": None, "known_at": None} | {name: "2029-11-30"}), now=NOW, ahead=True)


def test_both_at_once_leave_open_what_is_meant() -> None:
    with pytest.raises(Invalid) as told:
        resolve("2026-11-20", "2026-11-31", "2099-01-01", NOW)
    assert [(error.pointer, error.code) for error in told.value.errors] == [
        ("?as_of", "as_of.alone"),
        ("?valid_at", "as_of.format"),
        ("?known_at", "as_of.future"),
    ]


@pytest.mark.parametrize("text", NO_DAYS)
def test_what_is_no_day(text: str) -> None:
    assert day_of(text) is None


def test_days() -> None:
    assert [day_of("1950-01-01"), day_of("2024-02-29")] == [date(1950, 1, 1), date(2024, 2, 29)]
