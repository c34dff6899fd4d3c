"""Whether a client has the answer already: `If-None-Match` (RFC 9110 section 13.1.2)."""

import re
from collections.abc import Iterable

_TAG = re.compile(rb'(?:W/)?("[^"]*")')


def has(headers: Iterable[tuple[bytes, bytes]], etag: bytes) -> bool:
    """Whether one of the tags of the request is that of the answer, which exists; compared weakly. `headers` as ASGI
    gives them: the field may come several times, and each time with several tags."""
    given = [value for name, value in headers if name == b"if-none-match"]
    if not given:
        return False
    if given == [etag]:
        return True
    value = b",".join(given).strip()
    return value == b"*" or etag.removeprefix(b"W/") in _TAG.findall(value)
