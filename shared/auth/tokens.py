"""Verifies access tokens (JWT, EdDSA; RFC 7519, RFC 8037) against the issuer's key set. Every service does it itself.

Claims: `iss aud sub exp iat jti`, `kind` (`department | enterprise | staff`), `name`, `department`, `area`, `uscc`,
`roles` (list), `scope` (space-separated, RFC 8693 section 4.2).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from shared.auth.principal import Principal
from shared.clock import Clock
from shared.errors import Unauthenticated, Unavailable

_LEEWAY = 5
_LONGEST = 8 * 1024
"""Characters of a token; it is a key of the cache."""
_CACHE = 2048
_REFETCH_SECONDS = 10.0


class TokenVerifier:
    """`jwks` is a URL or a path. An unknown key id makes it look again, at most once in ten seconds.

    `revoked_since` gives the instant (seconds since the epoch) before which a principal's tokens are void, or None.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks: str,
        clock: Clock,
        revoked_since: Callable[[str], float | None] = lambda _principal: None,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._jwks = jwks
        self._clock = clock
        self._revoked_since = revoked_since
        self._keys: KeySet | None = None
        self._fetched = float("-inf")
        self._lock = asyncio.Lock()
        self._cache: OrderedDict[str, tuple[float, float, Principal]] = OrderedDict()
        """Token -> when it expires, when it was issued, whose it is."""

    async def principal(self, token: str, *, at: datetime | None = None) -> Principal:
        """The principal of a bearer token, now or as of `at`. Raises `Unauthenticated` that says what does not hold."""
        now = (at or self._clock.now()).timestamp()
        known = self._cache.get(token)
        if known is not None and known[0] > now:
            self._cache.move_to_end(token)
            return self._not_revoked(known[2], known[1], at)
        claims = await self._claims(token)
        principal, issued = self._check(claims, now), _issued(claims)
        self._cache[token] = (float(claims["exp"]), issued, principal)
        if len(self._cache) > _CACHE:
            self._cache.popitem(last=False)
        return self._not_revoked(principal, issued, at)

    def _not_revoked(self, principal: Principal, issued: float, at: datetime | None) -> Principal:
        """As of `at` a later revocation had not been spoken. Now every one has that is known here, also where its
        instant lies ahead: it was taken from the clock of another process."""
        since = self._revoked_since(principal.id)
        if since is not None and issued < since and (at is None or since <= at.timestamp()):
            zh = "令牌已失效：账号已停用，或其权限已变更（请重新取得令牌）"
            en = "The token is void: its account was revoked, or what it may do was changed (get a new token)"
            raise _refused("revoked", zh, en)
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        keys = await self._key_set(refresh=False)
        try:
            return _decoded(token, keys)
        except (JoseError, ValueError):
            pass
        # The key may be new: look once more before refusing.
        newer = await self._key_set(refresh=True)
        try:
            return _decoded(token, newer)
        except (JoseError, ValueError) as error:
            raise _refused(
                "signature", "令牌签名无效或格式不对", "The token's signature or form does not hold"
            ) from error

    async def _key_set(self, *, refresh: bool) -> KeySet:
        async with self._lock:
            stale = self._keys is None or (refresh and time.monotonic() - self._fetched > _REFETCH_SECONDS)
            if stale:
                self._fetched = time.monotonic()
                self._keys = KeySet.import_key_set(await self._load())
            assert self._keys is not None
            return self._keys

    async def _load(self) -> KeySetSerialization:
        try:
            if self._jwks.startswith(("http://", "https://")):
                async with httpx.AsyncClient(timeout=3) as client:
                    response = await client.get(self._jwks)
                    response.raise_for_status()
                    body: KeySetSerialization = response.json()
            else:
                body = orjson.loads(await asyncio.to_thread(Path(self._jwks).read_bytes))
            return body
        except (httpx.HTTPError, OSError, ValueError) as error:
            if self._keys is not None:
                return self._keys.as_dict()
            raise Unavailable(
                "issuer_unreachable", zh="暂时取不到令牌签发方的公钥", en="The issuer's keys cannot be had right now"
            ) from error

    def _check(self, claims: dict[str, Any], now: float) -> Principal:
        if claims.get("iss") != self._issuer:
            raise _refused("issuer", "令牌不是由本平台的签发方签发", "The token is from another issuer")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise _refused("audience", "令牌不是发给本平台的", "The token is for another audience")
        expires, starts = _instant(claims.get("exp")), _instant(claims.get("nbf", 0))
        if expires is None or expires + _LEEWAY < now:
            raise _refused("expired", "令牌已过期，请重新取得", "The token has expired; get a new one")
        if starts is None or starts - _LEEWAY > now:
            raise _refused("not_yet", "令牌尚未生效", "The token is not valid yet")
        if claims.get("kind") not in ("department", "enterprise", "staff") or not isinstance(claims.get("sub"), str):
            raise _refused("claims", "令牌缺少 kind 或 sub", "The token lacks kind or sub")
        if wrong := [name for name, holds in _CLAIMS.items() if name in claims and not holds(claims[name])]:
            words = ", ".join(wrong)
            raise _refused("claims", f"令牌中这些声明的类型或长度不对：{words}", f"Claims of a wrong kind: {words}")
        return Principal(
            kind=claims["kind"],
            id=claims["sub"],
            name=str(claims.get("name", "")),
            department=claims.get("department"),
            area=claims.get("area"),
            uscc=claims.get("uscc"),
            roles=frozenset(claims.get("roles", ())),
            scopes=frozenset(str(claims.get("scope", "")).split()),
        )


def _decoded(token: str, keys: KeySet) -> dict[str, Any]:
    """Raises JoseError, ValueError."""
    if len(token) > _LONGEST:
        raise ValueError("too long")
    try:
        claims = jwt.decode(token, keys, algorithms=["Ed25519", "EdDSA"]).claims
    except (TypeError, AttributeError, LookupError, OverflowError, RecursionError) as error:
        # A header that is JSON and no header (`"alg": []`, `"kid": {}`): the library looks into it unasked.
        raise ValueError("no token") from error
    if not isinstance(claims, dict):
        raise ValueError("no claims")
    return claims


def _is_text(most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and len(value) <= most


_CLAIMS: dict[str, Callable[[Any], bool]] = {
    "sub": _is_text(120),
    "kind": _is_text(12),
    "name": _is_text(200),
    "department": _is_text(60),
    "area": _is_text(12),
    "uscc": _is_text(18),
    "scope": _is_text(4000),
    "roles": lambda value: isinstance(value, list) and len(value) <= 100 and all(map(_is_text(60), value)),
}
"""What each claim is, with the lengths of the columns that keep it."""
_FAR = 253402300800.0
"""The year 10000."""


def _instant(value: Any) -> float | None:
    """Seconds since the epoch; None for what is no instant (NaN and infinity pass every comparison or none)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _FAR:
        return None
    return float(value)


def _issued(claims: dict[str, Any]) -> float:
    """A token that does not say when it was issued is as old as can be."""
    return _instant(claims.get("iat")) or 0.0


def _refused(reason: str, zh: str, en: str) -> Unauthenticated:
    error = Unauthenticated(f"token.{reason}", zh=zh, en=en)
    error.headers["WWW-Authenticate"] = f'Bearer realm="pinzhi", error="invalid_token", error_description="{en}"'
    return error
