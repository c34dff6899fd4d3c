"""Which headers pass a proxy. Pure."""

from collections.abc import Iterable

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""RFC 9110 section 7.6.1, with `Proxy-Connection` and `Keep-Alive` of older clients."""
_OURS = frozenset({"host", "forwarded", "x-request-id", "x-request-deadline-ms", "x-forwarded-for"})

Header = tuple[str, str]


def _named_by_connection(headers: Iterable[Header]) -> set[str]:
    return {
        token.strip().lower() for name, value in headers if name.lower() == "connection" for token in value.split(",")
    }


def request_headers(
    headers: list[Header], *, client: str | None, host: str, scheme: str, request_id: str
) -> list[Header]:
    """What goes on to the upstream: the client's headers without those of the hop, with `Forwarded` (RFC 7239).

    A `Forwarded` of the client is kept in front, as the RFC has it; only the last element is ours to believe.
    """
    dropped = HOP_BY_HOP | _OURS | _named_by_connection(headers)
    kept = [(name, value) for name, value in headers if name.lower() not in dropped]
    before = [value for name, value in headers if name.lower() == "forwarded"]
    for_ = f'"[{client}]"' if client and ":" in client else client or "unknown"
    mine = f'for={for_};host="{_quoted(host)}";proto={scheme}'
    return [*kept, ("forwarded", ", ".join([*before, mine])), ("x-request-id", request_id)]


def response_headers(headers: list[Header]) -> list[Header]:
    """What goes back to the client; the gateway's own server names itself and the request."""
    dropped = HOP_BY_HOP | {"x-request-id", "x-content-type-options", "server", "date"} | _named_by_connection(headers)
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
