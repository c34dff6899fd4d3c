"""A naive model of whose an object is: facts in lists, every question answered by loops over all of them. It imports
nothing of the services."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["make", "pack", "unpack", "ship", "receive", "observe"]


@dataclass
class Fact:
    """One event. Objects are short names: `b:1` a lot of product b, `c1` a container."""

    number: int
    """In the order of arrival."""
    by: str
    kind: Kind
    day: float
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    """Of `make`: lots; of `pack`/`unpack`: the container."""
    objects: list[str] = field(default_factory=list)
    sender: str | None = None
    receiver: str | None = None


@dataclass
class World:
    owners: dict[str, str]
    """Product -> owner, of registered ones."""
    makers: dict[str, set[str]]
    facts: list[Fact] = field(default_factory=list)

    # ---- whose

    def owner(self, product: str) -> str | None:
        if product in self.owners:
            return self.owners[product]
        for fact in self.facts:
            if fact.kind == "make" and any(out.split(":")[0] == product for out in fact.outputs):
                return fact.by
        return None

    def may_make(self, lot: str, who: str) -> bool:
        product = lot.split(":")[0]
        return who == self.owner(product) or who in self.makers.get(product, set())

    def statements(self, thing: str) -> list[tuple[Fact, str]]:
        """(fact, what it does) on a thing, also while it was in containers."""
        found: list[tuple[Fact, str]] = []
        for fact in self.facts:
            if thing in fact.objects and fact.kind in ("ship", "receive"):
                found.append((fact, fact.kind))
            if fact.kind == "pack" and thing in fact.outputs:
                found.append((fact, "start"))
            if fact.kind == "make" and thing in fact.outputs:
                found.append((fact, "start"))
        for packing in self.facts:
            if packing.kind == "pack" and thing in packing.objects:
                box = packing.outputs[0]
                ends = [
                    fact.day
                    for fact in self.facts
                    if fact.kind == "unpack"
                    and fact.outputs == [box]
                    and fact.day >= packing.day
                    and self.holds(box, fact.by, fact.day)
                ]
                end = min(ends) if ends else 10**9
                for fact, what in self.statements(box):
                    inside = packing.day <= fact.day <= end
                    if inside and what in ("ship", "receive") and all(fact is not other for other, _ in found):
                        found.append((fact, what))
        return found

    def holds(self, box: str, who: str, day: float) -> bool:
        return any(
            party == who and (since is None or since <= day) and (until is None or day <= until)
            for party, since, until in self.holders(box)
        )

    def holders(self, box: str) -> list[tuple[str, float | None, float | None]]:
        """(who, since, until), by walking the hand-overs one by one."""
        said = sorted(self.statements(box), key=lambda each: (each[0].day, each[0].number))
        if not said:
            return []
        first = min(said, key=lambda each: each[0].number)[0]
        who, day, used = first.by, first.day, []
        while True:
            back = [
                fact
                for fact, what in said
                if what == "receive"
                and fact.by == who
                and fact.day <= day
                and fact not in used
                and fact.sender not in (None, who)
                and any(other.by == fact.sender and other.day <= fact.day for other, _ in said)
            ]
            if not back:
                break
            used.append(back[-1])
            who, day = str(back[-1].sender), back[-1].day
        found: list[tuple[str, float | None, float | None]] = []
        since: float | None = None
        shipped: list[Fact] = []
        while True:
            next_: tuple[Fact, float] | None = None
            for fact, what in said:
                if what == "ship" and fact.by == who and fact not in shipped and fact.receiver not in (None, who):
                    if since is not None and fact.day < since:
                        continue
                    answers = [other.day for other, _ in said if other.by == fact.receiver and other.day >= fact.day]
                    if answers:
                        next_ = fact, min(answers)
                        break
            if next_ is None:
                return [*found, (who, since, None)]
            found.append((who, since, next_[1]))
            shipped.append(next_[0])
            who, since = str(next_[0].receiver), next_[0].day

    def named(self, lot: str) -> set[str]:
        found: set[str] = set()
        for _ in self.facts:
            for fact, what in self.statements(lot):
                entitled = self.may_make(lot, fact.by) or fact.by in found
                if what == "ship" and fact.receiver and entitled and self.owner(lot.split(":")[0]) is not None:
                    found.add(fact.receiver)
        return found

    # ---- what follows

    def edges(self) -> dict[tuple[int, str, str], bool]:
        """(fact, from, to) -> whether it counts."""
        found = {}
        for fact in self.facts:
            pairs = []
            if fact.kind == "make":
                pairs = [(source, target) for source in fact.inputs for target in fact.outputs]
            if fact.kind == "pack":
                pairs = [(source, fact.outputs[0]) for source in fact.objects]
            for source, target in pairs:
                if ":" in target:
                    found[fact.number, source, target] = self.may_make(target, fact.by)
                else:
                    found[fact.number, source, target] = self.holds(target, fact.by, fact.day)
        return found

    def recall(self, lot: str) -> set[str]:
        reached, grows = {lot}, True
        edges = [(source, target) for (_, source, target), counts in self.edges().items() if counts]
        while grows:
            new = {target for source, target in edges if source in reached} - reached
            reached |= new
            grows = bool(new)
        return {each for each in reached if ":" in each}

    def reads(self, lot: str, who: str) -> bool:
        product = lot.split(":")[0]
        if self.owner(product) is None:
            return False
        return self.may_make(lot, who) or who in self.named(lot)

    def reads_thing(self, thing: str, who: str) -> bool:
        if ":" in thing:
            return self.reads(thing, who)
        return any(party == who for party, _, _ in self.holders(thing))

    def had(self, fact: Fact, thing: str) -> bool:
        """Whether who told the fact had what went into it."""
        if ":" in thing:
            return self.reads(thing, fact.by)
        return self.holds(thing, fact.by, fact.day)

    def trace(self, lot: str, who: str) -> dict[str, set[str]]:
        """What a firm finds behind a lot of its own and ahead of it: no further than it reads, nor into what a
        stranger says that it made of it."""
        ways: dict[str, list[tuple[str, str]]] = {"backward": [], "forward": []}
        for (number, source, target), counts in self.edges().items():
            fact = next(each for each in self.facts if each.number == number)
            if counts:
                ways["backward"].append((target, source))
                if fact.by == who or self.had(fact, source):
                    ways["forward"].append((source, target))
        found: dict[str, set[str]] = {}
        things = {thing for steps in ways.values() for step in steps for thing in step} | {lot}
        open_ = {thing for thing in things if self.reads_thing(thing, who)}
        for way, steps in ways.items():
            reached, grows = {lot}, True
            while grows:
                new = {target for source, target in steps if source in open_ & reached} - reached
                reached |= new
                grows = bool(new)
            found[way] = reached
        return found
