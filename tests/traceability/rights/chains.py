"""Random chains of several firms for the model and the product: lawful hand-overs, late and silent firms, contract
makers, crates that come back, equal transformation ids, and attackers; in any order of arrival."""

import random
from dataclasses import replace
from typing import Any

from shared.identifiers import gs1
from tests.traceability import chain
from tests.traceability.rights.model import Fact, Registration, World

FIRMS = [chain.firm(f"MB5T0A2{n}") for n in range(5)]
"""The first four are lawful, the last attacks. Each runs the place with its number from 20 on."""
PRODUCTS = {letter: chain.gtin(50 + n) for n, letter in enumerate("abcde")}
OWNERS = {"a": FIRMS[0], "b": FIRMS[1], "c": FIRMS[2], "e": FIRMS[4]}
"""Product d is nobody's: its maker claims it."""


def crate(number: int) -> str:
    body = f"069000000700{number}"
    return f"https://id.gs1.org/8003/0{body[:12]}{gs1.check_digit(body[:12])}R{number}"


def uri(name: str) -> str:
    if ":" in name:
        product, number = name.split(":")
        return chain.link(PRODUCTS[product], number)
    return crate(int(name[1:])) if name[0] == "g" else chain.sscc(700 + int(name[1:]))


def node(name: str) -> str:
    return uri(name) if ":" not in name else f"{PRODUCTS[name.split(':')[0]]}.{name.split(':')[1]}"


def place(firm: str) -> int:
    return 20 + FIRMS.index(firm)


def make(rng: random.Random) -> tuple[World, dict[str, int]]:
    """A world of facts in the order in which they happened, with counts of the hard cases in it."""
    hard = dict.fromkeys(
        (
            "late",
            "maker",
            "crate twice",
            "attack",
            "unregistered",
            "silent",
            "nested",
            "no answer",
            "more of it",
            "late title",
            "maker unasked",
            "told inside",
        ),
        0,
    )
    facts: list[Fact] = []
    makers: dict[str, set[str]] = {}
    if rng.random() < 0.5:
        makers["b"] = {FIRMS[3]}
        hard["maker"] = 1
    day = 0.0

    def add(by: str, kind: Any, **more: Any) -> None:
        nonlocal day
        day += 0.1
        facts.append(Fact(len(facts), by, kind, round(day, 3), **more))

    def hand_over(sender: str, receiver: str, thing: str) -> None:
        ends = {"objects": [thing], "sender": sender, "receiver": receiver}
        add(sender, "ship", **ends)
        add(receiver, "receive", **ends)

    lots: list[tuple[str, str]] = []
    for product, owner in (("a", FIRMS[0]), ("d", FIRMS[3])):
        if product == "a" or rng.random() < 0.5:
            add(owner, "make", inputs=[], outputs=[f"{product}:1"])
            lots.append((f"{product}:1", owner))
            hard["unregistered"] += product == "d"
    for step in range(rng.randint(2, 4)):
        thing, holder = rng.choice(lots)
        receiver = rng.choice([firm for firm in FIRMS[:4] if firm != holder])
        if rng.random() < 0.5:
            box = rng.choice(["g1", "s1", f"s{step + 2}"])
            hard["crate twice"] += any(box in fact.outputs for fact in facts)
            before = [fact for fact in facts if box in (*fact.objects, *fact.outputs)]
            if before and before[-1].by != holder:
                hand_over(before[-1].by, holder, box)  # it comes back
            add(holder, "pack", objects=[thing], outputs=[box])
            outer = box
            if rng.random() < 0.4:
                outer = f"s{20 + step}"
                add(holder, "pack", objects=[box], outputs=[outer])
                hard["nested"] += 1
            if rng.random() < 0.3:
                # Sent to one who never says a word of it; it came back, or never went.
                silent = rng.choice([firm for firm in FIRMS[:4] if firm not in (holder, receiver)])
                if all(box not in (*fact.objects, *fact.outputs) for fact in facts if fact.by == silent):
                    add(holder, "ship", objects=[outer], sender=holder, receiver=silent)
                    hard["no answer"] += 1
            hand_over(holder, receiver, outer)
            if outer != box:
                add(receiver, "unpack", outputs=[outer])
            add(receiver, "unpack", outputs=[box])
        else:
            hand_over(holder, receiver, thing)
        if thing[0] != "d" and rng.random() < 0.25:
            add(receiver, "make", inputs=["a:8"], outputs=[thing])  # who was sent a lot makes no more of it
            hard["more of it"] += 1
        product = {FIRMS[0]: "a", FIRMS[1]: "b", FIRMS[2]: "c", FIRMS[3]: "b" if "b" in makers else "d"}[receiver]
        new = f"{product}:{step + 2}"
        add(receiver, "make", inputs=[thing], outputs=[new])
        lots.append((new, receiver))
    if rng.random() < 0.4:
        # Nobody ever hears of the firm that sent it.
        add(FIRMS[2], "make", inputs=["a:9"], outputs=["c:9"])
        hard["silent"] += 1
    late = None
    mine = sorted({name for fact in facts for name in (*fact.inputs, *fact.outputs, *fact.objects) if name[0] == "d"})
    if mine and rng.random() < 0.7:
        hard["late title"] += 1
        owner = rng.choice([FIRMS[3], FIRMS[4], FIRMS[4]])
        late = Registration("d", owner, rng.randint(0, len(facts)), owner == FIRMS[3] and rng.random() < 0.5)
        if owner == FIRMS[4]:
            # The title was taken to open what those who had it before said: it is sent to them, for show, and one of
            # them is named as its maker.
            had = [fact for fact in facts if set(mine) & {*fact.objects, *fact.inputs}]
            if had and rng.random() < 0.9:
                late.makers = frozenset({rng.choice(had).by})
                hard["maker unasked"] += 1
            for fact in had[:3]:
                [name] = [name for name in (*fact.objects, *fact.inputs) if name in mine][:1]
                add(FIRMS[4], "ship", objects=[name], sender=FIRMS[4], receiver=fact.by)
    for _ in range(rng.randint(0, 3)):
        hard["attack"] += 1
        day_before, day = day, rng.uniform(0, day)
        victim = rng.choice(lots)[0]
        boxes = sorted({out for fact in facts if fact.kind == "pack" for out in fact.outputs})
        kind = rng.choice(
            ["output", "observe", "receive", "ship", "leave", "pack", "unpack", "receive box", "send box"]
        )
        thief = FIRMS[4]
        if kind == "output":
            add(thief, "make", inputs=["e:1"], outputs=[victim])
        elif kind == "observe":
            add(thief, "observe", objects=[victim])
        elif kind in ("receive", "ship"):
            other = rng.choice(FIRMS[:4])
            ends = (other, thief) if kind == "receive" else (thief, other)
            add(thief, kind, objects=[victim], sender=ends[0], receiver=ends[1])
        elif kind == "leave":
            add(thief, "make", inputs=[victim], outputs=["e:2"])
        elif boxes:
            box = rng.choice(boxes)
            if kind == "pack":
                add(thief, "pack", objects=["e:1"], outputs=[box])
            elif kind == "unpack":
                add(thief, "unpack", outputs=[box])
            else:
                other = rng.choice(FIRMS[:4])
                ends = (other, thief) if kind == "receive box" else (thief, other)
                what = "receive" if kind == "receive box" else "ship"
                add(thief, what, objects=[box], sender=ends[0], receiver=ends[1])
        day = day_before
    if rng.random() < 0.6:
        # The thief has a crate from a lawful firm, or sent one there, and says that what it never had was in it.
        hard["told inside"] += 1
        lot, holder = rng.choice(lots)
        ends = (holder, FIRMS[4]) if rng.random() < 0.6 else (FIRMS[4], holder)
        day = rng.uniform(0, day)
        hand_over(*ends, "g2")
        boxes = sorted({out for fact in facts if fact.kind == "pack" for out in fact.outputs})
        day -= 0.25
        add(FIRMS[4], "pack", objects=[rng.choice([lot, *boxes])], outputs=["g2"])
        add(FIRMS[4], "observe", objects=[lot])
    return World(OWNERS, makers, facts, late), hard


def arrive(world: World, rng: random.Random) -> World:
    """The same facts in another order of arrival. What is lawful comes in any order; a squatter is never first on a
    container, since the one who speaks first of it is believed until a department says otherwise, nor on a product
    that nobody registered."""
    facts = list(world.facts)
    rng.shuffle(facts)
    lawful = [fact for fact in facts if fact.by != FIRMS[4]]
    attacks = [fact for fact in facts if fact.by == FIRMS[4]]
    mixed = list(lawful)
    for fact in attacks:
        things = {*fact.objects, *fact.outputs, *fact.inputs}
        last = max(
            (index for index, other in enumerate(mixed) if things & {*other.objects, *other.outputs}), default=-1
        )
        mixed.insert(rng.randint(last + 1, len(mixed)), fact)
    ordered = [replace(fact, number=number) for number, fact in enumerate(mixed)]
    return World(world.owners, world.makers, ordered, world.late)


def event(fact: Fact) -> dict[str, Any]:
    """As EPCIS."""
    ends: dict[str, Any] = {}
    if fact.sender and fact.receiver:
        ends = chain.parties(place(fact.sender), place(fact.receiver))
    where = place(fact.by)
    lots = [{"epcClass": uri(name), "quantity": 1} for name in fact.objects if ":" in name]
    boxes = [uri(name) for name in fact.objects if ":" not in name]
    if fact.kind == "make" and not fact.inputs:
        made = [{"epcClass": uri(name), "quantity": 1} for name in fact.outputs]
        return chain.event("ObjectEvent", fact.day, where, "commissioning", action="ADD", quantityList=made)
    if fact.kind == "make":
        sides = {
            "inputQuantityList": [{"epcClass": uri(name), "quantity": 1} for name in fact.inputs],
            "outputQuantityList": [{"epcClass": uri(name), "quantity": 1} for name in fact.outputs],
        }
        return chain.event("TransformationEvent", fact.day, where, "commissioning", **sides)
    if fact.kind in ("pack", "unpack"):
        action, step = ("ADD", "packing") if fact.kind == "pack" else ("DELETE", "unpacking")
        more: dict[str, Any] = {"childQuantityList": lots} if lots else {}
        more |= {"childEPCs": boxes} if boxes else {}
        return chain.event(
            "AggregationEvent", fact.day, where, step, action=action, parentID=uri(fact.outputs[0]), **more
        )
    step = {"ship": "shipping", "receive": "receiving", "observe": "inspecting"}[fact.kind]
    objects: dict[str, Any] = {"quantityList": lots} if lots else {"epcList": boxes}
    return chain.event("ObjectEvent", fact.day, where, step, action="OBSERVE", **objects, **ends)
