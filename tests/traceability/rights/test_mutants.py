"""The deciding rules alone against the naive model on many chains, and their mutants, each of which must disagree."""

import random
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from services.traceability.rights import custody, rules
from services.traceability.rights import title as title_rules
from tests.traceability.chain import instant
from tests.traceability.rights import chains
from tests.traceability.rights.chains import FIRMS, PRODUCTS
from tests.traceability.rights.model import Fact, World

CHAINS = 200
CUSTODY = Path(custody.__file__).read_text(encoding="utf-8")
RULES = Path(rules.__file__).read_text(encoding="utf-8")
TITLE = Path(title_rules.__file__).read_text(encoding="utf-8")


def picture(world: World, module: ModuleType) -> Any:
    rows: dict[str, list[Any]] = {}
    packed: dict[str, list[tuple[str, datetime, str]]] = {}
    for fact in world.facts:
        for position, (name, field) in enumerate(named(fact)):
            event = chains.event(fact)
            row = module.Row(
                record_id=f"{fact.number:06}",
                position=position,
                node=chains.node(name),
                field=field,
                event_type=event["type"],
                action=event.get("action"),
                biz_step=event["bizStep"],
                at=instant(fact.day),
                party=fact.by,
                source=fact.sender,
                destination=fact.receiver,
            )
            rows.setdefault(row.node, []).append(row)
        if fact.kind == "pack":
            for name in fact.objects:
                into = chains.node(fact.outputs[0]), instant(fact.day), f"{fact.number:06}"
                packed.setdefault(chains.node(name), []).append(into)
    titles = {
        gtin: title for letter, gtin in PRODUCTS.items() if (title := title_of(world, letter, module)) is not None
    }
    return module.Picture(
        rows=rows, packed=packed, titles=titles, areas={}, within=lambda one, other: True, day=datetime.date
    )


def title_of(world: World, letter: str, module: ModuleType) -> Any:
    """As the register and the claims say it."""
    makers = tuple(title_rules.Maker(uscc) for uscc in sorted(world.makers.get(letter, ())))
    if letter in world.owners:
        return module.Title(world.owners[letter], "370686", makers)
    late = world.late if world.late is not None and world.late.product == letter else None
    made = [fact for fact in world.facts if fact.kind == "make" and any(out[0] == letter for out in fact.outputs)]
    claim = None
    if made and (late is None or made[0].number < late.at):
        claim = module.Title(made[0].by, None, since=f"{made[0].number:06}")
    if late is None:
        return claim
    makers = tuple(title_rules.Maker(uscc) for uscc in sorted(late.makers))
    title = module.Title(late.owner, "370686", makers, since=f"{late.at:06}", settled=late.settled)
    if claim is None:
        return title
    return replace(title, since=claim.since) if claim.owner == title.owner else replace(title, claim=claim)


def named(fact: Fact) -> list[tuple[str, str]]:
    if fact.kind == "make" and not fact.inputs:
        return [(name, "quantity") for name in fact.outputs]
    if fact.kind == "make":
        return [(name, "input_quantity") for name in fact.inputs] + [(name, "output_quantity") for name in fact.outputs]
    if fact.kind in ("pack", "unpack"):
        inside = [(name, "child_quantity" if ":" in name else "child") for name in fact.objects]
        return [(fact.outputs[0], "parent"), *inside]
    return [(name, "quantity" if ":" in name else "epc") for name in fact.objects]


@dataclass(frozen=True)
class Said:
    """What the model says of one world; it takes longer than the rules do, and each mutant is held against it."""

    world: World
    edges: dict[tuple[int, str, str], bool]
    words: dict[tuple[str, str], tuple[bool, bool]]
    """(record, lot) -> whether it is late, whether it counts."""
    reads: dict[tuple[str, str], bool]
    """(lot, firm)."""


@cache
def said(number: int) -> list[Said]:
    rng = random.Random(1000 + number)
    world, _ = chains.make(rng)
    found = []
    for arrived in (world, chains.arrive(world, rng)):
        words = {
            (f"{fact.number:06}", name): (not arrived.binds(name, fact), arrived.counts(fact, name))
            for fact in arrived.facts
            for name, _ in named(fact)
            if ":" in name
        }
        lots = {name for fact in arrived.facts for name in (*fact.outputs, *fact.objects) if ":" in name}
        reads = {(lot, firm): arrived.reads(lot, firm) for lot in lots for firm in FIRMS}
        found.append(Said(arrived, arrived.edges(), words, reads))
    return found


def disagreements(module: ModuleType, most: int = 1, worlds: int = CHAINS) -> int:
    found = 0
    for each in (each for number in range(worlds) for each in said(number)):
        seen = picture(each.world, module)
        names = {chains.node(name): name for fact in each.world.facts for name, _ in named(fact)}
        rows = {(row.record_id, row.node, row.field): row for told in seen.rows.values() for row in told}
        for (fact, _, target), counts in each.edges.items():
            [row] = [
                rows[key]
                for name in ("output_quantity", "parent")
                if (key := (f"{fact:06}", chains.node(target), name)) in rows
            ]
            found += seen.judge(row).counts != counts
        for row in rows.values():
            if row.field != "parent" and (word := each.words.get((row.record_id, names[row.node]))) is not None:
                judged = seen.judge(row)
                found += (judged.late, judged.counts) != word
        found += sum(seen.reads(chains.node(lot), firm) != reads for (lot, firm), reads in each.reads.items())
        if found >= most:
            return found
    return found


def test_the_rules_are_the_model() -> None:
    assert disagreements(rules) == 0


MUTANTS = [
    ("self.settled\n            or self.since <= row.record_id", "self.settled\n            or True"),
    ("self.settled\n            or self.since <= row.record_id", "self.since <= row.record_id"),
    ("or row.party == self.owner\n", "or False\n"),
    ("or row.party == self.owner\n", "or row.party in self.parties\n"),
    ("and row.destination and title.binds(row)]", "and row.destination]"),
    ("if not all(title.binds(row) for row in made):", "if any(True for row in made):"),
    ("if not all(title.binds(row) for row in made):", "if False:"),
    ("counts = not late and self._counts(row)", "counts = self._counts(row)"),
    ("return not title.binds(row)", "return False"),
    ("return party == self.owner or any(", "return any("),
    ("return party == self.owner or any(", "return party == self.owner and any("),
    (
        "anchor = min(spoken, key=lambda row: (row.record_id not in first, row.record_id))",
        "anchor = min(spoken, key=lambda row: row.at)",
    ),
    ("return _origin(anchor, received, spoke)", "return anchor.party"),
    ("and bisect_left(answers, row.at) < len(answers)", ""),
    ("= shipment.destination, shipment.at, shipment.at", "= shipment.party, shipment.at, shipment.at"),
    ("row.party in found\n", "True\n"),
    ("if self._had(title, node, each.row, since)]", "]"),
    ("(sent is not None and sent <= packing.at)", "sent is not None"),
    ("return title.makes(packing.party, self.day(packing.at)) or (", "return ("),
    ("or way.holds(row.party, row.at):", "or True:"),
    ("or title.makes(row.party, self.day(row.at))", "or True"),
    ("if row.unpacks and self._may_unpack(row)]", "if row.unpacks]"),
    ("if row.unpacks and self._may_unpack(row)]", "if False]"),
    ("return party in title.parties or party in self.named(node)", "return party in title.parties"),
    ("return party in title.parties or party in self.named(node)", "return True"),
    ("return self.custody(row.node).holds(row.party, row.at)", "return True"),
    ("(not row.creates and row.party in self.named(row.node))", "row.party in self.named(row.node)"),
]


@pytest.mark.parametrize(("old", "new"), MUTANTS)
def test_a_mutant_dies(old: str, new: str) -> None:
    assert (RULES + CUSTODY + TITLE).count(old) == 1, f"the rules have no such line any more: {old}"
    module = ModuleType("mutant")
    module.__dict__["__name__"] = "services.traceability.rights.mutant"
    sys.modules[module.__name__] = module
    try:
        exec(compile(RULES.replace(old, new), "mutant", "exec"), module.__dict__)
        for source in (CUSTODY, TITLE):
            if old in source:
                exec(compile(source.replace(old, new), "mutant", "exec"), module.__dict__)
        try:
            found = disagreements(module)
        except (IndexError, KeyError, AttributeError, AssertionError, RecursionError):
            found = 1  # it did not even answer
        assert found > 0
    finally:
        del sys.modules[module.__name__]
