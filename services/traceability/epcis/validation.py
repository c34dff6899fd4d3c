"""An EPCIS document in bytes to checked events: JSON, the ratified schema with its formats, then `rules.check`.

Everything wrong is reported at once, each with its JSON Pointer.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from jsonschema_rs import Draft7Validator, ValidationError, ValidationErrorKind

from services.traceability.epcis import rules
from services.traceability.epcis.errors import validation_exception
from shared.errors import FieldError

MAX_DEPTH = 64
_MAX_ERRORS = 200
"""Of one event."""
_GENERAL = "epcis.schema"
EVENT_LIST = ("epcisBody", "eventList")
STANDARD_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"


@dataclass(slots=True)
class Candidate:
    """One event of a document: what is wrong with it, or the event as it will be stored."""

    pointer: str
    event: dict[str, Any]
    contexts: list[Any]
    """Entries of the JSON-LD contexts in force, document first, without the standard one."""
    errors: list[FieldError] = field(default_factory=list)


def load(data: bytes) -> Any:
    """The JSON value. Raises the EPCIS ValidationException (400) with line and column where it cannot be read."""
    if depth_of(data) > MAX_DEPTH:
        raise validation_exception(
            zh=f"JSON 嵌套超过 {MAX_DEPTH} 层", en=f"The JSON is nested deeper than {MAX_DEPTH} levels"
        )
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise validation_exception(
            zh=f"不是有效的 JSON：第 {error.lineno} 行第 {error.colno} 列", en=f"Not valid JSON: {error}"
        ) from error
    if b"\\u0000" in data and "\x00" in json.dumps(value, ensure_ascii=False).replace("\\u0000", "\x00"):
        raise validation_exception(zh="文本中不能有空字符（U+0000）", en="Text must not hold the character U+0000")
    return value


_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


def depth_of(data: bytes) -> int:
    """Deepest nesting of brackets outside of strings."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def envelope_errors(document: Any) -> list[FieldError]:
    """What is wrong with a capture document before its events are looked at."""
    if not isinstance(document, dict) or document.get("type") != "EPCISDocument":
        return [
            FieldError(
                "/type",
                "epcis.document_type",
                "应为一份 EPCISDocument；单个事件请发到 /epcis/events",
                "Expected an EPCISDocument; send a single event to /epcis/events",
            )
        ]
    body = document.get("epcisBody")
    if isinstance(body, dict) and isinstance(body.get("eventList"), list):
        return schema_errors(document | {"epcisBody": body | {"eventList": []}})
    return schema_errors(document)


def candidates(document: dict[str, Any]) -> list[Candidate]:
    """The events of a document whose envelope holds, each with all that is wrong with it."""
    shared_contexts = contexts_of(document)
    found = [
        Candidate(
            f"/epcisBody/eventList/{index}",
            event if isinstance(event, dict) else {},
            shared_contexts + (contexts_of(event) if isinstance(event, dict) else []),
        )
        for index, event in enumerate(document["epcisBody"]["eventList"])
    ]
    validator = _validator()
    if not validator.is_valid(document):
        for error in validator.iter_errors(document):
            path = list(error.instance_path)
            if path[:2] == list(EVENT_LIST) and len(path) > 2 and isinstance(path[2], int):
                found[path[2]].errors.extend(_explain(error))
            else:
                found[0].errors.extend(_explain(error))
    for candidate in found:
        _finish(candidate)
    return found


def single(event: Any) -> Candidate:
    """A bare event, as `POST /epcis/events` takes it; it carries its own `@context`."""
    if not isinstance(event, dict) or event.get("type") in ("EPCISDocument", "EPCISQueryDocument"):
        error = FieldError(
            "/type",
            "epcis.event_type",
            "应为单个事件；整份文件请发到 /epcis/capture",
            "Expected a single event; send a document to /epcis/capture",
        )
        return Candidate("", {}, [], [error])
    candidate = Candidate("", event, contexts_of(event), schema_errors(event))
    _finish(candidate)
    return candidate


def contexts_of(holder: dict[str, Any]) -> list[Any]:
    value = holder.get("@context")
    entries = value if isinstance(value, list) else [value]
    return [e for e in entries if isinstance(e, dict) or (isinstance(e, str) and "epcis-context.jsonld" not in e)]


def namespaces(contexts: Iterable[Any]) -> dict[str, str]:
    """Prefix -> namespace of the contexts that are written out."""
    return {
        prefix: uri
        for context in contexts
        if isinstance(context, dict)
        for prefix, uri in context.items()
        if isinstance(uri, str) and not prefix.startswith("@")
    }


def schema_errors(instance: Any) -> list[FieldError]:
    validator = _validator()
    if validator.is_valid(instance):
        return []
    return [each for error in validator.iter_errors(instance) for each in _explain(error)]


def _finish(candidate: Candidate) -> None:
    """Add what the rules find where the fields themselves hold, and keep the clearest words for each place."""
    shape = {(candidate.pointer, "epcis.one_of"), (candidate.pointer, _GENERAL)}
    if {(error.pointer, error.code) for error in candidate.errors} <= shape:
        # The event as a whole fits no alternative of the schema; a rule may say why, in plain words.
        candidate.errors = rules.check(candidate.event, candidate.pointer) or candidate.errors
    explained = {error.pointer for error in candidate.errors if error.code != _GENERAL}
    unique = {
        (error.pointer, error.code, error.en): error
        for error in candidate.errors
        if error.code != _GENERAL or error.pointer not in explained
    }
    candidate.errors = list(unique.values())[:_MAX_ERRORS]


@cache
def _validator() -> Draft7Validator:
    path = files("services.traceability.epcis") / "schema" / "epcis-json-schema-2.0.0.json"
    return Draft7Validator(orjson.loads(path.read_bytes()), validate_formats=True)


def _pointer(path: Iterable[str | int], *more: str) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in (*path, *more))


def _explain(error: ValidationError) -> Iterator[FieldError]:
    """The schema's finding in words. Of alternatives, the one that comes nearest is explained."""
    path, kind = error.instance_path, error.kind
    match kind:
        case ValidationErrorKind.Required(property=name):
            yield FieldError(
                _pointer(path, name), "epcis.missing", f"缺少必填字段 {name}", f"The field {name} is required"
            )
        case ValidationErrorKind.AdditionalProperties(unexpected=names):
            for name in names:
                yield _unknown(path, name)
        case ValidationErrorKind.PropertyNames(error=inner):
            yield _unknown(path, str(inner.instance))
        case ValidationErrorKind.Enum(options=options):
            yield _choice(path, error.instance, options, closed=True)
        case ValidationErrorKind.Format(format=name):
            yield FieldError(_pointer(path), f"epcis.format.{name}", *_FORMATS.get(name, _format(name)))
        case ValidationErrorKind.Type(types=types):
            kinds = ", ".join(types)
            yield FieldError(_pointer(path), "epcis.type", f"类型应为 {kinds}", f"Should be of type {kinds}")
        case ValidationErrorKind.AnyOf(context=branches) | ValidationErrorKind.OneOfNotValid(context=branches):
            yield from _nearest(error, branches)
        case _:
            yield FieldError(_pointer(path), _GENERAL, f"不符合 EPCIS 2.0：{_short(error)}", _short(error))


def _nearest(error: ValidationError, branches: list[list[ValidationError]]) -> Iterator[FieldError]:
    path, instance = error.instance_path, error.instance
    if isinstance(instance, str):
        kinds = [each.kind for branch in branches for each in branch]
        options = [kind.options for kind in kinds if isinstance(kind, ValidationErrorKind.Enum)]
        if options:
            yield _choice(path, instance, [word for words in options for word in words])
            return
    here = [each.kind for branch in branches for each in branch if each.instance_path == path]
    missing = [kind.property for kind in here if isinstance(kind, ValidationErrorKind.Required)]
    if isinstance(instance, dict) and missing:
        names = "、".join(dict.fromkeys(missing))
        english = ", ".join(dict.fromkeys(missing))
        yield FieldError(
            _pointer(path),
            "epcis.one_of",
            f"以下字段至少要有一个：{names}",
            f"At least one of these is needed: {english}",
        )
        return
    if isinstance(instance, dict) and "eventTime" in instance:
        yield FieldError(_pointer(path), _GENERAL, f"不符合 EPCIS 2.0：{_short(error)}", _short(error))
        return
    deepest = max((each for branch in branches for each in branch), key=lambda e: len(e.instance_path), default=None)
    if deepest is not None and len(deepest.instance_path) > len(path):
        yield from _explain(deepest)
    else:
        yield FieldError(_pointer(path), _GENERAL, f"不符合 EPCIS 2.0：{_short(error)}", _short(error))


def _unknown(path: Iterable[str | int], name: str) -> FieldError:
    return FieldError(
        _pointer(path, name),
        "epcis.unknown_field",
        f"EPCIS 2.0 没有字段 {name}；自定义字段要带命名空间，例如 example:{name}",
        f"EPCIS 2.0 has no field {name}; an extension needs a namespace, such as example:{name}",
    )


def _choice(path: Iterable[str | int], value: Any, options: Iterable[Any], *, closed: bool = False) -> FieldError:
    words = ", ".join(map(str, options))
    zh = f"“{_text(value)}”不在标准词表内；可用：{words}"
    en = f'"{_text(value)}" is not a standard word; use one of {words}'
    if not closed:
        zh, en = zh + "；自定义词用 URI", en + ", or a URI for a word of your own"
    return FieldError(_pointer(path), "epcis.vocabulary", zh, en)


_FORMATS = {
    "date-time": (
        "应为带时区的时间，例如 2026-09-01T08:00:00+08:00",
        "Should be a time with an offset, such as 2026-09-01T08:00:00+08:00",
    ),
    "uri": (
        "应为 URI，例如 https://id.gs1.org/01/06901234567892/10/A1",
        "Should be a URI, such as https://id.gs1.org/01/06901234567892/10/A1",
    ),
}


def _format(name: str) -> tuple[str, str]:
    return f"格式应为 {name}", f"Should have the format {name}"


def _short(error: ValidationError) -> str:
    return error.message if len(error.message) <= 200 else error.message[:200] + " …"


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:80] + "…"
