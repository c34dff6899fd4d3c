"""Signing keys of the embedded issuer (Ed25519; RFC 8037, RFC 9864).

One file, readable by its owner only, holds the active private key and the public parts of all former ones; beside it
stands the public key set, which every service reads. The file is made at the first start.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import OKPKey

ALGORITHM = "Ed25519"
_PUBLIC = ("kty", "crv", "x", "kid", "use", "alg")


class KeyFile:
    """`path` holds the private key; `public_path` the JWKS that the verifiers read."""

    def __init__(self, path: Path, public_path: Path) -> None:
        self.path, self.public_path = path, public_path
        self._read_at: tuple[int, int] | None = None
        self._body: dict[str, Any] = {}
        self._key: OKPKey | None = None

    def ensure(self, now: datetime) -> None:
        """Make the file when there is none. Two processes may start at once: the first one wins."""
        if not self.path.exists():
            self._write({"active": _new_key(now), "former": []}, first=True)
        self._publish(self._load())

    def rotate(self, now: datetime) -> str:
        """A new active key; tokens of the former one stay valid until they expire. Returns the new `kid`."""
        body = self._load()
        former = {key: value for key, value in body["active"].items() if key != "d"} | {"retired_at": now.isoformat()}
        new: dict[str, Any] = {"active": _new_key(now), "former": [former, *body["former"]]}
        # The verifiers must know the new key before the first token is signed with it.
        self._publish(new)
        self._write(new, first=False)
        return str(new["active"]["kid"])

    def sign(self, claims: dict[str, Any]) -> str:
        body = self._load()
        if self._key is None:
            self._key = OKPKey.import_key({key: body["active"][key] for key in ("kty", "crv", "x", "d", "kid")})
        header = {"alg": ALGORITHM, "kid": body["active"]["kid"], "typ": "at+jwt"}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])

    def public_set(self) -> dict[str, Any]:
        return _public_set(self._load())

    def _load(self) -> dict[str, Any]:
        """The file's content; read again when another process has rotated it."""
        stat = self.path.stat()
        version = (stat.st_mtime_ns, stat.st_ino)
        if version != self._read_at:
            self._body, self._key, self._read_at = orjson.loads(self.path.read_bytes()), None, version
        return self._body

    def _write(self, body: dict[str, Any], *, first: bool) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(body, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        try:
            if first:
                os.link(temporary, self.path)
            else:
                os.replace(temporary, self.path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink(missing_ok=True)

    def _publish(self, body: dict[str, Any]) -> None:
        content = orjson.dumps(_public_set(body), option=orjson.OPT_INDENT_2)
        if self.public_path.exists() and self.public_path.read_bytes() == content:
            return
        self.public_path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.public_path.with_name(f"{self.public_path.name}.{os.getpid()}")
        temporary.write_bytes(content)
        os.replace(temporary, self.public_path)


def _new_key(now: datetime) -> dict[str, Any]:
    key = OKPKey.generate_key("Ed25519")
    body = dict(key.as_dict(private=True))
    return {**body, "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM, "created_at": now.isoformat()}


def _public_set(body: dict[str, Any]) -> dict[str, Any]:
    return {"keys": [{name: key[name] for name in _PUBLIC} for key in (body["active"], *body["former"])]}
