"""The pure decisions of the consumer, on whatever a broker may deliver."""

from collections import defaultdict
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.bus.envelope import Envelope, EnvelopeError, Record, from_record, to_record
from shared.bus.plan import group_for_handlers, plan_batch

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def event(key: str, sequence: int, type_: str = "t") -> Envelope:
    return Envelope(f"{key}-{sequence}", type_, "credit", key, sequence, NOW, b"{}")


deliveries = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 8)), max_size=40)
types = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=60)


@given(deliveries, st.dictionaries(st.sampled_from("abc"), st.integers(0, 4)), st.sets(st.sampled_from("abc")))
def test_what_is_applied_continues_each_key_without_gap_or_repeat(
    delivered: list[tuple[str, int]], applied: dict[str, int], blocked: set[str]
) -> None:
    positions = {("credit", key): last for key, last in applied.items()}
    batch = [event(key, sequence) for key, sequence in delivered]
    plan = plan_batch(batch, positions, {("credit", key) for key in blocked})
    fresh: dict[str, list[int]] = defaultdict(list)
    for each in plan.fresh:
        fresh[each.key].append(each.sequence)
    for key, sequences in fresh.items():
        start = applied.get(key, 0)
        assert key not in blocked
        assert sequences == list(range(start + 1, start + 1 + len(sequences)))
        assert plan.positions[("credit", key)] == sequences[-1]
    assert len(plan.fresh) + len(plan.parked) + len(plan.ahead) + plan.skipped == len(batch)
    for each in plan.parked + plan.ahead:
        assert each.sequence > applied.get(each.key, 0)


def test_an_event_ahead_blocks_its_key_only() -> None:
    plan = plan_batch([event("a", 3), event("a", 1), event("b", 1)], {}, set())
    assert [e.sequence for e in plan.ahead] == [3]
    assert [(e.key, e.sequence) for e in plan.parked] == [("a", 1)]
    assert [(e.key, e.sequence) for e in plan.fresh] == [("b", 1)]


@given(types)
def test_grouping_keeps_the_order_of_each_key(given_types: list[tuple[str, str]]) -> None:
    counts: dict[str, int] = defaultdict(int)
    events = []
    for key, type_ in given_types:
        counts[key] += 1
        events.append(event(key, counts[key], type_))
    groups = group_for_handlers(events)
    flat = [each for _, group in groups for each in group]
    assert sorted(e.id for e in flat) == sorted(e.id for e in events)
    for type_, group in groups:
        assert {e.type for e in group} == {type_}
    for key, last in counts.items():
        assert [e.sequence for e in flat if e.key == key] == list(range(1, last + 1))


def test_different_keys_of_one_type_are_one_group_even_when_types_alternate() -> None:
    events = [event(f"k{n}", 1, "x" if n % 2 else "y") for n in range(100)]
    assert len(group_for_handlers(events)) == 2


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200)


@given(KEYS, st.integers(1, 2**63 - 1), st.binary(), st.one_of(st.none(), st.text(min_size=1, max_size=20)))
def test_envelopes_round_trip(key: str, sequence: int, data: bytes, cause: str | None) -> None:
    made = Envelope("id", "pinzhi.credit.x.v1", "credit", key, sequence, NOW, data, cause, cause, cause)
    assert from_record(to_record("pinzhi.credit.v1", made)) == made


def test_structured_mode_is_read_too() -> None:
    value = (
        b'{"specversion":"1.0","id":"i","source":"/pinzhi/credit","type":"t","time":"2026-11-24T00:00:00Z",'
        b'"partitionkey":"k","sequence":"7","data":{"a":1}}'
    )
    got = from_record(Record("t", "k", value, {"content-type": "application/cloudevents+json; charset=utf-8"}))
    assert (got.key, got.sequence, got.data) == ("k", 7, b'{"a":1}')


@given(
    st.dictionaries(st.sampled_from(["ce_id", "ce_type", "ce_sequence", "ce_time", "content-type"]), st.text()),
    st.binary(),
)
def test_rubbish_is_refused_with_the_declared_error_only(headers: dict[str, str], value: bytes) -> None:
    try:
        from_record(Record("t", "k", value, headers))
    except EnvelopeError as error:
        assert str(error)
