"""A large event in small pieces, each an event of its own, so that what is wrong with it costs no more than its size.

The validator keeps a copy of the holder with each unknown field: 3,000 of them in one event were 7 GB. So a piece holds
at most `WIDTH` items of one list, or fields that the schema does not name, one item of every other list, and all fields
that it names. Pure.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

WIDTH = 50
SMALL = 100
"""Values up to which an event is its own only piece."""
Path = tuple[str | int, ...]
Focus = tuple[Path, int]


@dataclass(slots=True)
class Window:
    value: Any
    offsets: dict[Path, int] = field(default_factory=dict)
    """Path of a list in `value` -> where its first item stands in the whole list."""

    def place(self, pointer: str) -> str:
        """A JSON Pointer into the piece as one into the whole."""
        node: Any = self.value
        here: Path = ()
        found = []
        for token in pointer.split("/")[1:]:
            part: str | int = token.replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and token.isdecimal():
                part = int(token)
                token = str(part + self.offsets.get(here, 0))
                node = node[part] if part < len(node) else None
            else:
                node = node.get(part) if isinstance(node, dict) else None
            here = (*here, part)
            found.append("/" + token)
        return "".join(found)


def count(value: Any, enough: int) -> int:
    """Values in `value`, itself included; counting ends soon above `enough`."""
    found, level = 1, [value]
    while level and found <= enough:
        level = [
            part
            for node in level
            for part in (node.values() if type(node) is dict else node if type(node) is list else ())
        ]
        found += len(level)
    return found


def windows(value: Any, known: Collection[str]) -> Iterator[Window]:
    """`known`: names of fields that are in every piece."""
    if count(value, SMALL) <= SMALL:
        yield Window(value)
        return
    for focus in [((), 0), *_wide(value, known, ())]:
        window = Window(None)
        window.value = _cut(value, known, focus, (), (), window.offsets)
        yield window


def _wide(value: Any, known: Collection[str], at: Path) -> Iterator[Focus]:
    """Where there is more than a piece without a focus holds, in steps of `WIDTH`."""
    if isinstance(value, list):
        if len(value) > 1:
            yield from ((at, start) for start in range(0, len(value), WIDTH))
        for index, part in enumerate(value):
            yield from _wide(part, known, (*at, index))
    elif isinstance(value, dict):
        odd = sum(name not in known for name in value)
        yield from ((at, start) for start in range(WIDTH, odd, WIDTH))
        for name, part in value.items():
            yield from _wide(part, known, (*at, name))


def _cut(value: Any, known: Collection[str], focus: Focus, at: Path, here: Path, offsets: dict[Path, int]) -> Any:
    path, begin = focus
    on_the_way = len(path) > len(at) and path[: len(at)] == at
    if isinstance(value, list):
        start, width = 0, 1
        if path == at:
            start, width = begin, WIDTH
        elif on_the_way:
            start = int(path[len(at)])
        if start:
            offsets[here] = start
        return [
            _cut(part, known, focus, (*at, start + index), (*here, index), offsets)
            for index, part in enumerate(value[start : start + width])
        ]
    if not isinstance(value, dict):
        return value
    odd = [name for name in value if name not in known]
    first = begin if path == at else 0
    dropped = {*odd[:first], *odd[first + WIDTH :]}
    if on_the_way:
        dropped.discard(str(path[len(at)]))
    return {
        name: _cut(part, known, focus, (*at, name), (*here, name), offsets)
        for name, part in value.items()
        if name not in dropped
    }
