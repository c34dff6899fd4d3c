"""Kinds of callers for tests, and the tokens that they carry: real EdDSA JWTs under a key of the test process."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import OKPKey

ISSUER = "http://127.0.0.1:8000"
AUDIENCE = "pinzhi"
ALGORITHM = "Ed25519"
LIFETIME = 3600


@cache
def signing_key(kid: str = "test") -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": kid}, private=True)


def write_jwks(path: Path, *kids: str) -> Path:
    """The public part of the test keys, where a service's `jwks` setting finds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = [signing_key(kid).as_dict(private=False) | {"alg": ALGORITHM, "use": "sig"} for kid in kids or ("test",)]
    path.write_bytes(orjson.dumps({"keys": keys}))
    return path


@dataclass(frozen=True)
class Caller:
    """Who calls. `claims` are the token's own claims; None for a caller without a token."""

    claims: dict[str, Any] | None
    kid: str = "test"
    overrides: dict[str, Any] = field(default_factory=dict)
    """Claims that are wrong on purpose (`exp`, `aud` ...)."""

    @property
    def id(self) -> str:
        return "public" if self.claims is None else str(self.claims["sub"])

    def but(self, *, kid: str | None = None, **claims: Any) -> "Caller":
        """The same caller with a token that differs in these claims, or is signed by another key."""
        return replace(self, kid=kid or self.kid, overrides={**self.overrides, **claims})

    def token(self, now: datetime) -> str | None:
        if self.claims is None:
            return None
        issued = int(now.timestamp())
        times = {"iat": issued, "exp": issued + LIFETIME, "jti": f"{self.id}@{issued}"}
        claims = {"iss": ISSUER, "aud": AUDIENCE, **times, **self.claims, **self.overrides}
        header = {"alg": ALGORITHM, "kid": self.kid, "typ": "JWT"}
        return jwt.encode(header, claims, signing_key(self.kid), algorithms=[ALGORITHM])

    def headers(self, now: datetime) -> dict[str, str]:
        token = self.token(now)
        return {} if token is None else {"Authorization": f"Bearer {token}"}


def public() -> Caller:
    """Nobody in particular: no token."""
    return Caller(None)


def department(*scopes: str, area: str = "370600", code: str = "yt-scjg", client: str | None = None) -> Caller:
    """A client of an enforcement unit: `department("credit:violations:write", area="370612")`."""
    return Caller(
        {
            "sub": f"client:{client or code}",
            "kind": "department",
            "name": f"department {code}",
            "department": code,
            "area": area,
            "scope": " ".join(scopes),
        }
    )


def enterprise(uscc: str, *scopes: str, client: str | None = None) -> Caller:
    """A client of one enterprise."""
    return Caller(
        {
            "sub": f"client:{client or uscc}",
            "kind": "enterprise",
            "name": f"enterprise {uscc}",
            "uscc": uscc,
            "scope": " ".join(scopes),
        }
    )


def staff(*roles: str, user: str | None = None, area: str = "370600", department: str = "yt-scjg") -> Caller:
    """A person of a department. Two-person steps need two of them: `staff("case_officer", user="li")`."""
    return Caller(
        {
            "sub": f"user:{user or '-'.join(roles)}",
            "kind": "staff",
            "name": user or "-".join(roles),
            "department": department,
            "area": area,
            "roles": list(roles),
        }
    )
