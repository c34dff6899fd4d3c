"""GS1 keys (GS1 General Specifications): GTIN, GLN, SSCC, and the lot and serial numbers that go with a GTIN.

The check digit is biip's own arithmetic in three lines here: importing biip costs 80 ms and every service needs this
at start. biip's tables are used where the whole of GS1 is needed (`digital_link`, `urn`), on first use.
"""

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from shared.identifiers.errors import IdentifierError, compact, plain, validator

CHARSET_82 = frozenset("!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")
"""GS1 AI encodable character set 82 (General Specifications, figure 7.11-1)."""


def check_digit(digits: str) -> str:
    """The modulo-10 check digit for the digits before it (General Specifications 7.9.1)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def parse_gtin(text: str) -> str:
    """GTIN-8, -12, -13 or -14 to its 14 digits. Raises `gtin.length`, `gtin.character`, `gtin.check_digit`."""
    return _key(compact(text), "gtin", "GTIN", (8, 12, 13, 14)).zfill(14)


def parse_gln(text: str) -> str:
    """Thirteen digits of a global location number. Raises `gln.length`, `gln.character`, `gln.check_digit`."""
    return _key(compact(text), "gln", "GLN", (13,))


def parse_sscc(text: str) -> str:
    """Eighteen digits of a serial shipping container code. Raises `sscc.*`."""
    return _key(compact(text), "sscc", "SSCC", (18,))


def parse_lot(text: str) -> str:
    """Batch or lot number, AI (10): 1 to 20 of character set 82. Raises `lot.length`, `lot.character`."""
    return component(plain(text), "lot", "批号", "The lot number", 20)


def parse_serial(text: str) -> str:
    """Serial number, AI (21): 1 to 20 of character set 82. Raises `serial.length`, `serial.character`."""
    return component(plain(text), "serial", "序列号", "The serial number", 20)


def lot_id(gtin: str, lot: str) -> str:
    """The platform's id of a lot: `<gtin14>.<lot>`."""
    return f"{parse_gtin(gtin)}.{parse_lot(lot)}"


def split_lot_id(text: str) -> tuple[str, str]:
    """GTIN and lot of a lot id. Raises IdentifierError (`lot_id.form` and those of its parts)."""
    gtin, dot, lot = plain(text).partition(".")
    if not dot:
        raise IdentifierError(
            "lot_id.form", "批次标识应为“14 位 GTIN.批号”", "A lot id is the 14-digit GTIN, a dot, and the lot number"
        )
    return parse_gtin(gtin), parse_lot(lot)


def _key(digits: str, kind: str, name: str, lengths: tuple[int, ...]) -> str:
    for place, char in enumerate(digits, 1):
        if char not in "0123456789":
            raise IdentifierError(
                f"{kind}.character",
                f"{name} 第 {place} 位“{char}”不是数字",
                f'{name} character {place} "{char}" is not a digit',
                position=place,
            )
    if len(digits) not in lengths:
        raise IdentifierError(
            f"{kind}.length",
            f"{name} 应为 {'、'.join(map(str, lengths))} 位，您输入了 {len(digits)} 位",
            f"{name} has {', '.join(map(str, lengths))} digits, this one has {len(digits)}",
        )
    right = check_digit(digits[:-1])
    if digits[-1] != right:
        place = len(digits)
        raise IdentifierError(
            f"{kind}.check_digit",
            f"{name} 校验不符：第 {place} 位应为 {right}，您输入的是 {digits[-1]}",
            f"{name} check digit does not hold: digit {place} should be {right}, not {digits[-1]}",
            position=place,
            expected=right,
        )
    return digits


def component(text: str, kind: str, zh: str, en: str, longest: int) -> str:
    """A variable-length alphanumeric of character set 82, 1 to `longest` characters."""
    if not 1 <= len(text) <= longest:
        raise IdentifierError(
            f"{kind}.length",
            f"{zh}应为 1 至 {longest} 个字符，您输入了 {len(text)} 个",
            f"{en} has 1 to {longest} characters, this one has {len(text)}",
        )
    for place, char in enumerate(text, 1):
        if char not in CHARSET_82:
            raise IdentifierError(
                f"{kind}.character",
                f"{zh}第 {place} 个字符“{char}”不在 GS1 字符集内（数字、英文字母和 !\"%&'()*+,-./_:;<=>?）",
                f'{en}: character {place} "{char}" is outside the GS1 character set 82',
                position=place,
            )
    return text


GTINStr = Annotated[
    str,
    AfterValidator(validator(parse_gtin)),
    WithJsonSchema(
        {"type": "string", "description": "GTIN-8/12/13/14, kept as 14 digits", "examples": ["06901234567892"]}
    ),
]
GLNStr = Annotated[
    str,
    AfterValidator(validator(parse_gln)),
    WithJsonSchema({"type": "string", "description": "GLN, 13 digits", "examples": ["6901234567892"]}),
]
LotStr = Annotated[
    str,
    AfterValidator(validator(parse_lot)),
    WithJsonSchema({"type": "string", "description": "批号 lot number, AI (10)", "examples": ["L2026-09-01"]}),
]
SerialStr = Annotated[
    str,
    AfterValidator(validator(parse_serial)),
    WithJsonSchema({"type": "string", "description": "序列号 serial number, AI (21)", "examples": ["0001"]}),
]
