"""Breaker and retry budget, in seconds of an imagined clock."""

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.proxy.rules import request_headers, response_headers
from services.gateway.upstreams.rules import Breaker, RetryBudget, may_retry, retry_after_seconds


def test_five_failures_open_it_for_ten_seconds_and_one_probe_decides() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker.fail(0.0)
    assert breaker.allow(0.0)
    breaker.fail(0.0)
    assert (breaker.allow(9.9), breaker.retry_after(0.0), breaker.state(9.9)) == (False, 10, "open")
    assert breaker.allow(10.0)
    assert not breaker.allow(10.0), "one probe at a time"
    breaker.fail(10.0)
    assert not breaker.allow(19.9)
    assert breaker.allow(20.0)
    breaker.succeed()
    assert breaker.state(20.0) == "closed"
    assert breaker.allow(20.0)
    assert breaker.allow(20.0)


def test_a_probe_that_told_nothing_leaves_room_for_the_next() -> None:
    breaker = Breaker(threshold=1)
    breaker.fail(0.0)
    assert breaker.allow(10.0)
    breaker.abandon()
    assert breaker.allow(10.0)


def test_a_success_forgets_the_failures_before_it() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker.fail(0.0)
    breaker.succeed()
    for _ in range(4):
        breaker.fail(0.0)
    assert breaker.allow(0.0)


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
        st.tuples(st.sampled_from(["Connection", "TE", "Keep-Alive", "X-A", "Host", "Accept"]), st.text(max_size=9))
    )
)
def test_no_header_of_the_hop_passes(headers: list[tuple[str, str]]) -> None:
    named = {token.strip().lower() for name, value in headers if name == "Connection" for token in value.split(",")}
    for kept in (
        request_headers(headers, client="::1", host="a", scheme="http", request_id="r"),
        response_headers(headers),
    ):
        names = {name.lower() for name, _ in kept}
        assert not names & {"connection", "te", "keep-alive"}
        assert not (names - {"forwarded", "x-request-id"}) & named
    assert ("forwarded", 'for="[::1]";host="a";proto=http') in request_headers(
        [], client="::1", host="a", scheme="http", request_id="r"
    )
