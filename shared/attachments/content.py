"""What a file is, told by its bytes; a name or a declared type decides nothing."""

import csv
import re
from dataclasses import dataclass

from shared.errors import FieldError, Invalid, Malformed, TooLarge, UnsupportedMedia
from shared.jsontext import read_json

PDF, PNG, JPEG, JSON = "application/pdf", "image/png", "image/jpeg", "application/json"
TEXT, CSV = "text/plain; charset=utf-8", "text/csv; charset=utf-8"
ALLOWED = (PDF, PNG, JPEG, JSON, TEXT, CSV)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_MIB = 1024 * 1024
_BEGINNING = 64 * 1024
"""Characters that are looked at for a table."""
_MAX_VALUES = 300_000
"""A JSON file that holds more is kept as text: to look whether it is one would take a hundred times its size."""


@dataclass(frozen=True, slots=True)
class Limits:
    max_bytes: int = 8 * _MIB
    """For one file. The service's `max_body_bytes` bounds the whole request and must be larger."""


def check(data: bytes, limits: Limits) -> str:
    """The media type of a file that may be kept.

    Raises Invalid (empty), TooLarge, UnsupportedMedia.
    """
    if not data:
        raise Invalid([FieldError("/file", "attachment.empty", "文件是空的", "The file is empty")])
    if len(data) > limits.max_bytes:
        raise TooLarge(
            "attachment.size",
            zh=f"文件有 {len(data)} 字节，最多 {limits.max_bytes} 字节",
            en=f"The file has {len(data)} bytes; at most {limits.max_bytes} are kept",
            limit=limits.max_bytes,
        )
    media_type = detect(data)
    if media_type is None:
        raise UnsupportedMedia(
            "attachment.type",
            zh="只接受 PDF、PNG、JPEG、JSON 和 UTF-8 文本（含 CSV）；按内容判断，不看文件名",
            en="PDF, PNG, JPEG, JSON and UTF-8 text (also CSV) are kept; the content decides, not the name",
            allowed=list(ALLOWED),
        )
    return media_type


def detect(data: bytes) -> str | None:
    """One of ALLOWED, or None. A PDF has its end mark and an image its first chunk, so that a cut-off head is none."""
    if data.startswith(b"%PDF-"):
        return PDF if b"%%EOF" in data[-2048:] else None
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG if data[12:16] == b"IHDR" else None
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG if len(data) > 20 else None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if _CONTROL.search(text):
        return None
    if _is_json(data):
        return JSON
    return CSV if _is_table(text) else TEXT


def _is_json(data: bytes) -> bool:
    if data.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        read_json(data, _MAX_VALUES, max_name=None)
    except (Malformed, TooLarge):
        return False
    return True


def _is_table(text: str) -> bool:
    """Two lines or more, all with the same number of fields, two or more of them."""
    lines = text[:_BEGINNING].splitlines()
    if len(text) > _BEGINNING:
        lines.pop()  # cut in two
    lines = lines[:50]
    if len(lines) < 2:
        return False
    for delimiter in ",\t;":
        try:
            widths = {len(row) for row in csv.reader(lines, delimiter=delimiter, strict=True) if row}
        except csv.Error:
            continue
        if len(widths) == 1 and widths.pop() >= 2:
            return True
    return False
