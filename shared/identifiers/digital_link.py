"""GS1 Digital Link URIs, and every other form in which a product code reaches the platform.

biip's reader of Digital Links is not used: it takes the first path segment that looks like a key (a prefix such as
`/00/` misleads it), accepts wrong check digits silently, decodes a `+` in a query value to a space, and cannot say
where a code is wrong.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

from shared.identifiers import elements, gs1
from shared.identifiers.errors import IdentifierError, plain

CANONICAL = "https://id.gs1.org"

Element = tuple[str, str]
"""Application identifier and value."""


@dataclass(frozen=True, slots=True)
class Link:
    """Any Digital Link: its primary key, the qualifiers in path order, the attributes in AI order."""

    key: Element
    qualifiers: tuple[Element, ...] = ()
    attributes: tuple[Element, ...] = ()

    @property
    def path(self) -> str:
        return "".join(f"/{ai}/{quote(value, safe='')}" for ai, value in (self.key, *self.qualifiers))

    def uri(self, base: str = CANONICAL) -> str:
        query = "&".join(f"{ai}={quote(value, safe='')}" for ai, value in self.attributes)
        return base.rstrip("/") + self.path + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class Code:
    """A product code: what is printed on a package."""

    gtin: str
    lot: str | None = None
    serial: str | None = None
    extras: tuple[Element, ...] = ()
    """Other application identifiers (variant, dates, weights ...), in AI order."""

    @property
    def lot_id(self) -> str | None:
        return None if self.lot is None else f"{self.gtin}.{self.lot}"

    @property
    def link(self) -> Link:
        path = {ai: value for ai, value in self.extras if ai in ("22", "235")}
        path |= {"10": self.lot or "", "21": self.serial or ""}
        return Link(
            ("01", self.gtin),
            tuple((ai, path[ai]) for ai in elements.QUALIFIERS["01"] if path.get(ai)),
            tuple(element for element in self.extras if element[0] not in path),
        )

    @property
    def path(self) -> str:
        """`/01/{gtin}/10/{lot}/21/{serial}`, percent-encoded."""
        if self.extras:
            return self.link.path
        lot = f"/10/{_escaped(self.lot)}" if self.lot else ""
        serial = f"/21/{_escaped(self.serial)}" if self.serial else ""
        return f"/01/{self.gtin}{lot}{serial}"

    def uri(self, base: str = CANONICAL) -> str:
        return self.link.uri(base) if self.extras else base.rstrip("/") + self.path

    def escaped_uri(self) -> str:
        """The canonical URI as one path segment: `quote(uri, safe="")`, whose only unsafe characters are these."""
        text = self.uri().replace("%", "%25").replace(":", "%3A").replace("/", "%2F")
        return text.replace("?", "%3F").replace("=", "%3D").replace("&", "%26") if self.extras else text

    def element_string(self) -> str:
        """`(01)...(10)...(21)...`; a bracket inside a value is escaped with a backslash."""
        link = self.link
        return "".join(
            f"({ai})" + value.replace("(", "\\(") for ai, value in (link.key, *link.qualifiers, *link.attributes)
        )


def _escaped(value: str) -> str:
    return value if value.isascii() and value.isalnum() else quote(value, safe="")


_gtin = lru_cache(maxsize=10_000)(gs1.parse_gtin)
_USUAL = re.compile(
    r"(?:/01/([0-9]{14})/10/([0-9A-Za-z]{1,20})(?:/21/([0-9A-Za-z]{1,20}))?"
    r"|([0-9]{14})\+([0-9A-Za-z]{1,20})(?:\+([0-9A-Za-z]{1,20}))?)"
)
"""What nearly every scan holds, read at a fifth of the cost: nothing in it needs decoding, ordering or a table."""


def parse(uri: str) -> Code:
    """The product code of a Digital Link URI on any domain, or of its path. Raises IdentifierError."""
    link = parse_link(uri)
    return _code(dict((link.key, *link.qualifiers, *link.attributes)))


def parse_any(text: str) -> Code:
    """Whatever a scanner, a form or a person gives: Digital Link URI or path, element string with brackets or with FNC1
    (GS), the platform's lot id `<gtin14>.<lot>`, `GTIN+lot+serial` (or separated by spaces), a bare GTIN, or the
    Chinese labels 商品条码、批号、序列号. Raises IdentifierError."""
    if usual := _USUAL.fullmatch(text):
        gtin, lot, serial = usual.group(1, 2, 3) if usual[1] else usual.group(4, 5, 6)
        return Code(_gtin(gtin), lot, serial)
    return _parse_any(plain(text))


def _parse_any(text: str) -> Code:
    if not text:
        raise IdentifierError("code.empty", "请输入或扫描商品上的追溯码", "Enter or scan the code on the product")
    if link := re.search(r"https?://\S+", text, re.IGNORECASE):
        return parse(link[0])
    if text.startswith("/") or re.match(r"(01|gtin)/", text):
        return parse(text)
    if re.match(r"\(\d{2,4}\)", text):
        return _code(_checked(_bracketed(text)))
    if _SYMBOLOGY.match(text) or re.search(_SEPARATOR, text) or re.match(r"01\d{14}", text):
        return _code(_checked(_raw(text)))
    # No GTIN holds a dot, and after the first one everything is the lot: a plus or a dot may be part of it.
    if re.match(r"[0-9]{14}\.", text):
        return _code(_checked(zip(("01", "10"), text.split(".", 1), strict=True)))
    if labels := _labelled(text):
        return _code(_checked(labels))
    return _code(_checked(_joined(text)))


def parse_link(uri: str) -> Link:
    """Any Digital Link URI or path. Path segments are read in pairs from the right to the first primary key, so that a
    prefix of any kind may stand before it. Raises IdentifierError."""
    try:
        parts = urlsplit(plain(uri))
    except ValueError as error:
        raise IdentifierError("digital_link.uri", f"网址无法读取：{error}", f"Not a URI: {error}") from error
    if parts.scheme not in ("http", "https", ""):
        raise IdentifierError(
            "digital_link.scheme",
            f"GS1 Digital Link 以 http 或 https 开头，不是 {parts.scheme}",
            f"A GS1 Digital Link begins with http or https, not {parts.scheme}",
        )
    pairs: list[Element] = []
    segments = parts.path.strip("/").split("/")
    while len(segments) >= 2 and not (pairs and pairs[-1][0] in elements.QUALIFIERS):
        value, ai = _unquote(segments.pop()), segments.pop()
        pairs.append((elements.ALPHAS.get(ai, ai), value))
    pairs.reverse()
    if not pairs or pairs[0][0] not in elements.QUALIFIERS:
        raise IdentifierError(
            "digital_link.no_key",
            "网址中没有 GS1 主键，例如 /01/06901234567892",
            "The path holds no GS1 primary key such as /01/06901234567892",
        )
    query = [_query_pair(part) for part in re.split("[&;]", parts.query) if part]
    return _link(pairs, [(ai, value) for ai, value in query if ai.isdecimal() and elements.known(ai)])


def _link(path: list[Element], query: list[Element]) -> Link:
    key = path[0][0]
    order = elements.QUALIFIERS[key]
    places = [order.index(ai) if ai in order else -1 for ai, _ in path[1:]]
    for (ai, _), place in zip(path[1:], places, strict=True):
        if place < 0:
            raise IdentifierError(
                "digital_link.qualifier",
                f"路径中 ({key}) 之后不能用“{ai}”，可用：{'、'.join(order) or '无'}",
                f'"{ai}" may not follow ({key}) in the path; allowed: {", ".join(order) or "none"}',
            )
    if places != sorted(set(places)):
        raise IdentifierError(
            "digital_link.order",
            f"路径中的应用标识符应按 {'、'.join((key, *order))} 的顺序，且各用一次",
            f"Application identifiers in the path stand once each, in the order {', '.join((key, *order))}",
        )
    values = _checked((*path, *query))
    return Link(
        (key, values.pop(key)),
        tuple((ai, values.pop(ai)) for ai in order if ai in values),
        tuple(sorted(values.items())),
    )


def _checked(parts: Iterable[Element]) -> dict[str, str]:
    """AI -> its value in normal form."""
    values: dict[str, str] = {}
    for ai, raw in parts:
        value = elements.check(ai, raw)
        if values.setdefault(ai, value) != value:
            raise IdentifierError(
                "code.twice",
                f"应用标识符 ({ai}) 出现两次且值不同",
                f"Application identifier ({ai}) stands twice with two values",
            )
    return values


def _code(values: dict[str, str]) -> Code:
    if "01" not in values:
        raise IdentifierError(
            "code.no_gtin",
            "代码中没有商品条码（GTIN），应用标识符 (01)",
            "The code holds no GTIN, application identifier (01)",
        )
    gtin, lot, serial = values.pop("01"), values.pop("10", None), values.pop("21", None)
    return Code(gtin, lot, serial, tuple(sorted(values.items())))


_SYMBOLOGY = re.compile(r"\](?:C1|d2|Q3|e0|J1)")
_SEPARATOR = r"[\x1d\u241d^]|<GS>|\{GS\}|<FNC1>"
_BRACKETED = re.compile(r"\((\d{2,4})\)((?:\\.|(?!\(\d{2,4}\))[^\\])*)", re.DOTALL)


def _bracketed(text: str) -> list[Element]:
    """`(01)06901234567892(10)A1`: a new element begins at a bracketed known AI; `\\(` is a bracket of the value."""
    parts: list[Element] = []
    at = 0
    while at < len(text):
        match = _BRACKETED.match(text, at)
        if not match or not elements.known(match[1]):
            raise _unknown(text[at : at + 6], at + 1)
        value = re.sub(r"\\(.)", r"\1", match[2], flags=re.DOTALL)
        parts.append((match[1], value.strip()))
        at = match.end()
    return parts


def _raw(text: str) -> list[Element]:
    """What a scanner transmits: optional symbology identifier, AIs without brackets, GS after variable lengths."""
    text = re.sub(_SEPARATOR, "\x1d", _SYMBOLOGY.sub("", text))
    parts: list[Element] = []
    at = 0
    while at < len(text):
        if text[at] == "\x1d":
            at += 1
            continue
        ai = elements.extract(text[at:])
        if ai is None:
            raise _unknown(text[at : at + 4], at + 1)
        at += len(ai)
        length = elements.fixed_length(ai)
        end = at + length if length else text.find("\x1d", at) % (len(text) + 1)
        parts.append((ai, text[at:end]))
        at = end
    return parts


_LABELS = {
    "01": "商品条码|商品编码|产品条码|条码|GTIN",
    "10": "生产批号|产品批号|批次号|批号|批次|LOT|BATCH",
    "21": "序列号|流水号|SERIAL|S/N|SN",
}
_LABEL = re.compile(
    r"(?:^|[\s,;、])(?:" + "|".join(f"(?P<a{ai}>{words})" for ai, words in _LABELS.items()) + r")\s*:", re.IGNORECASE
)


def _labelled(text: str) -> list[Element]:
    """商品条码：6901234567892 批号：A1; empty where the text does not begin with a label."""
    labels = list(_LABEL.finditer(text))
    if not labels or labels[0].start() > 0:
        return []
    ends = [label.start() for label in labels[1:]] + [len(text)]
    return [
        (str(label.lastgroup)[1:], text[label.end() : end].strip(" ,;、"))
        for label, end in zip(labels, ends, strict=True)
    ]


def _joined(text: str) -> list[Element]:
    """`GTIN+lot+serial`, or separated by spaces or bars; a lot that holds a plus needs another separator."""
    if re.fullmatch(r"[\d -]+", text) and len(re.sub(r"\D", "", text)) in (8, 12, 13, 14):
        return [("01", text)]
    parts = re.split(r"[\s|]+", text) if re.search(r"[\s|]", text) else text.split("+")
    if len(parts) > 3:
        raise IdentifierError(
            "code.form",
            "应为“商品条码+批号+序列号”，最多三段",
            "Give GTIN+lot+serial, three parts at most",
        )
    return list(zip(("01", "10", "21"), parts, strict=False))


def _query_pair(part: str) -> Element:
    name, _, value = part.partition("=")
    return _unquote(name), _unquote(value)


def _unquote(text: str) -> str:
    """Percent-decoding that tells a broken escape; a plus stays a plus (it belongs to character set 82)."""
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        raise IdentifierError(
            "digital_link.percent", f"“{text}”中的 % 转义不完整", f'"{text}" holds an incomplete percent escape'
        )
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise IdentifierError(
            "digital_link.percent", f"“{text}”中的 % 转义不是 UTF-8", f'The percent escapes of "{text}" are not UTF-8'
        ) from error


def _unknown(text: str, position: int) -> IdentifierError:
    return IdentifierError(
        "code.unknown_ai",
        f"第 {position} 个字符处“{text}”不是 GS1 应用标识符",
        f'At character {position}, "{text}" is not a GS1 application identifier',
        position=position,
    )
