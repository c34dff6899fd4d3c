"""Texts that people type: one line, or prose. What no database keeps and no reader sees is refused at its place."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from shared.errors import field_error

_NEVER = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
CONTROL_IN_LINE = re.compile(f"[{_NEVER}\\t\\n\\r\u2028\u2029]")
_IN_PROSE = re.compile(f"[{_NEVER}]")


def _without(pattern: re.Pattern[str], text: str) -> str:
    if found := pattern.search(text):
        place, point = found.start() + 1, f"U+{ord(found[0]):04X}"
        raise field_error(
            "text.control",
            f"第 {place} 个字符是控制字符 {point}，请删去",
            f"Character {place} is a control character, {point}; remove it",
        )
    return text


def one_line(text: str) -> str:
    return _without(CONTROL_IN_LINE, text)


def prose(text: str) -> str:
    """Lines and tabs are kept."""
    return _without(_IN_PROSE, text)


Code = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(one_line)]
"""Somebody's own number or code."""
Word = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(one_line)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]
Line = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(one_line)]
Note = Annotated[str, Field(max_length=2000), AfterValidator(prose)]
Sentences = Annotated[str, Field(min_length=4, max_length=2000), AfterValidator(prose)]
"""A reason, or a remedy: more than a word."""
Prose = Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(prose)]


def storable(text: str) -> str:
    """For a text from outside on its way into a query: a NUL cannot be stored, so nothing has it; PostgreSQL refuses
    even to look for it."""
    return text.replace("\x00", "\ufffd")
