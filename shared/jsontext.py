"""JSON is bounded before it is read: of a text that is not too long, two bytes may be a value, and a value in Python
takes fifty times as much, and so does each error about it.
"""

import re
from typing import Any

import orjson

from shared.errors import Malformed, TooLarge

MAX_DEPTH = 64
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def count_values(data: bytes, enough: int) -> int:
    """How many values the text holds, if it is JSON; no more than what the text could hold if that is below `enough`.

    Commas and brackets inside of strings count too at first, which takes no time; they are told apart only when they
    would decide.
    """
    found = _separators(data)
    return found if found <= enough else _separators(_STRING.sub(b'""', data))


def _separators(data: bytes) -> int:
    return 1 + data.count(b",") + data.count(b"[") + data.count(b"{")


def read_json(data: bytes, max_values: int, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value. Raises Malformed (400; also for its depth) and TooLarge (413, for the number of values)."""
    if count_values(data, max_values) > max_values:
        raise TooLarge(
            "json_values",
            zh=f"JSON 中的值和字段合计不能超过 {max_values} 个；请分批发送",
            en=f"The JSON may hold at most {max_values} values and fields; send it in parts",
            limit=max_values,
        )
    if data.count(b"[") + data.count(b"{") > max_depth and _depth(data, max_depth) > max_depth:
        raise Malformed(
            "json_depth",
            zh=f"JSON 嵌套不能超过 {max_depth} 层",
            en=f"The JSON may be nested {max_depth} levels deep",
            limit=max_depth,
        )
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Malformed(
            "json",
            zh=f"请求体不是有效的 JSON（第 {error.pos} 个字符处：{error.msg}）",
            en=f"The body is not valid JSON (at character {error.pos}: {error.msg})",
        ) from error


_OPEN = frozenset(b"[{")
_BRACKET = re.compile(rb"[\[\]{}]+")


def _depth(data: bytes, enough: int) -> int:
    """Deepest nesting of brackets outside of strings, at most one more than `enough`."""
    depth = deepest = 0
    for run in _BRACKET.findall(_STRING.sub(b"", data)):
        for bracket in run:
            depth += 1 if bracket in _OPEN else -1
            if depth > deepest:
                deepest = depth
                if deepest > enough:
                    return deepest
    return deepest
