"""What a text may hold, by Unicode's own categories: Cc, Cs and the noncharacters of the first plane are refused."""

import unicodedata

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.texts import Code, Line, Name, Note, Prose, Sentences, Word, one_line, prose, storable

SEPARATORS = "\u2028\u2029"


def refused(text: str, check: object) -> bool:
    try:
        assert check(text) == text  # type: ignore[operator]
    except ValueError:
        return True
    return False


def test_every_character_of_the_first_plane() -> None:
    for point in range(0x10000):
        char = chr(point)
        never = unicodedata.category(char) in ("Cc", "Cs") or char in "\ufffe\uffff"
        assert refused(char, prose) == (never and char not in "\t\n\r"), hex(point)
        assert refused(char, one_line) == (never or char in SEPARATORS), hex(point)


def test_the_place_is_told() -> None:
    with pytest.raises(ValidationError) as told:
        TypeAdapter(Line).validate_python("烟台\x07示例")
    assert "Character 3 is a control character, U+0007" in str(told.value)


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        *((Code, 1, 100), (Word, 1, 120), (Name, 1, 200), (Line, 1, 500)),
        *((Note, 0, 2_000), (Sentences, 4, 2_000), (Prose, 1, 10_000)),
    ],
)
def test_lengths(kind: object, least: int, most: int) -> None:
    adapter = TypeAdapter(kind)
    for fits in ("字" * max(least, 1), "字" * most):
        assert adapter.validate_python(fits) == fits
    for wrong in ("字" * (most + 1), *(["字" * (least - 1)] if least else [])):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


def test_a_text_on_its_way_into_a_query() -> None:
    assert storable("a\x00b") == "a\ufffdb"
