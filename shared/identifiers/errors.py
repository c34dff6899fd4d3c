"""The one exception of this package, its way into pydantic, and how text from paper and keyboards is made plain."""

import unicodedata
from collections.abc import Callable

from shared.errors import field_error

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_DASHES = {ord(dash): "-" for dash in "\u2010\u2011\u2012\u2013\u2014\u2212"}


_LONGEST = 300
"""Characters of the words: they may quote what was read."""


class IdentifierError(ValueError):
    """An identifier that does not hold. `position` (from 1, in the code without separators) and `expected` say where
    and what would be right, where that can be known."""

    def __init__(
        self, code: str, zh: str, en: str, *, position: int | None = None, expected: str | None = None
    ) -> None:
        super().__init__(f"{code}: {en}")
        self.code = code
        self.zh = zh if len(zh) <= _LONGEST else zh[:_LONGEST] + "…"
        self.en = en if len(en) <= _LONGEST else en[:_LONGEST] + "…"
        self.position = position
        self.expected = expected


def plain(text: str) -> str:
    """Full-width forms to half-width (NFKC), invisible characters and surrounding space removed, one kind of dash."""
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFKC", text.translate(_INVISIBLE)).translate(_DASHES).strip()


def compact(text: str) -> str:
    """`plain` without the spaces and dashes that people put between groups."""
    if text.isascii() and text.isalnum():  # the usual case, at a tenth of the cost
        return text
    return "".join(char for char in plain(text) if char != "-" and not char.isspace())


def validator(parse: Callable[[str], str]) -> Callable[[str], str]:
    """A pydantic validator of a parser: the normalised text, or the parser's words as a field error."""

    def validate(value: str) -> str:
        try:
            return parse(value)
        except IdentifierError as error:
            raise field_error(error.code, error.zh, error.en) from error

    return validate
