"""One OpenAPI document of the four services. Pure."""

from collections.abc import Mapping
from typing import Any

from shared.web import problem

_SHARED = ("/healthz", "/readyz", "/metrics", "/asyncapi.json", "/openapi.json")
"""Paths that each service has for itself; those of the gateway are in the document."""


def merge(own: Mapping[str, Any], others: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Any]:
    """`own` with the paths of `others` (service -> its document, None when it could not be had yet).

    Schemas of another service that differ from ours under the same name get the service's name in front.
    `x-missing` lists the services whose paths are missing.
    """
    paths = dict(own["paths"])
    schemas = dict(own.get("components", {}).get("schemas", {}))
    for service, document in others.items():
        if document is None:
            continue
        theirs = document.get("components", {}).get("schemas", {})
        renamed = {
            name: f"{service.capitalize()}{name}"
            for name, schema in theirs.items()
            if name in schemas and schemas[name] != schema
        }
        for name, schema in theirs.items():
            schemas[renamed.get(name, name)] = _renamed(schema, renamed)
        for path, operations in document["paths"].items():
            if path not in _SHARED and path not in paths:
                paths[path] = {name: _passed_on(_renamed(one, renamed)) for name, one in operations.items()}
    missing = sorted(service for service, document in others.items() if document is None)
    return dict(own) | {
        "paths": paths,
        "components": dict(own.get("components", {})) | {"schemas": schemas},
        "x-missing": missing,
    }


def _passed_on(operation: Any) -> Any:
    """An operation with what the gateway answers for its owner: away or busy, or not in time."""
    if not isinstance(operation, dict) or "responses" not in operation:
        return operation
    told = {str(status): answer for status, answer in problem(503, 504).items()}
    return operation | {"responses": told | operation["responses"]}


def _renamed(value: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _reference(v, renamed) if key == "$ref" else _renamed(v, renamed) for key, v in value.items()}
    if isinstance(value, list):
        return [_renamed(item, renamed) for item in value]
    return value


def _reference(reference: str, renamed: Mapping[str, str]) -> str:
    prefix, _, name = reference.rpartition("/")
    return f"{prefix}/{renamed.get(name, name)}"
