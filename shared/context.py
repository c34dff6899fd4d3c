"""What belongs to the request or event that is being handled: ids for logs, traces and the events that follow."""

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Trace:
    """`correlation_id` follows a cause through all services; `causation_id` is the event that is being handled."""

    request_id: str
    traceparent: str
    correlation_id: str
    causation_id: str | None = None


current: ContextVar[Trace | None] = ContextVar("pinzhi_trace", default=None)


def new_traceparent(parent: str | None = None) -> str:
    """A W3C `traceparent` with a new span; the trace id of `parent` is kept when it is well formed."""
    trace_id = secrets.token_hex(16)
    if parent:
        parts = _TRACEPARENT.fullmatch(parent)
        if parts is not None and parts[1] != "0" * 32:
            trace_id = parts[1]
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"
