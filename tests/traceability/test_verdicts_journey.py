"""The way of a lot: order, gaps, flows."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.traceability.verdicts.journey import MAX_STEPS, Seen, steps

START = datetime(2026, 10, 12, 1, 0, tzinfo=UTC)
_numbers = count(1)


def seen(step: str | None, hour: int = 0, *, flow: str = "lot", gln: str | None = None, **more: object) -> Seen:
    more.setdefault("event_type", "ObjectEvent")
    number = next(_numbers)
    return Seen(f"{number:06d}", START + timedelta(hours=hour), flow, "own", biz_step=step, gln=gln, **more)  # type: ignore[arg-type]


def told(*events: Seen) -> list[tuple[str, bool]]:
    return [(step.step, step.gap) for step in steps(events)]


def test_steps_are_in_order_of_time_whatever_the_order_of_arrival() -> None:
    late, early = seen("receiving", 5), seen("shipping", 2)
    assert told(late, early, seen("commissioning", 0)) == [
        ("commissioning", False), ("shipping", False), ("receiving", False),
    ]  # fmt: skip


def test_a_shipment_without_receipt_is_a_gap_after_it_that_names_who_should_have_told() -> None:
    way = steps([seen("shipping", 1, destination="B", destination_name="示例批发市场"), seen("stocking", 9)])
    assert [(step.step, step.gap, step.party) for step in way] == [
        ("shipping", False, None), ("receiving", True, "示例批发市场"), ("stocking", False, None),
    ]  # fmt: skip
    assert way[1].at is None


def test_a_receipt_without_shipment_is_a_gap_before_it() -> None:
    way = steps([seen("commissioning", 0), seen("receiving", 5, source_name="示例冷库")])
    assert [(step.step, step.gap, step.party) for step in way[1:]] == [
        ("shipping", True, "示例冷库"), ("receiving", False, None),
    ]  # fmt: skip


def test_two_halves_that_name_different_parties_are_two_gaps() -> None:
    assert told(seen("shipping", 1, destination="B"), seen("receiving", 5, destination="C")) == [
        ("shipping", False), ("receiving", True), ("shipping", True), ("receiving", False),
    ]  # fmt: skip


def test_shipments_to_two_shops_are_matched_to_their_own_receipts() -> None:
    events = [
        seen("shipping", 1, destination="B"),
        seen("shipping", 2, destination="C"),
        seen("receiving", 5, destination="C"),
        seen("receiving", 9, destination="B"),
    ]
    assert not any(step.gap for step in steps(events))


def test_departing_and_accepting_repeat_what_was_told_at_the_same_place() -> None:
    events = [
        seen("shipping", 1, gln="A"),
        seen("departing", 2, gln="A"),
        seen("receiving", 5, gln="B"),
        seen("accepting", 6, gln="B"),
    ]
    assert not any(step.gap for step in steps(events))
    assert told(*events[:2]) == [("shipping", False), ("departing", False), ("receiving", True)]


def test_each_flow_is_judged_by_itself() -> None:
    events = [seen("shipping", 1, flow="raw"), seen("receiving", 2, flow="lot"), seen("receiving", 3, flow="raw")]
    gaps = [step for step in steps(events) if step.gap]
    assert [gap.step for gap in gaps] == ["shipping"]


@pytest.mark.parametrize(
    ("event_type", "step"),
    [("TransformationEvent", "commissioning"), ("AggregationEvent", "packing"), ("ObjectEvent", "observing")],
)
def test_an_event_without_a_step_is_named_by_its_type(event_type: str, step: str) -> None:
    assert told(seen(None, event_type=event_type)) == [(step, False)]


def test_a_very_long_way_keeps_its_beginning_and_its_end() -> None:
    way = steps([seen("sensor_reporting", hour) for hour in range(500)])
    assert len(way) == MAX_STEPS
    assert way[0].at == START
    assert way[-1].at == START + timedelta(hours=499)


@given(st.lists(st.sampled_from(["shipping", "receiving", "storing", "commissioning"]), max_size=25))
def test_every_event_is_told_once_and_halves_balance(kinds: list[str]) -> None:
    way = steps([seen(kind, hour) for hour, kind in enumerate(kinds)])
    assert [step.step for step in way if not step.gap] == kinds
    sent = sum(step.step == "shipping" for step in way)
    got = sum(step.step == "receiving" for step in way)
    assert sent == got
