"""Text that people write: in one line, or in a few sentences. Both databases must be able to keep it."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from shared.errors import field_error

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise field_error("text.control", "文本中不能有控制字符", "The text must not hold control characters")
    return text


_SHORT = StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
_LONG = StringConstraints(strip_whitespace=True, min_length=4, max_length=2000)
Line = Annotated[str, _SHORT, AfterValidator(_printable)]
Sentences = Annotated[str, _LONG, AfterValidator(_printable)]
