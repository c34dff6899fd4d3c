"""Adding scans up."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.traceability.scans.rules import Seen, code_key, totals

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def test_no_two_codes_share_a_key() -> None:
    parts = [None, "A", "A/B", "B", "A%2FB", "."]
    codes = [("09521101530001", lot, serial) for lot in parts for serial in parts]
    assert len({code_key(*code) for code in codes}) == len(codes)


def test_first_is_the_earliest_and_areas_add_up() -> None:
    scans = [
        Seen("s2", "c", START + timedelta(minutes=2), "370602"),
        Seen("s1", "c", START, "370600"),
        Seen("s3", "c", START + timedelta(minutes=3), None),
    ]
    counters, areas = totals(scans)
    assert counters == [
        {"code": "c", "times": 3, "first_at": START, "first_area": "370600", "last_at": START + timedelta(minutes=3)}
    ]
    assert {row["area_code"]: row["times"] for row in areas} == {"370600": 1, "370602": 1, "": 1}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 99), st.sampled_from([None, "370600", "370602"]))))
def test_counts_of_areas_are_the_counts_of_codes(raw: list[tuple[str, int, str | None]]) -> None:
    scans = [Seen(str(n), code, START + timedelta(seconds=at), area) for n, (code, at, area) in enumerate(raw)]
    counters, areas = totals(scans)
    for row in counters:
        assert row["times"] == sum(area["times"] for area in areas if area["code"] == row["code"])
    assert sum(row["times"] for row in counters) == len(scans)
