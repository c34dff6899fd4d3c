"""EPC URNs (GS1 EPC Tag Data Standard, section 6) and their Digital Links, both ways.

A URN tells where the GS1 company prefix ends, a Digital Link does not: on the way to a URN its length is given, or
found in biip's table of prefixes (loaded on first use).
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from shared.identifiers import elements, gs1
from shared.identifiers.digital_link import CANONICAL, Link, parse_link
from shared.identifiers.errors import IdentifierError


@dataclass(frozen=True, slots=True)
class _Scheme:
    name: str
    key: str
    """AI of the key."""
    digits: int | None
    """Digits of company prefix and reference together; None: the reference is alphanumeric, without check digit."""
    front: str = ""
    """What stands before the prefix in the key: `i` the first digit of the reference (indicator, extension), or `0`."""
    serial: Literal["", "inside", "10", "21", "235", "254", "8011"] = ""
    """Where the last component goes: nowhere, behind the key's check digit, or to a qualifier."""
    extra: int = 0
    """Components between reference and serial (piece and total of an ITIP, two digits each)."""
    kind: Literal["id", "class"] = "id"


_SCHEMES = (
    _Scheme("sgtin", "01", 13, "i", "21"),
    _Scheme("lgtin", "01", 13, "i", "10", kind="class"),
    _Scheme("upui", "01", 13, "i", "235"),
    _Scheme("itip", "8006", 13, "i", "21", extra=2),
    _Scheme("sscc", "00", 17, "i"),
    _Scheme("sgln", "414", 12, "", "254"),
    _Scheme("pgln", "417", 12),
    _Scheme("grai", "8003", 12, "0", "inside"),
    _Scheme("giai", "8004", None),
    _Scheme("gsrn", "8018", 17),
    _Scheme("gsrnp", "8017", 17),
    _Scheme("gdti", "253", 12, "", "inside"),
    _Scheme("sgcn", "255", 12, "", "inside"),
    _Scheme("cpi", "8010", None, "", "8011"),
    _Scheme("ginc", "401", None),
    _Scheme("gsin", "402", 16),
)
_BY_NAME = {scheme.name: scheme for scheme in _SCHEMES}
_PATTERN_SCHEMES = {"sgtin", "itip", "upui", "grai", "gdti", "sgcn", "cpi"}
_ESCAPED = re.compile(r'["%&/<>?#]')
_URN = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):(.+)", re.IGNORECASE | re.DOTALL)


def is_urn(text: str) -> bool:
    return text[:8].lower() == "urn:epc:"


def to_link(urn: str) -> Link:
    """The Digital Link of an EPC URN; a class pattern (`idpat`, serial `*`) gives the key alone.
    Raises IdentifierError: `urn.form`, `urn.scheme`, `urn.components`, and those of the parts."""
    match = _URN.fullmatch(urn.strip())
    if not match:
        raise _wrong("form", "应为 urn:epc:id:…、urn:epc:class:… 或 urn:epc:idpat:…", "Not an EPC URN")
    kind, name, body = match[1].lower(), match[2].lower(), match[3]
    scheme = _BY_NAME.get(name)
    if scheme is None or (kind != scheme.kind and not (kind == "idpat" and name in _PATTERN_SCHEMES)):
        raise _wrong(
            "scheme",
            f"EPC 方案 {kind}:{name} 没有对应的 GS1 Digital Link",
            f"The EPC scheme {kind}:{name} has no GS1 Digital Link",
        )
    count = 2 + scheme.extra + bool(scheme.serial)
    parts = body.split(".", count - 1)
    if len(parts) != count:
        raise _wrong(
            "components", f"{name} 应有 {count} 段，以点分隔", f"{name} has {count} components, separated by dots"
        )
    prefix, reference = parts[0], _decoded(parts[1])
    serial = parts[-1] if scheme.serial else ""
    if kind == "idpat":
        if serial != "*":
            raise _wrong("scheme", "只有序号为 * 的模式有对应的链接", "Only a pattern whose serial is * has a link")
        serial = ""
    _check_prefix(scheme, prefix, reference)
    key = _key(scheme, prefix, reference) + "".join(parts[2 : 2 + scheme.extra])
    serial = _decoded(serial)
    if scheme.name == "sgln" and serial == "0":
        serial = ""
    elif not serial and scheme.serial and scheme.serial != "inside" and kind != "idpat":
        raise _wrong("components", f"{name} 的最后一段不能为空", f"The last component of {name} may not be empty")
    if scheme.serial == "inside":
        key, serial = key + serial, ""
    qualifiers = ((scheme.serial, elements.check(scheme.serial, serial)),) if serial else ()
    return Link((scheme.key, elements.check(scheme.key, key)), qualifiers)


def to_urn(link: Link, *, company_prefix_length: int | None = None) -> str:
    """The EPC URN of a Digital Link. Raises IdentifierError: `urn.no_urn` where EPC has none (a GTIN with both lot and
    serial, attributes in the query), `urn.company_prefix` where the length of the prefix is not known."""
    scheme, serial = _scheme_of(link)
    value = link.key[1]
    start = len(scheme.front)
    length = company_prefix_length or _prefix_length(value[start:])
    if scheme.digits is None:
        prefix, reference, tail = value[:length], value[length:], ""
    else:
        end = start + scheme.digits - (scheme.front == "i")
        prefix, reference, tail = value[start : start + length], value[start + length : end], value[end + 1 :]
        if scheme.front == "i":
            reference = value[0] + reference
    _check_prefix(scheme, prefix, reference)
    components = [prefix, _encoded(reference)]
    if scheme.extra:
        components += [tail[:2], tail[2:]]
    kind: str = scheme.kind
    if scheme.serial:
        serial = tail if scheme.serial == "inside" else serial
        if not serial and scheme.name == "sgln":
            serial = "0"
        if serial:
            components.append(_encoded(serial))
        else:
            kind = "idpat"
            components.append("*")
    return f"urn:epc:{kind}:{scheme.name}:{'.'.join(components)}"


def as_digital_link(epc: str, base: str = CANONICAL) -> str:
    """The Digital Link URI of an EPC URN; anything else, and what has none, as it is."""
    try:
        return to_link(epc).uri(base) if is_urn(epc) else epc
    except IdentifierError:
        return epc


def as_urn(epc: str, *, company_prefix_length: int | None = None) -> str:
    """The EPC URN of a Digital Link URI; anything else, and what has none, as it is."""
    if not epc.lower().startswith(("http://", "https://")):
        return epc
    try:
        return to_urn(parse_link(epc), company_prefix_length=company_prefix_length)
    except IdentifierError:
        return epc


def _scheme_of(link: Link) -> tuple[_Scheme, str]:
    (ai, _), qualifiers = link.key, link.qualifiers
    schemes = [scheme for scheme in _SCHEMES if scheme.key == ai]
    if schemes and not link.attributes:
        if not qualifiers:
            return schemes[0], ""
        for scheme in schemes:
            if len(qualifiers) == 1 and scheme.serial == qualifiers[0][0]:
                return scheme, qualifiers[0][1]
    raise _wrong("no_urn", f"{link.path} 没有对应的 EPC URN", f"{link.path} has no EPC URN")


def _key(scheme: _Scheme, prefix: str, reference: str) -> str:
    if scheme.digits is None:
        return prefix + reference
    digits = reference[:1] + prefix + reference[1:] if scheme.front == "i" else scheme.front + prefix + reference
    return digits + gs1.check_digit(digits)


def _check_prefix(scheme: _Scheme, prefix: str, reference: str) -> None:
    if not (prefix.isascii() and prefix.isdecimal() and 6 <= len(prefix) <= 12):
        raise _wrong("company_prefix", "GS1 厂商识别代码应为 6 至 12 位数字", "A GS1 company prefix has 6 to 12 digits")
    total = len(prefix) + len(reference)
    digits_only = reference.isascii() and (reference.isdecimal() or not reference)
    if scheme.digits is not None and (total != scheme.digits or not digits_only):
        raise _wrong(
            "components",
            f"{scheme.name} 的厂商识别代码和参考代码合计应为 {scheme.digits} 位数字",
            f"Company prefix and reference of {scheme.name} have {scheme.digits} digits together",
        )


def _prefix_length(digits: str) -> int:
    from biip.gs1_prefixes import GS1CompanyPrefix

    head = re.match(r"\d*", digits, re.ASCII)
    prefix = GS1CompanyPrefix.extract(head[0]) if head and head[0] else None
    if prefix is None:
        raise _wrong(
            "company_prefix", f"不知道 {digits} 的厂商识别代码有几位", f"The company prefix of {digits} is not known"
        )
    return len(prefix.value)


def _encoded(text: str) -> str:
    return _ESCAPED.sub(lambda char: f"%{ord(char[0]):02X}", text)


def _decoded(text: str) -> str:
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        raise _wrong("form", f"“{text}”中的 % 转义不完整", f'"{text}" holds an incomplete percent escape')
    return unquote(text)


def _wrong(code: str, zh: str, en: str) -> IdentifierError:
    return IdentifierError(f"urn.{code}", zh, en)
