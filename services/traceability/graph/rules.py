"""From events to edges. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

INPUTS = ("input", "input_quantity")
OUTPUTS = ("output", "output_quantity")
CONTENTS = ("child", "child_quantity")
CONTAINMENT = {"AggregationEvent": "aggregation", "AssociationEvent": "association"}


MIDDLE = "made:"
"""Begins the node in which the events of one transformationID of one party meet: `made:<party>:<id>`."""
_RECORD = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_middle(node: str) -> bool:
    """Whether the node is the middle of a star: an event, or what several events tell of one transformation. No object
    has such a name (`epcis.rules` refuses it): who could name it would join in what others made."""
    return node.startswith(MIDDLE) or _RECORD.fullmatch(node) is not None


def edges(
    record_id: str,
    event_type: str,
    action: str | None,
    objects: Iterable[tuple[str, str]],
    at: datetime,
    transformation_id: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Edge rows of one event. `objects`: `(field, node)` of `event_epc`, without classes that name no lot: everything
    ever made of a product would meet in them.

    A transformation leads from inputs to outputs. One that is told in several events (`transformation_id`) has them
    meet in a node of its own, since each may name one side only. A packing (ADD) leads from contents to container.
    Unpacking makes no edge: what comes out is what went in, and its neighbours in the container have nothing to do with
    it. An observed container (OBSERVE) tells of contents whose packing nobody reported.
    """
    sides: dict[str, list[str]] = {}
    for name, node in objects:
        sides.setdefault(name, []).append(node)
    if event_type == "TransformationEvent":
        inputs, outputs = _nodes(sides, INPUTS), _nodes(sides, OUTPUTS)
        relation = "transformation"
        middle = MIDDLE + transformation_id if transformation_id else record_id
    elif event_type in CONTAINMENT and action in ("ADD", "OBSERVE"):
        inputs, outputs = _nodes(sides, CONTENTS), _nodes(sides, ("parent",))
        relation, middle = CONTAINMENT[event_type], record_id
    else:
        return
    if middle == record_id and not (inputs and outputs):
        return
    if middle == record_id and (len(inputs) == 1 or len(outputs) == 1):
        pairs = [(source, target, 1) for source in inputs for target in outputs if source != target]
    else:
        pairs = [(source, middle, 0) for source in inputs] + [(middle, target, 1) for target in outputs]
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
