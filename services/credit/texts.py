"""Texts that people type: one line, or prose. Control characters are refused at their place, not by the database."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from shared.errors import field_error

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_CONTROL_IN_PROSE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def _without(pattern: re.Pattern[str], text: str) -> str:
    if found := pattern.search(text):
        place, point = found.start() + 1, f"U+{ord(found[0]):04X}"
        raise field_error(
            "text.control",
            f"第 {place} 个字符是控制字符 {point}，请删去",
            f"Character {place} is a control character, {point}; remove it",
        )
    return text


def _line(text: str) -> str:
    return _without(_CONTROL, text)


def _prose(text: str) -> str:
    return _without(_CONTROL_IN_PROSE, text)


Line = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_line)]
Prose = Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_prose)]
Note = Annotated[str, Field(max_length=2000), AfterValidator(_prose)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_line)]
Code = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_line)]
"""Somebody's own number or code."""
