"""When to ask an upstream, when to ask again, when to leave it alone. Time comes in as seconds of any one clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
RETRY_STATUS = frozenset({502, 503, 504})
MAX_RETRIES = 2

BreakerState = Literal["closed", "open", "half_open"]


@dataclass
class Breaker:
    """`threshold` failures in a row open it for `open_seconds`, or until the service itself says that it is ready
    again; then one probe decides.

    A good look only lets the probe out early and never closes: `/readyz` does not tell whether real requests succeed.
    A service that is ready and fails them loses its word: each time that it was believed and failed again, its looks
    count for nothing for twice as long, up to `open_seconds`. `threshold` successes in a row win its word back.
    """

    threshold: int = 5
    open_seconds: float = 10.0
    failures: int = 0
    opened_at: float | None = None
    probing: bool = False
    deaf_seconds: float = 0.0
    """How long after it opened a good look counts for nothing."""
    owed: int = 0
    """Successes in a row that are missing until the service has its word back."""
    told_ready: bool = False

    def state(self, now: float) -> BreakerState:
        if self.opened_at is None:
            return "closed"
        return "half_open" if self.told_ready or now >= self.opened_at + self.open_seconds else "open"

    def allow(self, now: float) -> bool:
        """Whether a request may go out. In `half_open` the first one may, as the probe."""
        state = self.state(now)
        if state == "half_open" and not self.probing:
            self.probing = True
            return True
        return state == "closed"

    def retry_after(self, now: float) -> int:
        """Whole seconds until the next probe at the latest, at least 1."""
        if self.opened_at is None:
            return 1
        return max(1, round(self.opened_at + self.open_seconds - now))

    def look(self, begun: float) -> None:
        """A look at the service that was begun then found it ready."""
        if self.opened_at is not None and not self.told_ready and begun > self.opened_at + self.deaf_seconds:
            self.told_ready, self.owed = True, self.threshold

    def succeed(self) -> None:
        if self.opened_at is not None and self.deaf_seconds:
            self.owed = self.threshold
        self.failures, self.opened_at, self.probing, self.told_ready = 0, None, False, False
        self.owed = max(0, self.owed - 1)
        if not self.owed:
            self.deaf_seconds = 0.0

    def fail(self, now: float, *, begun: float) -> None:
        """A request that went out at `begun` failed."""
        if self.opened_at is not None and begun < self.opened_at:
            return  # it went out before the breaker opened and tells nothing new
        self.failures += 1
        if self.opened_at is not None or self.failures >= self.threshold:
            if self.owed:
                self.deaf_seconds = min(self.open_seconds, max(1.0, 2 * self.deaf_seconds))
            self.opened_at, self.owed, self.told_ready = now, 0, False
        elif self.owed:
            self.owed = self.threshold
        self.probing = False

    def abandon(self) -> None:
        """The request ended without telling anything (the client went away): the next one may probe."""
        self.probing = False


@dataclass
class RetryBudget:
    """Retries may be at most `ratio` of the requests, with `reserve` retries to begin with and as the ceiling."""

    ratio: float = 0.2
    reserve: float = 10.0
    tokens: float = field(default=10.0)

    def note_request(self) -> None:
        self.tokens = min(self.reserve, self.tokens + self.ratio)

    def take(self) -> bool:
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def may_retry(method: str, attempt: int, *, replayable: bool) -> bool:
    """`attempt` counts from 0. A body that was streamed cannot be sent again."""
    return replayable and method in IDEMPOTENT and attempt < MAX_RETRIES


def backoff(attempt: int, jitter: float) -> float:
    """Seconds before the retry: 50 ms doubling, full jitter (`jitter` in 0..1)."""
    return float(0.05 * 2**attempt * jitter)


def retry_after_seconds(header: str | None) -> float | None:
    """The delay form of `Retry-After`; the date form is treated as unknown."""
    if header is None or not header.strip().isdigit():
        return None
    return float(header.strip())


def are_text(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether all values are UTF-8, which a client that works with text sends on unchanged."""
    try:
        for _, value in headers:
            value.decode()
    except UnicodeDecodeError:
        return False
    return True
