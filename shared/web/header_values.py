"""What callers sent, in headers of answers: addresses percent-encoded (RFC 3986, 8288), file names quoted (RFC 6266).

A header holds Latin-1 at most, and `<`, `>`, `"` and `;` end what stands in it: text that is put in as it came is an
error 500, or the caller's own header.
"""

import re
from urllib.parse import quote

from fastapi import Request

_PATH = "/@:!$&'()*+,;=%~"
"""What may stand in a path as it is; `%` too, since what is encoded stays so."""
_ADDRESS = _PATH + "?#[]"
_PLAIN = re.compile(r"\w[\w.-]*", re.ASCII)


def address_of(request: Request) -> str:
    """The path of a request as it was sent, percent-encoded wherever an address has to be. One slash stands at its
    beginning: two would name a host."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return "/" + quote(raw.lstrip(b"/"), safe=_PATH)


def link_to(address: str, relation: str, media_type: str = "") -> str:
    """The value of a `Link` header with one link; no address ends it."""
    kind = f'; type="{media_type}"' if media_type else ""
    return f'<{quote(address, safe=_ADDRESS)}>; rel="{relation}"{kind}'


def file_named(name: str, *, shown: bool = False) -> str:
    """The value of a `Content-Disposition`: to keep under that name, or `shown` in the browser. Without a name, the
    client finds one."""
    kind = "inline" if shown else "attachment"
    if _PLAIN.fullmatch(name):
        return f'{kind}; filename="{name}"'
    return f"{kind}; filename*=UTF-8''{quote(name, safe='', errors='replace')}" if name else kind
