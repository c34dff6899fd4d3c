"""What belongs to the request or event that is being handled: ids for logs, traces and the events that follow."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from shared.ids import random_word

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Trace:
    """`correlation_id` follows a cause through all services; `causation_id` is the event that is being handled."""

    request_id: str
    traceparent: str
    correlation_id: str
    causation_id: str | None = None


current: ContextVar[Trace | None] = ContextVar("pinzhi_trace", default=None)


@contextmanager
def of(trace: Trace | None) -> Iterator[None]:
    """What is written inside belongs to that request or event: several may share a transaction."""
    token = current.set(trace)
    try:
        yield
    finally:
        current.reset(token)


def new_traceparent(parent: str | None = None) -> str:
    """A W3C `traceparent` with a new span; the trace id of `parent` is kept when it is well formed."""
    trace_id = f"{random_word():016x}{random_word():016x}"
    if parent:
        parts = _TRACEPARENT.fullmatch(parent)
        if parts is not None and parts[1] != "0" * 32:
            trace_id = parts[1]
    return f"00-{trace_id}-{random_word():016x}-01"
