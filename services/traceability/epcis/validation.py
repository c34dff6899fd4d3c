"""An EPCIS document in bytes to checked events: JSON, the ratified schema with its formats, then `rules.check`.

Everything wrong is reported at once, each with its JSON Pointer.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from jsonschema_rs import Draft7Validator, ValidationError, ValidationErrorKind

from services.traceability.epcis import bounds, rules, windows
from services.traceability.epcis.bounds import Judge, Limits
from services.traceability.epcis.errors import EpcisError, validation_exception
from shared.errors import MOST_ERRORS, FieldError, Malformed, TooLarge, clip
from shared.jsontext import read_json

_MAX_EXPLAINED = 1000
"""Errors told of all events of a document together; of further events only that they are wrong."""
_GENERAL = "epcis.schema"
EVENT_LIST = ("epcisBody", "eventList")
STANDARD_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"


_LIMITS = Limits()
_ENOUGH = 4 * MOST_ERRORS
"""Findings after which no further piece of an event is explained; of some, only the clearest for a place is told."""
_FRUITLESS = 20
"""Pieces that add nothing to what was found: what is wrong everywhere is found in each of them again."""


@dataclass(slots=True)
class Candidate:
    """One event of a document: what is wrong with it, or the event as it will be stored."""

    pointer: str
    event: dict[str, Any]
    contexts: list[Any]
    """Entries of the JSON-LD contexts in force, document first, without the standard one."""
    errors: list[FieldError] = field(default_factory=list)


def load(data: bytes, most: int = _LIMITS.document_values) -> Any:
    """The JSON value. Raises the EPCIS ValidationException (400) with line and column where it cannot be read, and
    CaptureLimitExceededException (413) for more than `most` values and fields."""
    try:
        value = read_json(data, most)
    except TooLarge as error:
        words = error.text
        raise EpcisError("CaptureLimitExceededException", zh=words.zh, en=words.en, **error.extra) from error
    except Malformed as error:
        cause = error.__cause__
        if not isinstance(cause, orjson.JSONDecodeError):
            raise validation_exception(zh=error.text.zh, en=error.text.en, **error.extra) from error
        raise validation_exception(
            zh=f"不是有效的 JSON：第 {cause.lineno} 行第 {cause.colno} 列", en=f"Not valid JSON: {cause}"
        ) from error
    if b"\\u0000" in data and "\x00" in json.dumps(value, ensure_ascii=False).replace("\\u0000", "\x00"):
        raise validation_exception(zh="文本中不能有空字符（U+0000）", en="Text must not hold the character U+0000")
    return value


def read_document(data: bytes, limits: Limits) -> tuple[Any, list[FieldError]]:
    """A capture document, and what is wrong with it before its events are looked at. Raises as `load` does."""
    document = load(data, limits.document_values)
    return document, envelope_errors(document, limits)


def envelope_errors(document: Any, limits: Limits = _LIMITS) -> list[FieldError]:
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
        document = document | {"epcisBody": body | {"eventList": []}}
    return bounds.envelope_errors(document, limits, _known_names()) or schema_errors(document)


def candidates(document: dict[str, Any], limits: Limits = _LIMITS) -> list[Candidate]:
    """The events of a document whose envelope holds, each with all that is wrong with it."""
    shared_contexts = contexts_of(document)
    judge = Judge(limits, _known_names(), document.get("@context"))
    explained = 0
    found = []
    for index, event in enumerate(document["epcisBody"]["eventList"]):
        known = event if isinstance(event, dict) else {}
        candidate = Candidate(f"/epcisBody/eventList/{index}", known, [*shared_contexts, *contexts_of(known)])
        found.append(candidate)
        if errors := judge.errors(known, namespaces(candidate.contexts), candidate.pointer):
            candidate.errors = errors
        elif _event_validator().is_valid(event):
            _finish(candidate)
        elif explained < _MAX_EXPLAINED:
            candidate.errors = _explained(_event_validator(), event, candidate.pointer)
            _finish(candidate)
        else:
            candidate.errors = [_unexplained(candidate.pointer)]
        explained += len(candidate.errors)
    return found


def single(event: Any, limits: Limits = _LIMITS) -> Candidate:
    """A bare event, as `POST /epcis/events` takes it; it carries its own `@context`."""
    if not isinstance(event, dict) or event.get("type") in ("EPCISDocument", "EPCISQueryDocument"):
        error = FieldError(
            "/type",
            "epcis.event_type",
            "应为单个事件；整份文件请发到 /epcis/capture",
            "Expected a single event; send a document to /epcis/capture",
        )
        return Candidate("", {}, [], [error])
    candidate = Candidate("", event, contexts_of(event))
    candidate.errors = Judge(limits, _known_names()).errors(event, namespaces(candidate.contexts), "")
    if candidate.errors:
        return candidate
    candidate.errors = schema_errors(event)
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
    return [] if validator.is_valid(instance) else _explained(validator, instance, "")


def _explained(validator: Draft7Validator, instance: Any, prefix: str) -> list[FieldError]:
    """What is wrong, in words, until there is enough of it."""
    found: dict[tuple[str, str, str], FieldError] = {}
    nothing_new = 0
    for window in windows.windows(instance, _known_names()):
        before = len(found)
        if not validator.is_valid(window.value):
            for error in validator.iter_errors(window.value):
                for each in _explain(error):
                    placed = replace(each, pointer=prefix + window.place(each.pointer))
                    found[placed.pointer, placed.code, placed.en] = placed
        nothing_new = nothing_new + 1 if found and len(found) == before else 0
        if len(found) > _ENOUGH or nothing_new > _FRUITLESS:
            break
    return list(found.values()) or [_unexplained(prefix)]


def _unexplained(pointer: str) -> FieldError:
    return FieldError(
        pointer, _GENERAL, "不符合 EPCIS 2.0；此处错误太多，未逐一列出", "Does not fit EPCIS 2.0; not explained further"
    )


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
    candidate.errors = list(unique.values())


@cache
def _schema() -> dict[str, Any]:
    path = files("services.traceability.epcis") / "schema" / "epcis-json-schema-2.0.0.json"
    schema: dict[str, Any] = orjson.loads(path.read_bytes())
    return schema


@cache
def _validator() -> Draft7Validator:
    return Draft7Validator(_schema(), validate_formats=True)


@cache
def _event_validator() -> Draft7Validator:
    """For one event of a document, which has the context."""
    schema = {name: _schema()[name] for name in ("$id", "$schema", "definitions")}
    return Draft7Validator(schema | {"allOf": [{"$ref": "#/definitions/EPCIS-Document-Event"}]}, validate_formats=True)


@cache
def _known_names() -> frozenset[str]:
    """Every name that the schema has, for a field or as a word."""
    found: set[str] = set()
    level: list[Any] = [_schema()]
    while level:
        node = level.pop()
        if isinstance(node, dict):
            found.update(node.get("properties") or ())
            found.update(word for word in node.get("enum") or () if isinstance(word, str))
            level += node.values()
        elif isinstance(node, list):
            level += node
    return frozenset(found)


def _pointer(path: Iterable[str | int], *more: str) -> str:
    return "".join("/" + clip(str(part)).replace("~", "~0").replace("/", "~1") for part in (*path, *more))


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
    name = clip(name)
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
