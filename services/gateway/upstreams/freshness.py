"""How old each part of an answer is."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from services.gateway.schemas import Envelope, Part, PartError
from services.gateway.upstreams.client import WORDS, UpstreamError
from services.gateway.upstreams.monitor import TAG
from shared.clock import shanghai_date, start_of_day
from shared.db.types import utc_text

if TYPE_CHECKING:
    from services.gateway.upstreams.monitor import Monitor


def part(monitor: "Monitor", name: str, changed_at: str | None, now: datetime) -> Part:
    """Current, or as of the time up to which all events of the source are applied here (at least its newest one)."""
    changed_at = changed_at or None
    if monitor.current(name, now):
        return {"current": True, "as_of": None, "age_seconds": None, "changed_at": changed_at}
    whole_at = monitor.seen[name].whole_at
    as_of = max(filter(None, (utc_text(whole_at) if whole_at else None, changed_at)), default=None)
    age = max(0, int((now - datetime.fromisoformat(as_of)).total_seconds())) if as_of else None
    return {"current": False, "as_of": as_of, "age_seconds": age, "changed_at": changed_at}


def envelope(
    monitor: "Monitor", changed: Mapping[str, str | None], now: datetime, errors: Sequence[PartError] = ()
) -> Envelope:
    """`changed`: source -> time of its newest event in the answer."""
    return {
        "complete": not errors,
        "parts": {name: part(monitor, name, at, now) for name, at in changed.items()},
        "errors": list(errors),
    }


def error_of(error: UpstreamError, part_name: str | None = None) -> PartError:
    words = WORDS[error.code]
    return {
        "part": part_name or error.upstream,
        "code": error.code,
        "retryable": error.retryable,
        "detail": words.zh,
        "detail_en": words.en,
    }


def age_of(view: Envelope) -> int:
    """Seconds, of the oldest part: what stands in the `Age` header."""
    return max((part["age_seconds"] or 0 for part in view["parts"].values()), default=0)


def fresh_until(view: Envelope, now: datetime) -> datetime:
    """When the bytes of an answer go stale by themselves: at midnight in the city, where listings and shelf lives end;
    after a second where an age is told."""
    if all(part["current"] for part in view["parts"].values()):
        return start_of_day(shanghai_date(now) + timedelta(days=1))
    return now + timedelta(seconds=1)


def tags(view: Envelope) -> tuple[str, ...]:
    return tuple(TAG + name for name in view["parts"])
