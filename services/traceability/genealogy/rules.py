"""From events to edges. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

INPUTS = ("input", "input_quantity")
OUTPUTS = ("output", "output_quantity")
CONTENTS = ("child", "child_quantity")
CONTAINMENT = {"AggregationEvent": "aggregation", "AssociationEvent": "association"}


def edges(
    record_id: str, event_type: str, action: str | None, objects: Iterable[tuple[str, str]], at: datetime
) -> Iterator[dict[str, Any]]:
    """Edge rows of one event. `objects`: `(field, node)` of `event_epc`.

    A transformation leads from inputs to outputs; a packing (ADD) from contents to container. Unpacking makes no edge:
    what comes out is what went in, and its neighbours in the container have nothing to do with it. An observed
    container (OBSERVE) tells of contents whose packing nobody reported.
    """
    sides: dict[str, list[str]] = {}
    for name, node in objects:
        sides.setdefault(name, []).append(node)
    if event_type == "TransformationEvent":
        inputs, outputs = _nodes(sides, INPUTS), _nodes(sides, OUTPUTS)
        relation = "transformation"
    elif event_type in CONTAINMENT and action in ("ADD", "OBSERVE"):
        inputs, outputs = _nodes(sides, CONTENTS), _nodes(sides, ("parent",))
        relation = CONTAINMENT[event_type]
    else:
        return
    if not inputs or not outputs:
        return
    if len(inputs) == 1 or len(outputs) == 1:
        pairs = [(source, target, 1) for source in inputs for target in outputs if source != target]
    else:
        pairs = [(source, record_id, 0) for source in inputs] + [(record_id, target, 1) for target in outputs]
    for position, (source, target, hop) in enumerate(pairs):
        yield {
            "record_id": record_id,
            "position": position,
            "from_node": source,
            "to_node": target,
            "relation": relation,
            "hop": hop,
            "at": at,
        }


def _nodes(sides: dict[str, list[str]], names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(node for name in names for node in sides.get(name, ())))
