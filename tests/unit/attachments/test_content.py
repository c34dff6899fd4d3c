"""What a file is, by its bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.attachments import Limits, content
from shared.errors import Invalid, TooLarge, UnsupportedMedia
from tests.unit.attachments.samples import JPEG, PDF, PNG


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PDF, content.PDF),
        (PNG, content.PNG),
        (JPEG, content.JPEG),
        (b'{"a": 1}', content.JSON),
        (b" [1, 2]\n", content.JSON),
        ("处罚决定书\n".encode(), content.TEXT),
        (b"{ not json", content.TEXT),
        ("样品,结论\n苹果,合格\n海参,不合格\n".encode(), content.CSV),
        ("\ufeff样品\t结论\n苹果\t合格\n".encode(), content.CSV),
        (b'a;b\n"x;y";2\n', content.CSV),
        (b"one line, with a comma", content.TEXT),
        (b"<script>alert(1)</script>", content.TEXT),
    ],
)
def test_kept(data: bytes, media_type: str) -> None:
    assert content.check(data, Limits()) == media_type


@pytest.mark.parametrize(
    "data",
    [
        b"MZ\x90\x00\x03",
        b"PK\x03\x04\x14\x00",
        b"GIF89a\x01\x00\x01\x00",
        b"\x7fELF\x02\x01\x01",
        b"%PDF-1.7 cut off",
        b"\x89PNG\r\n\x1a\nnothing",
        b"\xff\xd8\xff",
        b"\x00" * 100,
        "烟台".encode("gb18030"),
        "text".encode("utf-16"),
        b"text\x00with zero",
        b"\x1b[31mterminal",
    ],
)
def test_refused(data: bytes) -> None:
    with pytest.raises(UnsupportedMedia) as caught:
        content.check(data, Limits())
    assert caught.value.code == "attachment.type"
    assert caught.value.extra["allowed"] == list(content.ALLOWED)


def test_empty_and_too_large() -> None:
    with pytest.raises(Invalid) as empty:
        content.check(b"", Limits())
    assert [error.pointer for error in empty.value.errors] == ["/file"]
    assert content.check(b"x" * 10, Limits(max_bytes=10))
    with pytest.raises(TooLarge) as large:
        content.check(b"x" * 11, Limits(max_bytes=10))
    assert large.value.extra["limit"] == 10


@given(st.binary(max_size=200))
def test_any_bytes_are_one_of_the_allowed_types_or_none(data: bytes) -> None:
    assert content.detect(data) in (*content.ALLOWED, None)


@given(st.recursive(st.none() | st.integers(-1000, 1000) | st.text(), lambda inner: st.lists(inner), max_leaves=10))
def test_every_json_array_is_json(value: object) -> None:
    assert content.detect(json.dumps([value]).encode()) == content.JSON
