"""Identifiers in EPCIS events: EPC URNs and GS1 Digital Links of any domain in one canonical form, with their node.

The canonical form is a constrained Digital Link on `https://id.gs1.org`: the finest level of identification only
(CBV 2.0 section 8.9.2, rule 18). What is not a GS1 identifier stays as it is.
"""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from shared.identifiers import IdentifierError, digital_link, urn

FINEST = {
    "01": ("21", "235", "10"),
    "8006": ("21", "10"),
    "414": ("254",),
    "8010": ("8011",),
    **{ai: () for ai in ("00", "253", "255", "401", "402", "417", "8003", "8004", "8017", "8018")},
}
"""Primary key -> the qualifiers that may follow it, finest first; one of them is kept."""


@dataclass(frozen=True, slots=True)
class Identifier:
    uri: str
    """Canonical."""
    node: str
    """`<gtin14>.<lot>` where a lot is named (with a serial number too), else the canonical URI."""
    gtin: str | None = None
    lot: str | None = None
    gln: str | None = None
    """Of a place (414) or a party (417)."""

    @property
    def lot_id(self) -> str | None:
        return self.node if self.lot is not None else None


_USUAL = 256
"""Characters up to which what a text identifies is remembered: what is longer is rare, and would fill the memory."""


def identify(text: str) -> Identifier:
    """Raises IdentifierError for an EPC URN, or a Digital Link on id.gs1.org, that does not hold."""
    return _remembered(text) if len(text) <= _USUAL else _identify(text)


def _identify(text: str) -> Identifier:
    text = text.strip()
    if urn.is_urn(text):
        try:
            link = urn.to_link(text)
        except IdentifierError as error:
            if error.code != "urn.scheme":
                raise
            return Identifier(text, text)  # an EPC outside of GS1 keys, such as urn:epc:id:bic
    elif text[:8].lower().startswith(("http://", "https://")):  # a scheme has no case (RFC 3986 section 3.1)
        try:
            link = digital_link.parse_link(text)
        except IdentifierError as error:
            if error.code != "digital_link.no_key" and urlsplit(text).hostname == "id.gs1.org":
                raise
            return Identifier(text, text)
    else:
        return Identifier(text, text)
    key, value = link.key
    if key not in FINEST:
        return Identifier(text, text)
    qualifiers = dict(link.qualifiers)
    finest = next(((ai, qualifiers[ai]) for ai in FINEST[key] if ai in qualifiers), None)
    uri = digital_link.Link(link.key, (finest,) if finest else ()).uri()
    if key == "01":
        lot = qualifiers.get("10")
        return Identifier(uri, f"{value}.{lot}" if lot else uri, gtin=value, lot=lot)
    return Identifier(uri, uri, gln=value if key in ("414", "417") else None)


_remembered = lru_cache(maxsize=65_536)(_identify)


def canonical_or_same(text: str) -> str:
    """The canonical form; the text itself where it is no GS1 identifier or does not hold."""
    if not text[:8].lower().startswith(("urn:epc:", "http")):
        return text
    try:
        return identify(text).uri
    except IdentifierError:
        return text
