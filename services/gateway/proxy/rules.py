"""Where a proxied request goes, and which headers pass. Pure; bytes in, bytes out: nothing is decoded on the way."""

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""RFC 9110 section 7.6.1, with `Proxy-Connection` and `Keep-Alive` of older clients."""
_OURS = frozenset({b"host", b"forwarded", b"x-request-id", b"x-request-deadline-ms", b"x-forwarded-for"})
_THEIRS = frozenset({b"x-request-id", b"x-content-type-options", b"server", b"date"})

Header = tuple[bytes, bytes]


class NotOfPrefix(ValueError):
    """The path as it was sent does not begin with the prefix that was matched (`/v1%2Fcredit/...`)."""


class DotSegment(ValueError):
    """A segment is `.` or `..`, written plainly or percent-encoded."""


def target(prefix: str, raw_path: bytes, query: bytes) -> bytes:
    """The upstream's path and query: the matched prefix and what stands behind it, as it was sent (a code may hold an
    encoded slash). Raises NotOfPrefix, DotSegment: whoever resolves dots on the way would reach another route than
    the one that was matched here.
    """
    depth = prefix.count("/")
    segments = raw_path.split(b"/", depth + 1)
    first, rest = segments[: depth + 1], segments[depth + 1 :]
    if [unquote_to_bytes(each) for each in first] != prefix.encode().split(b"/"):
        raise NotOfPrefix(raw_path)
    if any(piece in (b".", b"..") for each in rest for piece in unquote_to_bytes(each).split(b"/")):
        raise DotSegment(raw_path)
    path = b"/".join([prefix.encode(), *rest])
    return path + b"?" + query if query else path


def _named_by_connection(headers: Iterable[Header]) -> set[bytes]:
    return {
        token.strip().lower() for name, value in headers if name.lower() == b"connection" for token in value.split(b",")
    }


def request_headers(
    headers: list[Header], *, client: str | None, host: bytes, scheme: str, request_id: str
) -> list[Header]:
    """What goes on to the upstream: the client's headers without those of the hop, with `Forwarded` (RFC 7239).

    A `Forwarded` of the client is kept in front, as the RFC has it; only the last element is ours to believe.
    """
    dropped = HOP_BY_HOP | _OURS | _named_by_connection(headers)
    kept = [(name, value) for name, value in headers if name.lower() not in dropped]
    before = [value for name, value in headers if name.lower() == b"forwarded"]
    for_ = f'"[{client}]"' if client and ":" in client else client or "unknown"
    mine = b'for=%s;host="%s";proto=%s' % (for_.encode(), _quoted(host), scheme.encode())
    return [*kept, (b"forwarded", b", ".join([*before, mine])), (b"x-request-id", request_id.encode())]


def response_headers(headers: list[Header]) -> list[Header]:
    """What goes back to the client; the gateway's own server names itself and the request."""
    dropped = HOP_BY_HOP | _THEIRS | _named_by_connection(headers)
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def _quoted(text: bytes) -> bytes:
    return text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
