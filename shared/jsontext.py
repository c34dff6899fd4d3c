"""JSON is bounded before it is read: of a text that is not too long, two bytes may be a value, and a value in Python
takes fifty times as much, and so does each error about it. The names of members are bounded too, since errors, pointers
and what is built on the value repeat them.
"""

import re
from typing import Any

import orjson

from shared.errors import Malformed, TooLarge

MAX_DEPTH = 64
MAX_NAME = 200
"""Characters of the name of a member."""
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


def read_json(data: bytes, max_values: int, *, max_depth: int = MAX_DEPTH, max_name: int | None = MAX_NAME) -> Any:
    """The value. Raises Malformed (400; also for its depth) and TooLarge (413, for the number of values, and for a
    member's name of more than `max_name` characters)."""
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
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Malformed(
            "json",
            zh=f"请求体不是有效的 JSON（第 {error.pos} 个字符处：{error.msg}）",
            en=f"The body is not valid JSON (at character {error.pos}: {error.msg})",
        ) from error
    if max_name is not None and _may_have_long_name(data, max_name) and _has_long_name(value, max_name):
        raise TooLarge(
            "json_name",
            zh=f"JSON 中的字段名不能超过 {max_name} 个字符",
            en=f"The name of a field in the JSON may have at most {max_name} characters",
            limit=max_name,
        )
    return value


def _may_have_long_name(data: bytes, most: int) -> bool:
    """Whether a string of more than `most` bytes stands before a colon. Goes from quote to quote in large steps: a
    hundredth of what parsing takes, since the value has to be walked only where this is so."""
    if b'\\"' in data:
        data = data.replace(b"\\\\", b"__").replace(b'\\"', b"__")
    at, width, size = 0, most + 1, len(data)
    while at + width <= size:
        quote = data.rfind(b'"', at, at + width)
        if quote < 0:
            quote = data.find(b'"', at + width)
            if quote < 0:
                return False
            if _BEFORE_COLON.match(data, quote + 1):
                return True
        at = quote + 1
    return False


def _has_long_name(value: Any, most: int) -> bool:
    level = [value]
    while level:
        objects = [node for node in level if type(node) is dict]
        if any(len(name) > most for node in objects for name in node):
            return True
        lists = [node for node in level if type(node) is list]
        level = [part for node in objects for part in node.values() if type(part) in _HOLDERS]
        level += [part for node in lists for part in node if type(part) in _HOLDERS]
    return False


_BEFORE_COLON = re.compile(rb"[ \t\r\n]*:")
_HOLDERS = (dict, list)


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
