"""Who gets which token, and how failed attempts are slowed down. Pure: time comes in as seconds."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TOKEN_SECONDS = 900
FORGET_SECONDS = 900.0
"""A failure is forgotten after this long without another."""
LONGEST_WAIT = 60.0
MAX_NAME = 200
"""Characters of a client's or user's name, none of which has as many: it becomes a key here."""
MAX_FORM = 16 * 1024
"""Bytes of a token request."""


def slowed(failures: int) -> float:
    """Seconds that an attempt waits for a name that failed so often, from anywhere."""
    return min(3.0, 0.05 * max(0, failures - 50))


class OAuthError(Exception):
    """An error of RFC 6749 section 5.2. `description` is ASCII, as the RFC wants it."""

    def __init__(self, error: str, zh: str, en: str, *, status: int = 400, retry_after: int | None = None) -> None:
        super().__init__(f"{error}: {en}")
        self.error, self.zh, self.en, self.status, self.retry_after = error, zh, en, status, retry_after


def grant_scopes(requested: str | None, allowed: Iterable[str]) -> list[str]:
    """All that the client has, or the part it asks for. Raises `invalid_scope` that names what it has not."""
    have = set(allowed)
    if requested is None or not requested.strip():
        return sorted(have)
    wanted = set(requested.split())
    if missing := sorted(wanted - have):
        listed = " ".join(missing).encode("ascii", "replace").decode()
        raise OAuthError("invalid_scope", f"没有这些权限：{listed}", f"Not granted: {listed}")
    return sorted(wanted)


def claims(
    subject: Mapping[str, Any], *, sub: str, kind: str, scope: list[str], issuer: str, audience: str, now: int, jti: str
) -> dict[str, Any]:
    """The claims of an access token (see `shared/auth/tokens.py`); what a subject has not is left out."""
    optional = {key: subject.get(key) for key in ("department", "area", "uscc", "roles")}
    return {
        "iss": issuer,
        "aud": audience,
        "sub": sub,
        "iat": now,
        "exp": now + TOKEN_SECONDS,
        "jti": jti,
        "kind": kind,
        "name": subject["name"],
        "scope": " ".join(scope),
    } | {key: value for key, value in optional.items() if value}


@dataclass
class _Failures:
    count: int
    last: float


class Throttle:
    """Failed attempts for each key: after `free` of them every further one doubles the wait, up to a minute."""

    def __init__(self, free: int, *, keys: int = 10_000) -> None:
        self._free, self._keys = free, keys
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Seconds until the next attempt may be made; 0 when it may be now."""
        failures = self._failures.get(key)
        if failures is None or now - failures.last > FORGET_SECONDS or failures.count < self._free:
            return 0.0
        pause = min(LONGEST_WAIT, 2.0 ** min(10, failures.count - self._free))
        return max(0.0, failures.last + pause - now)

    def failures(self, key: str, now: float) -> int:
        """How many were counted and not forgotten."""
        failures = self._failures.get(key)
        return 0 if failures is None or now - failures.last > FORGET_SECONDS else failures.count

    def left(self, key: str, now: float) -> int:
        """How many attempts may be made at once: what is left of the free ones, and one after each wait."""
        return max(1, self._free - self.failures(key, now))

    def failed(self, key: str, now: float) -> None:
        failures = self._failures.pop(key, None)
        if failures is None or now - failures.last > FORGET_SECONDS:
            failures = _Failures(0, now)
        self._failures[key] = _Failures(failures.count + 1, now)
        if len(self._failures) > self._keys:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        self._failures.pop(key, None)
