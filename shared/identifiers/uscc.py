"""Unified social credit code (统一社会信用代码), GB 32100-2015 with its amendment 1 of 2016.

Eighteen characters: registration authority (1), category (1), area of registration (6, GB/T 2260), organisation code
(9, GB 11714, the ninth is its own check digit), check character (1). python-stdnum's `cn.uscc` is not used: it rejects
the codes that begin with a letter (A, N, Y authorities), does not know the organisation code's check and cannot say
which character is wrong.
"""

from dataclasses import dataclass
from operator import mul
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from shared.i18n import Text
from shared.identifiers.errors import IdentifierError, compact, validator

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_VALUES = {char: value for value, char in enumerate(ALPHABET)}
_ORGANISATION_VALUES = {char: int(char, 36) for char in ALPHABET}
_LOOKALIKES = {"O": "0", "I": "1", "Z": "2", "S": "5", "V": "U"}

AUTHORITIES = {
    "1": Text("机构编制", "Public institutions (staffing committee)"),
    "2": Text("外交", "Foreign affairs"),
    "3": Text("司法行政", "Justice administration"),
    "4": Text("文化", "Culture"),
    "5": Text("民政", "Civil affairs"),
    "6": Text("旅游", "Tourism"),
    "7": Text("宗教", "Religious affairs"),
    "8": Text("工会", "Trade unions"),
    "9": Text("工商（市场监督管理）", "Industry and commerce (market regulation)"),
    "A": Text("中央军委改革和编制办公室", "Central Military Commission, reform and staffing office"),
    "N": Text("农业", "Agriculture"),
    "Y": Text("其他", "Other"),
}
"""First character, GB 32100-2015 table 1 as published."""

CATEGORIES = {
    "11": Text("机关", "Government body"),
    "12": Text("事业单位", "Public institution"),
    "13": Text("中央编办直接管理机构编制的群众团体", "People's organisation under the central staffing office"),
    "21": Text("外国常驻新闻机构", "Resident foreign news organisation"),
    "31": Text("律师执业机构", "Law firm"),
    "32": Text("公证处", "Notary office"),
    "33": Text("基层法律服务所", "Grass-roots legal service office"),
    "34": Text("司法鉴定机构", "Forensic institution"),
    "35": Text("仲裁委员会", "Arbitration commission"),
    "41": Text("外国在华文化中心", "Foreign cultural centre"),
    "51": Text("社会团体", "Social organisation"),
    "52": Text("民办非企业单位", "Private non-enterprise unit"),
    "53": Text("基金会", "Foundation"),
    "61": Text("外国旅游部门常驻代表机构", "Resident office of a foreign tourism authority"),
    "62": Text(
        "港澳台地区旅游部门常驻内地（大陆）代表机构",
        "Resident office of a Hong Kong, Macao or Taiwan tourism authority",
    ),
    "71": Text("宗教活动场所", "Place of worship"),
    "72": Text("宗教院校", "Religious school"),
    "81": Text("基层工会", "Grass-roots trade union"),
    "91": Text("企业", "Enterprise"),
    "92": Text("个体工商户", "Individual business"),
    "93": Text("农民专业合作社", "Farmers' cooperative"),
    "A1": Text("军队事业单位", "Military institution"),
    "N1": Text("组级集体经济组织", "Collective economic organisation, group level"),
    "N2": Text("村级集体经济组织", "Collective economic organisation, village level"),
    "N3": Text("乡镇级集体经济组织", "Collective economic organisation, township level"),
}
"""First two characters; a second character `9` is "other" (其他) of its authority, `Y1` is not divided."""


@dataclass(frozen=True, slots=True)
class USCC:
    code: str
    nonconforming: bool = False
    """A check fails and the caller vouched for the code with evidence from the register."""

    @property
    def registration_authority(self) -> str:
        return self.code[0]

    @property
    def category(self) -> str:
        """First two characters, a key of CATEGORIES where the standard names it."""
        return self.code[:2]

    @property
    def area_code(self) -> str:
        """Area of the registration authority at registration (GB/T 2260); it may have been renumbered since."""
        return self.code[2:8]

    @property
    def organisation(self) -> str:
        """Organisation code with its check digit, nine characters."""
        return self.code[8:17]

    def __str__(self) -> str:
        return self.code


def check_character(first17: str) -> str:
    """The eighteenth character for the first seventeen. Raises IdentifierError."""
    _characters(first17, 17)
    return _check_character(first17)


def _check_character(first17: str) -> str:
    return ALPHABET[-sum(map(mul, map(_VALUES.__getitem__, first17), WEIGHTS)) % 31]


def organisation_check_character(first8: str) -> str:
    """The ninth character of an organisation code (GB 11714: 0-9 as they are, A-Z as 10-35)."""
    _characters(first8, 8, offset=8)
    return _organisation_check_character(first8)


def _organisation_check_character(first8: str) -> str:
    remainder = -sum(map(mul, map(_ORGANISATION_VALUES.__getitem__, first8), ORGANISATION_WEIGHTS)) % 11
    return "X" if remainder == 10 else str(remainder)


def parse(text: str, *, nonconforming_ok: bool = False) -> USCC:
    """Read a code as people and forms write it (full-width, lower case, spaces, dashes).

    `nonconforming_ok` is the caller's word that the register itself shows this code although a check fails (some early
    codes of Fujian, `9135....M0...`): length and characters must hold still, and the result is marked.
    Raises IdentifierError: `uscc.length`, `uscc.character`, `uscc.area`, `uscc.check_digit`,
    `uscc.organisation_check_digit`.
    """
    code = compact(text[:200]).upper()  # who sends a megabyte waits for nobody to look through it
    _characters(code, 18)
    for place, char in enumerate(code[2:8], 3):
        if char not in "0123456789":
            raise IdentifierError(
                "uscc.area",
                f"第 {place} 位应为数字（第 3 至 8 位是登记机关行政区划码），您输入的是 {char}",
                f"Character {place} must be a digit (3 to 8 are the area code of registration), not {char}",
                position=place,
            )
    failure = _failed_check(code)
    if failure and not nonconforming_ok:
        raise failure
    return USCC(code, nonconforming=failure is not None)


def _characters(code: str, length: int, *, offset: int = 0) -> None:
    if len(code) != length:
        raise IdentifierError(
            "uscc.length",
            f"统一社会信用代码应为 {length} 位，您输入了 {len(code)} 位",
            f"A unified social credit code has {length} characters, this one has {len(code)}",
        )
    for place, char in enumerate(code, offset + 1):
        if char not in _VALUES:
            hint = _LOOKALIKES.get(char)
            raise IdentifierError(
                "uscc.character",
                f"第 {place} 位“{char}”不是代码用字（只用数字和大写字母，不用 I、O、S、V、Z）"
                + (f"，是否为 {hint}？" if hint else ""),
                f'Character {place} "{char}" is not used in these codes (digits and capitals without I, O, S, V, Z)'
                + (f"; did you mean {hint}?" if hint else ""),
                position=place,
                expected=hint,
            )


def _failed_check(code: str) -> IdentifierError | None:
    right, right_inner = _check_character(code[:17]), _organisation_check_character(code[8:16])
    outer_fails, inner_fails = code[17] != right, code[16] != right_inner
    if outer_fails and inner_fails:
        return IdentifierError(
            "uscc.check_digit",
            f"第 17 位（组织机构代码校验）和第 18 位校验都不符，第 9 至 17 位中很可能有一位写错；"
            f"按前面各位，第 17 位应为 {right_inner}，您输入的是 {code[16]}",
            f"Both check characters, 17 (of the organisation code) and 18, do not hold: probably one of 9 to 17 is "
            f"wrong; by those before it, character 17 should be {right_inner}, not {code[16]}",
            position=17,
            expected=right_inner,
        )
    if outer_fails:
        return IdentifierError(
            "uscc.check_digit",
            f"第 18 位校验不符，应为 {right}，您输入的是 {code[17]}；若末位无误，请核对前 17 位",
            f"Check character 18 does not hold: it should be {right}, not {code[17]}; "
            f"if it is right, look at the first 17",
            position=18,
            expected=right,
        )
    if inner_fails:
        return IdentifierError(
            "uscc.organisation_check_digit",
            f"第 17 位（组织机构代码校验）不符，应为 {right_inner}，您输入的是 {code[16]}",
            f"Check character 17 (of the organisation code) does not hold: it should be {right_inner}, not {code[16]}",
            position=17,
            expected=right_inner,
        )
    return None


USCCStr = Annotated[
    str,
    AfterValidator(validator(lambda text: parse(text).code)),
    WithJsonSchema(
        {
            "type": "string",
            "description": "统一社会信用代码 Unified social credit code, GB 32100-2015",
            "examples": ["91370600MA3C00003H"],
        }
    ),
]
"""A conforming code, normalised. A nonconforming one needs evidence and its own field: see `parse`."""
