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
class Registration:
    """Of a product that nobody had registered, before the fact with the number `at` arrives."""

    product: str
    owner: str
    at: int
    settled: bool
    """Whether a department confirms it in the end."""
    makers: frozenset[str] = frozenset()
    """Whom the owner names as makers, without asking them."""


@dataclass
class World:
    owners: dict[str, str]
    """Product -> owner, of those that were registered before anything happened."""
    makers: dict[str, set[str]]
    facts: list[Fact] = field(default_factory=list)
    late: Registration | None = None

    # ---- whose

    def whose(self, lot: str) -> tuple[str, set[str], int] | None:
        """Whose a lot is, who makes it beside, and since which fact they have a say (-1: in everything)."""
        product = lot.split(":")[0]
        if product in self.owners:
            return self.owners[product], self.makers.get(product, set()), -1
        made = [
            fact for fact in self.facts if fact.kind == "make" and any(o.split(":")[0] == product for o in fact.outputs)
        ]
        late = self.late if self.late is not None and self.late.product == product else None
        if late is None:
            return (made[0].by, set(), made[0].number) if made else None
        if late.settled:
            return late.owner, set(late.makers), -1
        first = [fact for fact in made if fact.number < late.at][:1]
        for claim in first:
            if claim.by == late.owner:
                return late.owner, set(late.makers), claim.number
            for fact in made:
                if fact.by == claim.by and lot in fact.outputs and fact.number < late.at:
                    return claim.by, set(), claim.number
        return late.owner, set(late.makers), late.at

    def binds(self, lot: str, fact: Fact) -> bool:
        """Whether whose the lot is has a say in the fact: of what came before, in its own word alone. To be named as a
        maker is no word of one's own."""
        whose = self.whose(lot)
        return whose is not None and (fact.by == whose[0] or fact.number >= whose[2])

    def may_make(self, lot: str, who: str) -> bool:
        whose = self.whose(lot)
        return whose is not None and who in {whose[0], *whose[1]}

    def own(self, thing: str) -> list[tuple[Fact, str]]:
        """(fact, what it does) on the thing itself."""
        found: list[tuple[Fact, str]] = []
        for fact in self.facts:
            if thing in fact.objects and fact.kind in ("ship", "receive"):
                found.append((fact, fact.kind))
            if fact.kind in ("pack", "make") and thing in fact.outputs:
                found.append((fact, "start"))
        return found

    def while_inside(self, thing: str, packing: Fact) -> list[tuple[Fact, str]]:
        """What is said of the container into which one fact put the thing, until who holds it empties it."""
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
        return [
            (fact, what)
            for fact, what in self.statements(box)
            if packing.day <= fact.day <= end and what in ("ship", "receive")
        ]

    def packings(self, thing: str) -> list[Fact]:
        found = [fact for fact in self.facts if fact.kind == "pack" and thing in fact.objects]
        return sorted(found, key=lambda fact: (fact.day, fact.number))

    def statements(self, thing: str) -> list[tuple[Fact, str]]:
        """What is said of the thing, also while it was in containers, where who tells the packing had it by then."""
        return self.sent(thing)[0] if ":" in thing else self.followed(thing)[0]

    def sent(self, lot: str) -> tuple[list[tuple[Fact, str]], dict[str, float]]:
        """What is said of a lot, and to whom it was sent, since when: packings and shipments give each other their
        right step by step, from what who has the say in the lot tells."""
        said, since = self.own(lot), dict[str, float]()
        grows = True
        while grows:
            grows = False
            for fact, what in said:
                entitled = self.may_make(lot, fact.by) or fact.by in since
                counts = what == "ship" and entitled and self.binds(lot, fact)
                if counts and fact.receiver and fact.day < since.get(fact.receiver, 10**9):
                    since[fact.receiver], grows = fact.day, True
            for packing in self.packings(lot):
                if self.may_make(lot, packing.by) or since.get(packing.by, 10**9) <= packing.day:
                    for each in self.while_inside(lot, packing):
                        if all(each[0] is not other for other, _ in said):
                            said, grows = [*said, each], True
        return said, since

    def followed(self, box: str) -> tuple[list[tuple[Fact, str]], list[tuple[str, float | None, float | None]]]:
        """What is said of a container, and who held it when: packing by packing in the order of time."""
        said, first = self.own(box), self.first_holder(box)
        for packing in self.packings(box):
            if covers(handed_on(said, first), packing.by, packing.day):
                for each in self.while_inside(box, packing):
                    if all(each[0] is not other for other, _ in said):
                        said = [*said, each]
        return said, handed_on(said, first)

    def first_holder(self, box: str) -> str | None:
        own, around, boxes, grows = self.own(box), list[tuple[Fact, str]](), {box: -1.0}, True
        while grows:  # what anybody says of where it ever was
            grows = False
            for fact in self.facts:
                for inner in [name for name in fact.objects if fact.kind == "pack" and name in boxes]:
                    since = max(boxes[inner], fact.day)
                    if since < boxes.get(fact.outputs[0], 10**9):
                        boxes[fact.outputs[0]], grows = since, True
        for name, since in boxes.items():
            if name != box:
                around += [(f, what) for f, what in self.own(name) if f.day >= since and what in ("ship", "receive")]
        packed = [(fact, "start") for fact in self.packings(box)]
        if not own and not packed:
            return None
        first = min((fact for fact, _ in own + packed), key=lambda fact: fact.number)
        words = own + [(fact, "end") for fact in self.facts if fact.kind == "unpack" and fact.outputs == [box]]
        words += [(fact, "put in") for fact, _ in packed]
        got = [fact for fact, what in own if what == "receive"]
        for fact, what in around:
            mine = sorted(((f.day, f.number, w) for f, w in words if f.by == fact.by), key=lambda each: each[:2])
            if what == "receive" and (not mine or (mine[0][0] >= fact.day and mine[0][2] in ("ship", "end", "put in"))):
                got.append(fact)
        who, day, used = first.by, first.day, list[Fact]()
        while True:
            back = [
                fact
                for fact in sorted(got, key=lambda fact: (fact.day, fact.number))
                if fact.by == who
                and fact.day <= day
                and fact not in used
                and fact.sender not in (None, who)
                and any(other.by == fact.sender and other.day <= fact.day for other, _ in own + packed + around)
            ]
            if not back:
                return who
            used.append(back[-1])
            who, day = str(back[-1].sender), back[-1].day

    def holds(self, box: str, who: str, day: float) -> bool:
        return covers(self.holders(box), who, day)

    def holders(self, box: str) -> list[tuple[str, float | None, float | None]]:
        return self.followed(box)[1]

    def named(self, lot: str) -> set[str]:
        return set(self.sent(lot)[1])

    def counts(self, fact: Fact, lot: str) -> bool:
        """Whether the word of a fact on a lot counts."""
        creates = fact.kind == "make" and lot in fact.outputs
        entitled = self.may_make(lot, fact.by) or (not creates and fact.by in self.named(lot))
        return self.binds(lot, fact) and entitled

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

    def recall(self, lot: str, *, by_authority: bool = True) -> set[str]:
        """What is made of it; a firm's recall does not pass over what was told before somebody had the say in it."""
        reached, grows = {lot}, True
        edges = [
            (source, target)
            for (number, source, target), counts in self.edges().items()
            if counts and (by_authority or ":" not in source or self.binds(source, self.facts[number]))
        ]
        while grows:
            new = {target for source, target in edges if source in reached} - reached
            reached |= new
            grows = bool(new)
        return {each for each in reached if ":" in each}

    def reads(self, lot: str, who: str) -> bool:
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


def covers(held: list[tuple[str, float | None, float | None]], who: str, day: float) -> bool:
    return any(
        party == who and (since is None or since <= day) and (until is None or day <= until)
        for party, since, until in held
    )


def handed_on(statements: list[tuple[Fact, str]], first: str | None) -> list[tuple[str, float | None, float | None]]:
    """(who, since, until), by walking the hand-overs one by one."""
    if first is None:
        return []
    said = sorted(statements, key=lambda each: (each[0].day, each[0].number))
    who, since = first, None
    found: list[tuple[str, float | None, float | None]] = []
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
