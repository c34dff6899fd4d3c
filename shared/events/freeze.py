"""Frozen schemas: what was once published can be read for good.

`python -m shared.events.freeze` writes the schemas of new events and of compatible changes into `frozen/`, and refuses
anything else. A schema may gain optional fields; every other change is a new version of the type.
"""

import json
import sys
from pathlib import Path
from typing import Any

from shared.events.catalogue import EVENTS

FROZEN = Path(__file__).parent / "frozen"


def schema_of(event_type: str) -> dict[str, Any]:
    """The JSON Schema of today's class, without texts that have no bearing on reading."""
    bare: dict[str, Any] = _without_texts(EVENTS[event_type].model_json_schema())
    return bare


def _without_texts(node: Any) -> Any:
    if isinstance(node, dict):
        # `properties` maps names of fields, of which one may well be called "title".
        return {
            key: {name: _without_texts(value) for name, value in item.items()}
            if key in ("properties", "$defs")
            else _without_texts(item)
            for key, item in node.items()
            if key not in ("title", "description")
        }
    if isinstance(node, list):
        return [_without_texts(item) for item in node]
    return node


def breaking_changes(old: dict[str, Any], new: dict[str, Any], place: str = "") -> list[str]:
    """Why a body written under `old` or read by a reader of `old` may fail under `new`; empty when compatible."""
    found: list[str] = []
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before.keys() - after.keys():
        found.append(f"{place}/{name}: removed")
    for name in after.keys() - before.keys():
        if name in new.get("required", ()):
            found.append(f"{place}/{name}: added as a required field")
    for name in set(new.get("required", ())) & before.keys() - set(old.get("required", ())):
        found.append(f"{place}/{name}: was optional and is required now")
    for name in before.keys() & after.keys():
        if _shape(before[name]) != _shape(after[name]):
            found.append(f"{place}/{name}: {_shape(before[name])} became {_shape(after[name])}")
    defs_before, defs_after = old.get("$defs", {}), new.get("$defs", {})
    for name in defs_before.keys() - defs_after.keys():
        found.append(f"{place}/$defs/{name}: removed")
    for name in defs_before.keys() & defs_after.keys():
        found += breaking_changes(defs_before[name], defs_after[name], f"{place}/$defs/{name}")
    return found


def _shape(schema: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in schema.items() if k != "default"}, sort_keys=True)


def frozen(event_type: str) -> dict[str, Any] | None:
    path = FROZEN / f"{event_type}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def main() -> int:
    FROZEN.mkdir(exist_ok=True)
    refused = 0
    for event_type in sorted(EVENTS):
        new, old = schema_of(event_type), frozen(event_type)
        changes = breaking_changes(old, new) if old else []
        if changes:
            refused += 1
            print(f"{event_type}: make a v2 instead:\n  " + "\n  ".join(changes), file=sys.stderr)  # noqa: T201
        elif new != old:
            path = FROZEN / f"{event_type}.json"
            path.write_text(json.dumps(new, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
