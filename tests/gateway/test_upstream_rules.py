"""Breaker and retry budget, in seconds of an imagined clock."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.proxy.rules import DotSegment, NotOfPrefix, request_headers, response_headers, target
from services.gateway.upstreams.rules import Breaker, RetryBudget, may_retry, retry_after_seconds


def test_five_failures_open_it_for_ten_seconds_and_one_probe_decides() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker.fail(0.0, begun=0.0)
    assert breaker.allow(0.0)
    breaker.fail(0.0, begun=0.0)
    assert (breaker.allow(9.9), breaker.retry_after(0.0), breaker.state(9.9)) == (False, 10, "open")
    assert breaker.allow(10.0)
    assert not breaker.allow(10.0), "one probe at a time"
    breaker.fail(10.0, begun=10.0)
    assert not breaker.allow(19.9)
    assert breaker.allow(20.0)
    breaker.succeed()
    assert breaker.state(20.0) == "closed"
    assert breaker.allow(20.0)
    assert breaker.allow(20.0)


def test_a_probe_that_told_nothing_leaves_room_for_the_next() -> None:
    breaker = Breaker(threshold=1)
    breaker.fail(0.0, begun=0.0)
    assert breaker.allow(10.0)
    breaker.abandon()
    assert breaker.allow(10.0)


def test_a_success_forgets_the_failures_before_it() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker.fail(0.0, begun=0.0)
    breaker.succeed()
    for _ in range(4):
        breaker.fail(0.0, begun=0.0)
    assert breaker.allow(0.0)


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(5):
        breaker.fail(at, begun=at)
    return breaker


def test_a_good_look_lets_one_probe_out_at_once() -> None:
    breaker = opened(100.0)
    breaker.look(99.9)
    assert breaker.state(101.0) == "open", "a look that was begun before it opened tells nothing"
    breaker.look(100.9)
    assert breaker.state(101.0) == "half_open"
    assert (breaker.allow(101.0), breaker.allow(101.0)) == (True, False)
    breaker.succeed()
    assert breaker.state(101.0) == "closed"


def test_a_request_from_before_the_opening_neither_spends_the_probe_nor_prolongs_the_wait() -> None:
    breaker = opened(100.0)
    breaker.fail(104.0, begun=99.0)
    assert breaker.retry_after(104.0) == 6
    breaker.look(105.0)
    assert breaker.allow(105.1)
    breaker.fail(105.2, begun=99.5)
    assert not breaker.allow(105.3), "the probe is still under way"
    breaker.abandon()
    assert breaker.allow(105.4), "and may be made again"


def test_probes_that_failed_while_it_was_down_do_not_make_the_return_slower() -> None:
    breaker = opened(0.0)
    for now in (10.0, 20.0, 30.0):
        assert breaker.allow(now)
        breaker.fail(now, begun=now)
    breaker.look(31.0)
    assert breaker.allow(31.1)


@pytest.mark.parametrize("served", [0, 1, 4])
def test_a_service_that_is_ready_and_fails_requests_is_soon_left_alone_as_long_as_one_that_is_not(served: int) -> None:
    """It is asked 8 times a second, looks are good, and of its answers only the first `served` after a probe are."""
    breaker, asked, good, openings = Breaker(), 0, 0, []
    for tick in range(4800):
        now = tick / 8
        breaker.look(now)
        if not breaker.allow(now):
            continue
        asked += 1
        good = good + 1 if breaker.opened_at is None else 0
        if openings and good < served:
            breaker.succeed()
        else:
            before = breaker.opened_at
            breaker.fail(now, begun=now)
            if breaker.opened_at != before:
                openings.append(now)
    assert all(after - before >= 10.0 for before, after in pairwise(openings[6:]))
    assert asked <= (600 / 10 + 7) * (5 + served)


def test_five_successes_in_a_row_win_its_word_back() -> None:
    breaker = opened(0.0)
    breaker.look(1.0)
    assert breaker.allow(1.0)
    breaker.fail(1.0, begun=1.0)
    breaker.look(1.9)
    assert not breaker.allow(1.9), "not believed for a second"
    breaker.look(2.1)
    assert breaker.allow(2.1)
    for _ in range(5):
        breaker.succeed()
    for _ in range(5):
        breaker.fail(3.0, begun=3.0)
    breaker.look(3.1)
    assert breaker.allow(3.1)


@given(st.lists(st.booleans(), max_size=400))
def test_retries_never_exceed_a_fifth_of_the_requests_and_the_reserve(wishes: list[bool]) -> None:
    budget, retries = RetryBudget(), 0
    for number, wish in enumerate(wishes, 1):
        budget.note_request()
        retries += wish and budget.take()
        assert retries <= 10 + 0.2 * number + 1e-9


def test_what_may_be_repeated() -> None:
    assert may_retry("GET", 0, replayable=True)
    assert may_retry("DELETE", 1, replayable=True)
    assert not may_retry("GET", 2, replayable=True)
    assert not may_retry("POST", 0, replayable=True)
    assert not may_retry("PUT", 0, replayable=False)
    assert [retry_after_seconds(text) for text in ("3", " 3 ", "Wed, 21 Oct", None, "-1")] == [
        3.0,
        3.0,
        None,
        None,
        None,
    ]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"Connection", b"TE", b"Keep-Alive", b"X-A", b"Host", b"Accept"]), st.binary(max_size=9)
        )
    )
)
def test_no_header_of_the_hop_passes(headers: list[tuple[bytes, bytes]]) -> None:
    named = {token.strip().lower() for name, value in headers if name == b"Connection" for token in value.split(b",")}
    for kept in (
        request_headers(headers, client="::1", host=b"a", scheme="http", request_id="r"),
        response_headers(headers),
    ):
        names = {name.lower() for name, _ in kept}
        assert not names & {b"connection", b"te", b"keep-alive"}
        assert not (names - {b"forwarded", b"x-request-id"}) & named
    assert (b"forwarded", b'for="[::1]";host="a";proto=http') in request_headers(
        [], client="::1", host=b"a", scheme="http", request_id="r"
    )


@pytest.mark.parametrize(
    ("raw", "reached"),
    [
        (b"/v1/credit", b"/v1/credit"),
        (b"/v1/credit/", b"/v1/credit/"),
        (b"/v1/credit/a%2Fb//c", b"/v1/credit/a%2Fb//c"),
        (b"/v1/%63redit/a", b"/v1/credit/a"),
        (b"/v1/credit/...", b"/v1/credit/..."),
        (b"/v1/credit/.well-known/..a", b"/v1/credit/.well-known/..a"),
        (b"/v1/credit/%252e%252e/metrics", b"/v1/credit/%252e%252e/metrics"),
    ],
)
def test_the_target_is_the_prefix_and_what_was_sent_behind_it(raw: bytes, reached: bytes) -> None:
    assert target("/v1/credit", raw, b"") == reached
    assert target("/v1/credit", raw, b"a=%2F..") == reached + b"?a=%2F.."


@pytest.mark.parametrize(
    "dots", [b"..", b".", b"%2e%2e", b"%2E.", b".%2e", b"a%2F..%2Fb", b"%2f%2e", b"..%2f..%2fmetrics"]
)
@pytest.mark.parametrize("path", [b"/v1/credit/%b", b"/v1/credit/%b/metrics", b"/v1/credit/violations/%b/%b/readyz"])
def test_no_target_holds_dots(path: bytes, dots: bytes) -> None:
    with pytest.raises(DotSegment):
        target("/v1/credit", path.replace(b"%b", dots), b"")


@pytest.mark.parametrize(
    "raw", [b"/v1%2Fcredit/a", b"/v1%2fcredit", b"/v1/credit%2Fa/b", b"//v1/credit", b"/v1/creditx"]
)
def test_a_path_that_only_decodes_to_the_prefix_has_no_target(raw: bytes) -> None:
    with pytest.raises(NotOfPrefix):
        target("/v1/credit", raw, b"")
