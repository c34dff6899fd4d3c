"""`If-None-Match`, by the words of RFC 9110 section 13.1.2 and the comparisons of its section 8.8.3.2."""

import pytest

from shared.web.conditional import has

STRONG, WEAK = b'"1a2b"', b'W/"1a2b"'
NAME = b"if-none-match"


@pytest.mark.parametrize("etag", [STRONG, WEAK])
@pytest.mark.parametrize(
    "lines",
    [
        [b'"1a2b"'],
        [b'W/"1a2b"'],
        [b"*"],
        [b" * "],
        [b'"other", "1a2b"'],
        [b'"other","1a2b","more"'],
        [b'W/"other" , W/"1a2b"'],
        [b'"with, a comma", "1a2b"'],
        [b'"other"', b'"1a2b"'],
        [b', ,"1a2b",'],
        [b'"", "1a2b"'],
    ],
)
def test_the_client_has_it(etag: bytes, lines: list[bytes]) -> None:
    assert has([(b"accept", b"*/*"), *((NAME, line) for line in lines)], etag)


@pytest.mark.parametrize("etag", [STRONG, WEAK])
@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b""],
        [b"1a2b"],
        [b'"1A2B"'],
        [b'"1a2b'],
        [b'"1a2b "'],
        [b'"x1a2b", "1a2bx"'],
        [b'"*"'],
        [b'"a, 1a2b, c"'],
        [b"w/1a2b"],
        [b'"other", *'],
    ],
)
def test_the_client_has_another_or_none(etag: bytes, lines: list[bytes]) -> None:
    assert not has([(NAME, line) for line in lines], etag)


def test_other_fields_are_not_looked_at() -> None:
    assert not has([(b"if-match", STRONG), (b"if-range", STRONG)], STRONG)
