"""The judge: compares what clients were told with what took effect. It knows nothing of the product and imports none.

What must hold for every consumer, once the system has come to rest:
- a write that was acknowledged took effect (else it is *lost*);
- nothing took effect twice (*doubled*);
- nothing took effect that nobody wrote, that was refused, or under another key (*ghost*);
- of two writes of one key, the one that was acknowledged before the other was asked for took effect first, and two
  consumers saw the writes of a key in the same order (else they are *out of order*).
A write whose answer never came may have taken effect or not, at any time after it was asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

Answer = Literal["acknowledged", "refused", "unknown"]
Effect = tuple[str, str]
"""`(key, content)`, as a consumer applied it."""


@dataclass(frozen=True, slots=True)
class Write:
    """One thing that a client wanted written. `content` is unique in a history; times are of one monotonic clock."""

    key: str
    content: str
    asked: float
    told: float
    answer: Answer


@dataclass(frozen=True, slots=True)
class Finding:
    consumer: str
    key: str
    content: str
    why: str

    def __str__(self) -> str:
        return f"{self.consumer}: {self.key} {self.content!r}: {self.why}"


@dataclass(slots=True)
class Verdict:
    lost: list[Finding] = field(default_factory=list)
    doubled: list[Finding] = field(default_factory=list)
    inverted: list[Finding] = field(default_factory=list)
    ghosts: list[Finding] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.inverted or self.ghosts)

    def __str__(self) -> str:
        """Figures, and the first findings of each kind."""
        kinds = {"lost": self.lost, "doubled": self.doubled, "out of order": self.inverted, "ghosts": self.ghosts}
        lines = [", ".join(f"{len(found)} {kind}" for kind, found in kinds.items())]
        for kind, found in kinds.items():
            lines += [f"  {kind}: {finding}" for finding in found[:5]]
        return "\n".join(lines)


def judge(writes: Iterable[Write], effects: Mapping[str, Sequence[Effect]]) -> Verdict:
    """`effects`: for each consumer all that it applied; the order counts within a key only.

    Raises ValueError when two writes have the same content: then nothing could be told.
    """
    known: dict[str, Write] = {}
    for write in writes:
        if write.content in known:
            raise ValueError(f"two writes have the content {write.content!r}")
        known[write.content] = write
    verdict = Verdict()
    orders = {consumer: _judge_one(consumer, applied, known, verdict) for consumer, applied in effects.items()}
    for one, other in combinations(orders, 2):
        _compare(one, orders[one], other, orders[other], verdict)
    return verdict


def _judge_one(
    consumer: str, applied: Sequence[Effect], known: Mapping[str, Write], verdict: Verdict
) -> dict[str, list[str]]:
    """Judge one consumer; the contents of each key in the order in which they took effect first."""
    order: dict[str, dict[str, None]] = {}
    last_asked: dict[str, Write] = {}
    for key, content in applied:
        write = known.get(content)
        if write is None or write.key != key or write.answer == "refused":
            why = "nobody wrote it" if write is None else f"it was {write.answer} for key {write.key!r}"
            verdict.ghosts.append(Finding(consumer, key, content, why))
            continue
        seen = order.setdefault(key, {})
        if content in seen:
            verdict.doubled.append(Finding(consumer, key, content, "it took effect before"))
            continue
        seen[content] = None
        before = last_asked.get(key)
        if before is not None and write.answer == "acknowledged" and before.asked > write.told:
            why = f"it was acknowledged before {before.content!r} was asked for, and took effect after it"
            verdict.inverted.append(Finding(consumer, key, content, why))
        if before is None or write.asked > before.asked:
            last_asked[key] = write
    for content, write in known.items():
        if write.answer == "acknowledged" and content not in order.get(write.key, {}):
            verdict.lost.append(Finding(consumer, write.key, content, "it was acknowledged and took no effect"))
    return {key: list(contents) for key, contents in order.items()}


def _compare(
    one: str, first: Mapping[str, Sequence[str]], other: str, second: Mapping[str, Sequence[str]], verdict: Verdict
) -> None:
    for key in first.keys() & second.keys():
        both = set(first[key]) & set(second[key])
        pairs = zip(
            (content for content in first[key] if content in both),
            (content for content in second[key] if content in both),
            strict=True,
        )
        for here, there in pairs:
            if here != there:
                why = f"{one} applied it where {other} applied {there!r}"
                verdict.inverted.append(Finding(one, key, here, why))
                break
