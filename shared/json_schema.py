"""JSON Schema as documents need it."""

from typing import Any


def inlined(schema: dict[str, Any]) -> Any:
    """The schema with its definitions in their places, so that it is whole in itself."""
    rest = {name: value for name, value in schema.items() if name != "$defs"}
    return _inlined(rest, schema.get("$defs", {}))


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
        return {name: _inlined(value, definitions) for name, value in schema.items()}
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    return schema
