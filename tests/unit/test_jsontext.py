"""Names of members are bounded, exactly: held against a plain walk of what the standard library reads."""

import json
import time
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import FieldError, TooLarge, clip
from shared.jsontext import read_json
from shared.web.problems import field_errors, pointer_of


def refused(data: bytes, **bounds: Any) -> TooLarge | None:
    try:
        read_json(data, 1_000_000, **bounds)
    except TooLarge as error:
        return error
    return None


@pytest.mark.parametrize(
    "most_and_one_more",
    [
        (b'{"%s":1}' % (b"k" * 200), b'{"%s":1}' % (b"k" * 201)),
        (b'{"a":[{"b":1},{"%s" \r\n\t:1}]}' % (b"k" * 200), b'{"a":[{"b":1},{"%s" \r\n\t:1}]}' % (b"k" * 201)),
        (b'{"%s":1}' % ("品" * 200).encode(), b'{"%s":1}' % ("品" * 201).encode()),
        (b'{"%s":1}' % (b"\\u54c1" * 200), b'{"%s":1}' % (b"\\u54c1" * 201)),
        (b'{"%s":1}' % (b'\\"' * 200), b'{"%s":1}' % (b'\\"' * 201)),
        (b'{"%s":1}' % (b"\\\\" * 200), b'{"%s":1}' % (b"\\\\" * 201)),
        (b'{"x":"\\\\","%s":1}' % (b'a\\"' * 100), b'{"x":"\\\\","%s":1}' % (b'a\\"' * 101)),
        (b'{"x":"%s"}' % (b"v" * 5_000), b'{"x":"%s","%s":1}' % (b"v" * 5_000, b"k" * 201)),
        (b'["%s",":"]' % (b"v" * 5_000), b'["%s",":",{"%s":":"}]' % (b"v" * 5_000, b":" * 201)),
    ],
)
def test_a_name_has_200_characters_at_most(most_and_one_more: tuple[bytes, bytes]) -> None:
    most, more = most_and_one_more
    assert read_json(most, 1_000) == json.loads(most)
    error = refused(more)
    assert error is not None
    assert (error.status, error.code, error.extra["limit"]) == (413, "json_name", 200)
    assert "200" in error.text.zh
    assert "200" in error.text.en
    assert len(error.text.en) < 200
    assert read_json(more, 1_000, max_name=None) == json.loads(more)


def longest_name(value: Any) -> int:
    if isinstance(value, dict):
        return max((max(len(name), longest_name(part)) for name, part in value.items()), default=0)
    return max(map(longest_name, value), default=0) if isinstance(value, list) else 0


WORDS = st.text(st.sampled_from('a":\\ ,{}[]品😀\n'), max_size=14)
VALUES = st.recursive(
    WORDS | st.integers(0, 9), lambda part: st.lists(part, max_size=4) | st.dictionaries(WORDS, part, max_size=4)
)


@given(VALUES, st.sampled_from([None, 1, 12]), st.booleans())
@example({'":' * 6: "x" * 40}, None, False)
def test_as_a_plain_walk_finds_it(value: Any, indent: int | None, ascii_only: bool) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert (refused(data, max_name=6) is not None) == (longest_name(value) > 6), data


def test_the_bound_costs_little() -> None:
    """CPU, beside that of parsing alone; a body that is one name costs no more than reading it."""
    plain = orjson.dumps(
        [{"epcClass": f"https://id.gs1.org/01/09521101530018/10/A{n}", "n": n} for n in range(100_000)]
    )
    quoted = orjson.dumps([{"name": 'the "best" \\ apples', "n": n} for n in range(100_000)])
    for data in (plain, quoted):
        spent = {}
        for most in (None, 200):
            began = time.process_time()
            for _ in range(3):
                read_json(data, 10_000_000, max_name=most)
            spent[most] = time.process_time() - began
        assert spent[200] < 2 * spent[None] + 0.1, spent
    began = time.process_time()
    assert refused(b'{"%s":1}' % (b"k" * 14_000_000)) is not None
    assert refused(b"{" + b",".join(b'"%s%d":1' % (b"k" * 150_000, n) for n in range(100)) + b"}") is not None
    assert time.process_time() - began < 2


def test_errors_stay_small_whatever_was_sent() -> None:
    assert pointer_of(("body", "k" * 1_000, 3)) == "/" + "k" * 200 + "…/3"
    assert pointer_of(("query", "~" * 1_000)) == "?" + "~" * 200 + "…"
    assert pointer_of(("body", "a/b", "~")) == "/a~1b/~0"
    assert clip("x" * 200) == "x" * 200
    long = "v" * 100_000
    wrong = {"type": "value_error", "loc": ("body", long), "msg": long}
    custom = {"type": "own", "loc": ("body", *[long] * 60), "msg": "", "ctx": {"zh": long, "en": long}}
    for error in field_errors([wrong, custom]):
        assert len(error.zh) < 520
        assert len(error.en) < 520
        assert len(error.pointer) <= 2_001
    error = FieldError(long, "x", long, long)
    assert max(len(error.pointer), len(error.zh), len(error.en)) == 2_001
