"""Pure parts of the shared HTTP and time code."""

import os
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import failpoints
from shared.clock import end_of_day, shanghai_date, start_of_day
from shared.context import new_traceparent
from shared.errors import Invalid
from shared.hotcache import HotCache
from shared.i18n import negotiate
from shared.ids import uuid7
from shared.times import YEARS, instant
from shared.web.hot import HotAnswer
from shared.web.paging import Keyset, position

LETTERS = Keyset("letters", str, position, date.fromisoformat, instant)


DAYS_AND_TIMES = st.datetimes(timezones=st.just(UTC)).filter(lambda at: at.year in YEARS)
TEXTS = st.text().filter(lambda text: "\0" not in text)


@given(st.tuples(TEXTS, st.integers(0, 10**18 - 1), st.dates(), DAYS_AND_TIMES))
def test_cursors_round_trip(key: tuple[Any, ...]) -> None:
    assert LETTERS.after(LETTERS.cursor(*key)) == key


@given(st.text(max_size=60))
def test_a_made_up_cursor_is_a_field_error(text: str) -> None:
    with pytest.raises(Invalid) as told:
        LETTERS.after(text)
    assert told.value.errors[0].pointer == "?cursor"


def test_a_cursor_of_another_list_is_refused() -> None:
    day, at = date(2026, 11, 24), datetime(2026, 11, 24, tzinfo=UTC)
    assert LETTERS.after(None) is None
    for other in (
        Keyset("notes").cursor("a", 1, day, at),
        Keyset("letters").cursor("a", 1, day),
        Keyset("letters").cursor("a", 1, day, at, at),
        Keyset("letters").cursor("a", "one", day, at),
        Keyset("letters").cursor("a", "9" * 30, day, at),
        Keyset("letters").cursor("a", "-1", day, at),
        Keyset("letters").cursor("a", "１", day, at),
        Keyset("letters").cursor("a", 1, day, "0001-01-01T00:00:00+14:00"),
        Keyset("letters").cursor("a", 1, day, "9999-12-31T23:59:59-14:00"),
        Keyset("letters").cursor("a", 1, day, "2026-11-24T04:00:00"),
        Keyset("letters").cursor("a\0", 1, day, at),
    ):
        with pytest.raises(Invalid):
            LETTERS.after(other)


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        (None, "zh"),
        ("", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,en;q=0.9", "en"),
        ("en;q=0.5, zh;q=0.4", "en"),
        ("fr, en;q=0.1", "en"),
        ("*", "zh"),
        ("en;q=0", "zh"),
        ("en;q=rubbish", "zh"),
        ("de", "zh"),
    ],
)
def test_language(header: str | None, lang: str) -> None:
    assert negotiate(header) == lang


def test_a_day_in_the_city() -> None:
    assert shanghai_date(datetime(2026, 11, 23, 16, 0, tzinfo=UTC)) == date(2026, 11, 24)
    assert end_of_day(date(2026, 11, 24)) == datetime(2026, 11, 24, 15, 59, 59, 999999, tzinfo=UTC)
    assert start_of_day(date(2026, 11, 24)) == datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


def test_ids_are_version_7_and_grow() -> None:
    ids = [uuid7() for _ in range(5000)]
    assert ids == sorted(set(ids))
    assert all(each[14] == "7" and each[19] in "89ab" for each in ids)


def test_processes_that_were_forked_from_one_make_ids_of_their_own() -> None:
    """As the four services of `pinzhi up` are: what the parent drew beforehand is nobody's."""
    uuid7()
    ends = set()
    for _ in range(3):
        reading, writing = os.pipe()
        if not (child := os.fork()):
            os.write(writing, uuid7()[-17:].encode())
            os._exit(0)
        os.waitpid(child, 0)
        ends.add(os.read(reading, 100))
        os.close(reading)
        os.close(writing)
    assert len(ends | {uuid7()[-17:].encode()}) == 4


def test_traces_keep_their_id() -> None:
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    assert new_traceparent(parent).split("-")[1] == "a" * 32
    assert new_traceparent("rubbish").split("-")[1] != "a" * 32
    not_hexadecimal = "00-" + "é" * 32 + "-" + "b" * 16 + "-01"
    assert new_traceparent(not_hexadecimal).isascii(), "it goes on into headers and events"


def answer(*tags: str) -> HotAnswer:
    return HotAnswer(b"x", tags=tags).finish()


def test_the_hot_cache_drops_by_tag_and_by_age() -> None:
    cache = HotCache(size=3)
    for number in range(3):
        cache.put(number, answer(f"t{number}", "all"), cache.version)
    cache.invalidate(["t1"])
    assert [cache.get(n) is not None for n in range(3)] == [True, False, True]
    cache.get(0)
    cache.put(3, answer("t3"), cache.version)
    cache.put(4, answer("t4"), cache.version)
    assert cache.get(2) is None, "the one used longest ago"
    assert cache.get(0) is not None
    cache.invalidate(["*"])
    assert all(cache.get(n) is None for n in range(5))


def test_the_hot_cache_is_bounded_by_bytes() -> None:
    cache = HotCache(max_bytes=1_000)
    for number in range(50):
        cache.put(number, HotAnswer(b"x" * 300, tags=("t",)).finish(), cache.version)
    assert [cache.get(n) is not None for n in range(46, 50)] == [False, True, True, True]
    assert cache.bytes == 900
    cache.put(49, answer("t"), cache.version)
    assert cache.bytes == 601
    cache.invalidate(["t"])
    assert [cache.get(n) for n in range(46, 50)] == [None] * 4
    assert cache.bytes == 0


def test_an_answer_read_before_an_invalidation_is_not_kept_after_it() -> None:
    cache = HotCache()
    before = cache.version
    cache.invalidate(["lot:1"])  # while the read was under way
    cache.put("k", answer("lot:1"), before)
    assert cache.get("k") is None


def test_an_answer_read_before_everything_was_invalidated_is_not_kept() -> None:
    cache = HotCache()
    before = cache.version
    cache.invalidate(["*"])
    cache.put("k", answer(), before)
    assert cache.get("k") is None


def test_an_invalidation_of_something_else_does_not_keep_an_answer_out() -> None:
    cache = HotCache()
    before = cache.version
    cache.invalidate(["lot:2"])
    cache.put("k", answer("lot:1"), before)
    assert cache.get("k") is not None
    cache.invalidate(["lot:1"])
    assert cache.get("k") is None


class _Read(NamedTuple):
    """A read under way: what it found, and when it began."""

    found: dict[str, int]
    version: int


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("invalidate"), st.sets(st.sampled_from("abcd*"))),
            st.tuples(st.just("begin"), st.sets(st.sampled_from("abcd"))),
            st.tuples(st.just("put"), st.integers(0, 3)),
            st.tuples(st.just("get"), st.integers(0, 3)),
        ),
        max_size=80,
    )
)
def test_the_hot_cache_never_gives_what_was_invalidated_since_it_was_read(steps: list[tuple[str, Any]]) -> None:
    """Each tag stands for a value that every invalidation raises; an answer is what was read of its tags."""
    cache, values = HotCache(size=3, tags=2), dict.fromkeys("abcd", 0)
    reads: list[_Read] = []
    for step, what in steps:
        if step == "invalidate":
            for tag in "abcd" if "*" in what else what:
                values[tag] += 1
            cache.invalidate(sorted(what))
        elif step == "begin":
            reads.append(_Read({tag: values[tag] for tag in what}, cache.version))
        elif step == "put" and reads:
            read = reads.pop()
            cache.put(what, HotAnswer(orjson.dumps(read.found), tags=tuple(read.found)), read.version)
        elif step == "get" and (found := cache.get(what)) is not None:
            assert all(values[tag] == value for tag, value in orjson.loads(found.body).items())
        assert len(cache._answers) <= 3
        assert len(cache._invalidated) <= 2


def test_failpoints_are_off_unless_named() -> None:
    failpoints.arm("")
    for name in failpoints.NAMES:
        failpoints.hit(name)
    with pytest.raises(ValueError, match="unknown failpoint"):
        failpoints.arm("no.such=kill")
    failpoints.arm("relay.after_send=raise@2")
    failpoints.hit("relay.after_send")
    with pytest.raises(OSError, match=r"relay\.after_send"):
        failpoints.hit("relay.after_send")
    failpoints.arm("")
