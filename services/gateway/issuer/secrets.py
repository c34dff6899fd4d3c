"""Secrets of clients and users: made, hashed with scrypt (RFC 7914), compared in constant time."""

import asyncio
import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor

_LOG_N, _R, _P = 14, 8, 1
"""16 MiB and about 40 ms for each attempt."""
_hashers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="scrypt")
"""However many attempts come at once, hashing takes two threads and 32 MiB."""


def new_secret() -> str:
    """256 bits, URL-safe, 43 characters."""
    return secrets.token_urlsafe(32)


def _scrypt(secret: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, n=2**log_n, r=r, p=p, maxmem=2**26, dklen=32)


def hash_secret(secret: str) -> str:
    """`scrypt$<log2 n>$<r>$<p>$<salt>$<hash>`, so that the cost may be raised later."""
    salt = secrets.token_bytes(16)
    digest = _scrypt(secret, salt, _LOG_N, _R, _P)
    return f"scrypt${_LOG_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def _matches(secret: str, stored: str) -> bool:
    _, log_n, r, p, salt, digest = stored.split("$")
    return hmac.compare_digest(_scrypt(secret, b64decode(salt), int(log_n), int(r), int(p)), b64decode(digest))


_NOBODY = f"scrypt${_LOG_N}${_R}${_P}${b64encode(bytes(16)).decode()}${b64encode(bytes(32)).decode()}"


async def matches(secret: str, stored: str | None) -> bool:
    """Whether the secret is the stored one. Without a stored one it takes as long and is False, so that the time of an
    answer does not tell whether a client exists."""
    equal = await asyncio.get_running_loop().run_in_executor(_hashers, _matches, secret, stored or _NOBODY)
    return equal and stored is not None
