"""What a document and an event may hold, judged before the schema, the rules and the hash are: each of them takes many
times what it is given. Pure.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from services.traceability.epcis import rules, windows
from services.traceability.settings import Settings
from shared.errors import MOST_ERRORS, FieldError, clip

_FREE = frozenset({"stringValue", "hexBinaryValue", "rawData", "attribute", "comment", "rdfs:comment"})
"""Fields of the standard whose texts name nothing."""
_SHORT = 100
"""Namespaces up to this length, and values up to ten times as many, make no hash that would have to be measured."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers of values, texts in characters; the first ones are settings."""

    document_values: int = 1_500_000
    event_values: int = 50_000
    event_objects: int = 5_000
    text: int = 64 * 1024
    """Any text of an event."""
    identifier: int = 4_000
    """A text in a field of the standard, which is a URI or a word."""
    namespace: int = 2_048
    namespaces: int = 100
    """Entries of the contexts in force for an event, and what they hold together: each event is stored with them."""
    context: int = 16 * 1024
    names: int = 4 * 1024 * 1024
    """The names of an event as its hash writes them out, namespaces in full."""
    document_names: int = 128 * 1024 * 1024

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            settings.capture_max_values,
            settings.event_max_values,
            settings.event_max_objects,
            settings.event_max_text,
            settings.event_max_identifier,
        )


class Size(NamedTuple):
    """Of what a context holds."""

    entries: int = 0
    longest: int = 0
    total: int = 0

    def plus(self, other: "Size") -> "Size":
        return Size(self.entries + other.entries, max(self.longest, other.longest), self.total + other.total)


class Judge:
    """Of the events of one document: the contexts of the document are measured once, and the hashes together."""

    def __init__(self, limits: Limits, known: Collection[str], context: Any = None) -> None:
        self._limits, self._known = limits, known
        self._context = _size(context)
        self._names = 0

    def errors(self, event: dict[str, Any], names: Mapping[str, str], pointer: str) -> list[FieldError]:
        """Why the event is not looked at. `names`: the namespaces in force for it."""
        limits = self._limits
        return (
            _objects(event, pointer, limits)
            or _values(event, pointer, limits)
            or _contexts(self._context.plus(_size(event.get("@context"))), pointer, limits)
            or text_errors(event, pointer, limits, self._known)
            or self._hashed(event, names, pointer)
        )

    def _hashed(self, event: dict[str, Any], names: Mapping[str, str], pointer: str) -> list[FieldError]:
        limits = self._limits
        few = windows.count(event, 10 * _SHORT) <= 10 * _SHORT
        if few and all(len(uri) <= _SHORT for uri in names.values()):
            return []
        written = names_written(event, names)
        self._names += written
        if written <= limits.names and self._names <= limits.document_names:
            return []
        most, zh, en = limits.names, "一个事件", "an event"
        if written <= limits.names:
            most, zh, en = limits.document_names, "一份文件", "a document"
        return [
            FieldError(
                pointer,
                "epcis.names_too_long",
                f"{zh}的字段名连同命名空间合计最多 {most} 个字符；请缩短命名空间或拆开发送",
                f"The names of {en} hold at most {most} characters with their namespaces written out; use shorter "
                "namespaces, or send it in parts",
            )
        ]


def envelope_errors(document: Mapping[str, Any], limits: Limits, known: Collection[str]) -> list[FieldError]:
    """Of a document without its events."""
    return _contexts(_size(document.get("@context")), "", limits) or text_errors(document, "", limits, known)


def _objects(event: Mapping[str, Any], pointer: str, limits: Limits) -> list[FieldError]:
    lists = (event.get(name) for name in (*rules.EPC_LISTS, *rules.QUANTITY_LISTS))
    objects = sum(len(each) for each in lists if isinstance(each, list))
    if objects <= limits.event_objects:
        return []
    return [
        FieldError(
            pointer,
            "epcis.too_many_objects",
            f"一个事件最多 {limits.event_objects} 个对象（含原料和批次），这个有 {objects} 个；请拆成多个事件",
            f"An event names at most {limits.event_objects} objects, materials included; this one {objects}: "
            "send several events",
        )
    ]


def _values(event: Mapping[str, Any], pointer: str, limits: Limits) -> list[FieldError]:
    if windows.count(event, limits.event_values) <= limits.event_values:
        return []
    return [
        FieldError(
            pointer,
            "epcis.event_too_large",
            f"一个事件最多 {limits.event_values} 个值；请拆成多个事件",
            f"An event holds at most {limits.event_values} values; send several events",
        )
    ]


def _contexts(size: Size, pointer: str, limits: Limits) -> list[FieldError]:
    if size.longest > limits.namespace:
        code, zh, en = "namespace_too_long", f"每个文本最多 {limits.namespace} 个字符", "texts of at most {} characters"
        most = limits.namespace
    elif size.entries > limits.namespaces:
        code, zh, en = "too_many_namespaces", f"最多 {limits.namespaces} 项", "at most {} entries"
        most = limits.namespaces
    elif size.total > limits.context:
        code, zh, en = "context_too_long", f"合计最多 {limits.context} 个字符", "at most {} characters together"
        most = limits.context
    else:
        return []
    return [
        FieldError(
            f"{pointer}/@context",
            f"epcis.{code}",
            f"@context（连同文件的）{zh}",
            f"The @context, that of the document included, holds {en.format(most)}",
        )
    ]


def _size(context: Any) -> Size:
    entries = longest = total = 0
    level = [context]
    while level:
        below: list[Any] = []
        for node in level:
            if type(node) is str:
                total += len(node)
                longest = max(longest, len(node))
            elif type(node) is dict:
                entries += len(node)
                total += sum(map(len, node))
                below += node.values()
            elif type(node) is list:
                entries += len(node)
                below += node
        level = below
    return Size(entries, longest, total)


def text_errors(value: Mapping[str, Any], pointer: str, limits: Limits, known: Collection[str]) -> list[FieldError]:
    """The first texts that are too long: for any text, and for one in a field of the standard (`known`)."""
    if not _longer(value, min(limits.identifier, limits.text)):
        return []  # nearly always
    found = []
    for path, size, most in _too_long(value, limits, known):
        place = "".join("/" + clip(str(part)).replace("~", "~0").replace("/", "~1") for part in path)
        found.append(
            FieldError(
                pointer + place,
                "epcis.text_too_long",
                f"此处文本最长 {most} 个字符，这个有 {size} 个",
                f"A text has at most {most} characters here, this one {size}",
            )
        )
        if len(found) == MOST_ERRORS:
            break
    return found


def _longer(value: Any, most: int) -> bool:
    level = [value]
    while level:
        below: list[Any] = []
        for node in level:
            below += node.values() if type(node) is dict else node
        if any(type(part) is str and len(part) > most for part in below):
            return True
        level = [part for part in below if type(part) is dict or type(part) is list]
    return False


def _too_long(
    value: Mapping[str, Any], limits: Limits, known: Collection[str]
) -> Iterator[tuple[tuple[str | int, ...], int, int]]:
    stack: list[tuple[tuple[str | int, ...], Any, bool]] = [
        ((name,), part, name not in known or name in _FREE) for name, part in value.items() if name != "@context"
    ]
    while stack:
        path, node, free = stack.pop()
        if type(node) is str:
            most = limits.text if free else limits.identifier
            if len(node) > most:
                yield path, len(node), most
        elif type(node) is dict:
            stack += [((*path, name), part, free or name not in known or name in _FREE) for name, part in node.items()]
        elif type(node) is list:
            stack += [((*path, index), part, free) for index, part in enumerate(node)]


def names_written(event: Mapping[str, Any], names: Mapping[str, str]) -> int:
    """Characters, at most, of the names that the hash writes out: a name stands before each value of its list."""
    written = 0
    stack: list[tuple[Any, int]] = [(event, 0)]
    while stack:
        node, size = stack.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                full = len(key) + len(names.get(key.partition(":")[0], ""))
                written += full
                if isinstance(value, dict | list):
                    stack.append((value, full))
        else:
            written += size * len(node)
            stack += [(each, size) for each in node if isinstance(each, dict | list)]
    return written
