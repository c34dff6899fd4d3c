"""Which application identifiers (AI) there are, which are primary keys and which qualify them, and their checks.

Keys and qualifiers: GS1 Digital Link Standard, URI Syntax, section 4. Formats of the other AIs come from biip's table
of the General Specifications, read on first use.
"""

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from shared.identifiers import gs1
from shared.identifiers.errors import IdentifierError

QUALIFIERS: dict[str, tuple[str, ...]] = {
    "01": ("22", "10", "21", "235"),
    "00": (),
    "253": (),
    "255": (),
    "401": (),
    "402": (),
    "414": ("254", "7040"),
    "415": ("8020",),
    "417": ("7040",),
    "8003": (),
    "8004": ("7040",),
    "8006": ("22", "10", "21"),
    "8010": ("8011",),
    "8013": (),
    "8017": ("8019",),
    "8018": ("8019",),
}
"""Primary key -> its qualifiers, in the order in which they stand in a path."""

ALPHAS = {
    "gtin": "01",
    "itip": "8006",
    "cpid": "8010",
    "gln": "414",
    "payTo": "415",
    "partyGln": "417",
    "sscc": "00",
    "gdti": "253",
    "gcn": "255",
    "ginc": "401",
    "gsin": "402",
    "grai": "8003",
    "giai": "8004",
    "gsrnp": "8017",
    "gsrn": "8018",
    "gmn": "8013",
    "cpv": "22",
    "lot": "10",
    "ser": "21",
    "cpsn": "8011",
    "glnx": "254",
    "refno": "8020",
    "srin": "8019",
}
"""Words of Digital Link 1.0 and 1.1: deprecated since 1.2, still printed on packages; read, never written."""

_CHECKED = {
    "00": gs1.parse_sscc,
    "01": gs1.parse_gtin,
    "02": gs1.parse_gtin,
    "10": gs1.parse_lot,
    "21": gs1.parse_serial,
    **{ai: gs1.parse_gln for ai in ("410", "411", "412", "413", "414", "415", "416", "417")},
}
_CHECK_DIGIT_INSIDE = {"253": 13, "255": 13, "402": 17, "8003": 14, "8006": 14, "8017": 18, "8018": 18}
"""AI -> how many leading digits end in a check digit."""


class _Format(NamedTuple):
    pattern: str
    fixed_length: int | None
    """Length of the value where no separator follows it, else None."""


@cache
def _formats() -> dict[str, _Format]:
    """biip's data file is read without importing biip: the package loads every company prefix, 20 MB and 80 ms."""
    spec = find_spec("biip")
    assert spec
    assert spec.origin
    path = Path(spec.origin).parent / "gs1_application_identifiers" / "_application_identifiers.json"
    table = {}
    for entry in json.loads(path.read_text(encoding="utf-8")):
        fixed = re.fullmatch(r"N\d\+N(\d+)", entry["format"])
        length = int(fixed[1]) if fixed and not entry["separator_required"] else None
        table[entry["ai"]] = _Format(entry["pattern"], length)
    return table


@cache
def _pattern(ai: str) -> re.Pattern[str]:
    return re.compile(_formats()[ai].pattern, re.ASCII)


def known(ai: str) -> bool:
    return ai in QUALIFIERS or ai in _CHECKED or ai in _formats()


def fixed_length(ai: str) -> int | None:
    """Length of the value where no separator follows it, else None."""
    return _formats()[ai].fixed_length


def extract(text: str) -> str | None:
    """The AI that `text` begins with; no AI is the beginning of another."""
    return next((text[:n] for n in (2, 3, 4) if text[:n] in _formats()), None)


def check(ai: str, value: str) -> str:
    """The value in its normal form (a GTIN in 14 digits). Raises IdentifierError."""
    if parse := _CHECKED.get(ai):
        return parse(value)
    if ai not in _formats() or not _pattern(ai).fullmatch(ai + value):
        raise IdentifierError(
            "digital_link.value",
            f"应用标识符 ({ai}) 的值“{value}”格式不符",
            f'"{value}" does not have the form of application identifier ({ai})',
        )
    if length := _CHECK_DIGIT_INSIDE.get(ai):
        right = gs1.check_digit(value[: length - 1])
        if value[length - 1] != right:
            raise IdentifierError(
                "digital_link.check_digit",
                f"应用标识符 ({ai}) 校验不符：第 {length} 位应为 {right}，您输入的是 {value[length - 1]}",
                f"Application identifier ({ai}): digit {length} should be {right}, not {value[length - 1]}",
                position=length,
                expected=right,
            )
    return value
