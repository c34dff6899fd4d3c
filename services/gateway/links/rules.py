"""Which answer a Digital Link asks for, and which link of a linkset is meant. Pure."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

LINKSET = "application/linkset+json"
Wanted = Literal["page", "verdict", "linkset", "link"]
VOCABULARIES = ("https://ref.gs1.org/voc/", "https://gs1.org/voc/", "https://www.gs1.org/voc/", "gs1:")


def wanted(accept: str, link_type: str | None) -> Wanted:
    """`linkType` decides first (`all` is the older word for `linkset`), then Accept; without either, the verdict."""
    if link_type:
        return "linkset" if link_type in ("linkset", "all") else "link"
    best = _best(accept)
    if best == LINKSET:
        return "linkset"
    return "page" if best in ("text/html", "application/xhtml+xml") else "verdict"


_KNOWN = ("application/json", "text/html", "application/xhtml+xml", LINKSET)


def _best(accept: str) -> str | None:
    """The first of the media types that we have with the highest weight (RFC 9110 section 12.5.1)."""
    best: tuple[float, int, str] | None = None
    for place, part in enumerate(accept.split(",")):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        if name in _KNOWN and weight > 0 and (best is None or weight > best[0]):
            best = (weight, place, name)
    return best[2] if best else None


def _short(link_type: str) -> str:
    for vocabulary in VOCABULARIES:
        if link_type.startswith(vocabulary):
            return link_type.removeprefix(vocabulary)
    return link_type


def target(linkset: Mapping[str, Any], link_type: str) -> str | None:
    """Address of the first link of the type, written as `gs1:pip`, `pip` or with the vocabulary's address."""
    for context in linkset.get("linkset", ()):
        for relation, links in context.items():
            if relation != "anchor" and _short(relation) == _short(link_type):
                for link in links:
                    return str(link["href"])
    return None


def with_query(address: str, query: str) -> str:
    """The request's query is passed on, but for the parameters that were meant for the resolver."""
    passed = [
        (key, value) for key, value in parse_qsl(query, keep_blank_values=True) if key not in ("linkType", "context")
    ]
    if not passed:
        return address
    parts = urlsplit(address)
    joined = "&".join(filter(None, (parts.query, urlencode(passed))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, joined, parts.fragment))


def absolute(linkset: Any, base: str) -> Any:
    """Relative addresses under `base`."""
    if isinstance(linkset, dict):
        return {key: _address(key, value, base) for key, value in linkset.items()}
    if isinstance(linkset, list):
        return [absolute(item, base) for item in linkset]
    return linkset


def _address(key: str, value: Any, base: str) -> Any:
    if key in ("href", "anchor") and isinstance(value, str):
        return base + value if value.startswith("/") else value
    return absolute(value, base)
