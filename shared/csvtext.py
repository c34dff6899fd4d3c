"""CSV that a spreadsheet shows and never runs (OWASP, "CSV Injection")."""

import csv
import io
import unicodedata
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

MARK = "\ufeff"
"""At the front of a file it tells spreadsheets that this is UTF-8."""
_RUN = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""A cell that begins so is a formula; the wide forms are taken for the narrow ones."""


def line(values: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([cell(value) for value in values])
    return buffer.getvalue()


def cell(value: object) -> str:
    """Its text; one that would be run has an apostrophe before it. A number, also a negative one, stays as it is."""
    text = "" if value is None else str(value)
    seen = text.lstrip("".join(char for char in set(text) if _is_blank(char)))
    runs = seen.startswith(_RUN) or text[:1] in ("\t", "\r", "\n")
    return "'" + text if runs and not _is_number(text) else text


def _is_blank(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("Cc", "Cf")


def _is_number(text: str) -> bool:
    try:
        return text.isascii() and Decimal(text).is_finite()
    except InvalidOperation:
        return False
