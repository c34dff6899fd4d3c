"""Any order of publishing, relaying, consuming, crashing, poisoning, curing, retrying, skipping and rebuilding.

Real databases, the real relay and consumer, driven by hand. After every step: no ghost, no loss, each effect once, in
order for each key, nothing applied behind an open dead letter. At the end all that was not skipped took effect, and the
rebuilt projection equals the live one.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared import failpoints
from shared.bus import Record
from shared.bus.memory import MemoryBus
from shared.bus.relay import Relay
from shared.bus.replay import replay
from shared.events.credit import ListingRemoved
from tests.contract import city
from tests.contract.city import updated
from tests.faults.by_hand import TOPICS, ByHand

T = TypeVar("T")
OPEN = ("failed", "parked", "gap")
KEYS = ("A", "B", "C")
POISON = city.POISON

RELAY_POINTS = ("relay.before_send", "relay.after_send", "relay.before_mark", "relay.after_mark")
CONSUMER_POINTS = (
    "consumer.before_lock",
    "consumer.before_commit",
    "consumer.after_commit",
    "consumer.before_park",
    "consumer.after_park",
    "consumer.before_offset_commit",
    "consumer.after_offset_commit",
    "retry.after_commit",
)
keys = st.sampled_from(KEYS)


def crash(*names: str) -> st.SearchStrategy[str | None]:
    """Where the step is cut off; None: it is not."""
    return st.none() | st.sampled_from(names)


@dataclass
class Key:
    """What the databases say about one key. Numbers are sequences."""

    published: dict[int, tuple[str, str]] = field(default_factory=dict)
    """`(event id, type)` of each."""
    unsent: set[int] = field(default_factory=set)
    done: list[int] = field(default_factory=list)
    """Those that took effect, in that order."""
    cases: list[int] = field(default_factory=list)
    position: int = 0
    letters: dict[int, str] = field(default_factory=dict)

    def waiting(self) -> set[int]:
        return {number for number, state in self.letters.items() if state in OPEN}

    def skipped(self) -> set[int]:
        return {number for number, state in self.letters.items() if state == "skipped"}


class BusModel(RuleBasedStateMachine):
    folder: Path
    """With the empty databases `credit.db` and `traceability.db`."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._home = self.folder / "example"
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir()
        self._files = {name: self._home / f"{name}.db" for name in ("credit", "traceability")}
        for name, file in self._files.items():
            shutil.copyfile(self.folder / f"{name}.db", file)
        self._bus = MemoryBus()
        urls = {name: f"sqlite:///{file}" for name, file in self._files.items()}
        self._hands = self._run(self._made(urls))
        self._names: dict[str, list[str]] = {key: [] for key in KEYS}
        """What was committed for each key, oldest first."""
        city.POISON = POISON

    async def _made(self, urls: dict[str, str]) -> ByHand:
        return ByHand(urls, self._home, self._bus)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def _cut_off(self, at: str | None, work: Coroutine[Any, Any, Any]) -> bool:
        """Run a step with a crash at a failpoint; whether it came so far."""
        failpoints.arm(f"{at}=raise" if at else "")
        try:
            self._run(work)
        except OSError:
            return True
        finally:
            failpoints.arm("")
        return False

    # Steps ----------------------------------------------------------------------------------------------------------

    @rule(
        of=st.lists(keys, min_size=1, max_size=4),
        poison=st.integers(0, 5),
        at=crash("uow.before_commit", "uow.after_commit"),
        way=st.integers(0, 2),
    )
    def publish(self, of: list[str], poison: int, at: str | None, way: int) -> None:
        """One transaction with an event for each of the keys; the one at place `poison`, if any, cannot be applied.

        They stay in the outbox (`way` 0), or go on to the bus (1), or to the consumer (2): one step for what often
        happens leaves more steps for what comes in between.
        """
        events, names = [], []
        for place, key in enumerate(of):
            name = POISON if place == poison else f"{key}{len(self._names[key]) + of[:place].count(key)}"
            names.append((key, name))
            events.append(updated(key, name))
        crashed = self._cut_off(at, self._hands.publish(*events))
        if crashed:
            self._run(self._hands.restart_publisher())
        if not crashed or at == "uow.after_commit":
            for key, name in names:
                self._names[key].append(name)
        if way:
            self._run(self._hands.relay())
        if way == 2:
            self._run(self._hands.consume())

    @rule(key=keys)
    def publish_for_a_case(self, key: str) -> None:
        """An event whose effect is no projection."""
        removed = ListingRemoved(listing_id="l", uscc=key, colour="black", removed_on="2026-11-24", reason="expired")  # type: ignore[arg-type]
        self._run(self._hands.publish(removed))
        self._names[key].append("removed")

    @rule(at=crash(*RELAY_POINTS))
    def relay(self, at: str | None) -> None:
        if self._cut_off(at, self._hands.credit.relay.step()):
            self._run(self._hands.restart_publisher())

    @rule()
    def relay_twice(self) -> None:
        """Two relays at once, as after a lost lease: both read before one of them marks."""
        self._cut_off("relay.after_send", self._hands.credit.relay.step())
        self._run(Relay(self._hands.credit).step())

    @rule(which=st.integers(0, 30))
    def a_late_send_arrives(self, which: int) -> None:
        log = self._bus._log[TOPICS[0]]
        if log:
            old = log[which % len(log)]
            self._run(self._bus.publish([Record(old.topic, old.key, old.value, old.headers)]))

    @rule(key=keys)
    def one_is_sent_before_its_turn(self, key: str) -> None:
        """It should never happen; the consumer must take it."""
        unsent = self._look()[key].unsent
        if len(unsent) < 2:
            return
        with closing(sqlite3.connect(self._files["credit"])) as connection:
            connection.execute(
                "UPDATE outbox SET published_at = 'held' WHERE key = ? AND sequence = ?", (key, min(unsent))
            )
            connection.execute(
                "UPDATE outbox SET published_at = 'held' WHERE key != ? AND published_at IS NULL", (key,)
            )
            connection.commit()
        self._run(self._hands.credit.relay.step())
        with closing(sqlite3.connect(self._files["credit"])) as connection:
            connection.execute("UPDATE outbox SET published_at = NULL WHERE published_at = 'held'")
            connection.commit()

    @rule(key=keys)
    def rubbish_is_sent(self, key: str) -> None:
        self._run(self._bus.publish([Record(TOPICS[0], key, b"rubbish", {"ce_specversion": "1.0"})]))

    @rule(
        limit=st.integers(1, 6) | st.just(500),
        at=crash(*CONSUMER_POINTS),
    )
    def consume(self, limit: int, at: str | None) -> None:
        if self._cut_off(at, self._hands.consume(limit)):
            self._run(self._hands.restart_consumer())

    @rule(limit=st.integers(1, 6), other_first=st.booleans())
    def consume_with_two_members(self, limit: int, other_first: bool) -> None:
        """Both hold the partition for a moment."""

        async def both() -> None:
            records = await self._hands.read(limit)
            here, other = self._hands.consumer, self._hands.another()
            for member in (other, here) if other_first else (here, other):
                await member.consumer.apply(records)
            await self._hands.commit(records)
            await other.db.close()

        self._run(both())

    @rule(cured=st.booleans())
    def poison_is_cured_or_comes_back(self, cured: bool) -> None:
        city.POISON = "nothing is poison" if cured else POISON

    @rule(key=keys, at=crash("retry.before_commit", "retry.after_commit"))
    def retry(self, key: str, at: str | None) -> None:
        if self._cut_off(at, self._hands.consumer.consumer.retry(("credit", key))):
            self._run(self._hands.restart_consumer())

    @rule(which=st.integers(0, 2), at=crash("skip.before_commit", "skip.after_commit"))
    def skip(self, which: int, at: str | None) -> None:
        found = self._look()
        stuck = [name for name, each in found.items() if "failed" in each.letters.values()]
        if not stuck:
            return
        key = stuck[which % len(stuck)]
        letter = self._run(self._hands.letter_id(key, min(found[key].waiting())))
        if self._cut_off(at, self._hands.consumer.consumer.skip(letter)):
            self._run(self._hands.restart_consumer())

    @rule(at=crash("replay.before_commit", "replay.after_commit"))
    def rebuild(self, at: str | None) -> None:
        before = self._projection()
        try:
            if self._cut_off(at, replay(self._hands.consumer)):
                self._run(self._hands.restart_consumer())
        except ValueError:  # what took effect while it was cured is poison again: the old projection stays
            assert city.POISON == POISON
        assert self._projection() == before

    # What must hold -------------------------------------------------------------------------------------------------

    @invariant()
    def the_promise_holds(self) -> None:
        coming = self._coming()
        for name, key in self._look().items():
            count = len(self._names[name])
            everything = set(range(1, count + 1))
            assert set(key.published) == everything, "the outbox holds what was committed, without a gap"
            for did in (key.done, key.cases):
                assert did == sorted(set(did)), f"{name}: each once, in order: {did}"
            did_all = {*key.done, *key.cases}
            assert did_all <= everything, "a ghost"
            assert did_all | key.skipped() == set(range(1, key.position + 1)), (name, key)
            assert not did_all & key.skipped(), (name, key)
            assert all(number > key.position for number in key.waiting()), (name, key)
            lost = everything - did_all - key.skipped() - key.waiting() - key.unsent - coming.get(name, set())
            assert not lost, f"{name}: nowhere: {lost}"

    def teardown(self) -> None:
        try:
            self._finish()
        finally:
            self._run(self._hands.close())
            self._loop.close()
            city.POISON = POISON
            failpoints.arm("")

    def _finish(self) -> None:
        """Mend everything, let all come to rest: nothing but what was skipped may be missing."""
        city.POISON = "nothing is poison"
        self._run(self._hands.relay())
        while self._run(self._hands.consume()):
            pass
        for name, key in self._look().items():
            if "failed" in key.letters.values():
                self._run(self._hands.consumer.consumer.retry(("credit", name)))
        self.the_promise_holds()
        for name, key in self._look().items():
            assert not key.waiting(), (name, key)
            assert {*key.done, *key.cases} | key.skipped() == set(range(1, len(self._names[name]) + 1))
        before = self._projection()
        self._run(replay(self._hands.consumer))
        assert self._projection() == before
        unreadable = self._rows("traceability", "SELECT count(*) FROM dead_letter WHERE source = 'unreadable'")
        assert unreadable == [(sum("ce_sequence" not in each.headers for each in self._bus._log[TOPICS[0]]),)]

    # Looking --------------------------------------------------------------------------------------------------------

    def _rows(self, service: str, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._files[service]}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    def _look(self) -> dict[str, Key]:
        found = {key: Key() for key in KEYS}
        numbers: dict[str, int] = {}
        for key, number, event, kind, sent in self._rows(
            "credit", "SELECT key, sequence, event_id, type, published_at FROM outbox"
        ):
            found[key].published[number] = (event, kind)
            numbers[event] = number
            if sent is None:
                found[key].unsent.add(number)
        for key, number, event in self._rows(
            "traceability", "SELECT key, sequence, event_id FROM applied ORDER BY position"
        ):
            assert found[key].published.get(number, ("",))[0] == event, f"a ghost: {key} {number} {event}"
            found[key].done.append(number)
        for event, key in self._rows("traceability", 'SELECT id, uscc FROM "case"'):
            found[key].cases.append(numbers[event])
        for each in found.values():
            each.cases.sort()
        for key, number in self._rows("traceability", "SELECT key, sequence FROM inbox WHERE source = 'credit'"):
            found[key].position = number
        for key, number, state in self._rows(
            "traceability", "SELECT key, sequence, state FROM dead_letter WHERE source = 'credit'"
        ):
            found[key].letters[number] = state
        return found

    def _coming(self) -> dict[str, set[int]]:
        """What is on the bus and not yet behind the consumer's place there."""
        log = self._bus._log[TOPICS[0]]
        place = self._bus._positions["traceability", TOPICS[0]]
        coming: dict[str, set[int]] = {}
        for record in log[place:]:
            if "ce_sequence" in record.headers:
                coming.setdefault(record.key, set()).add(int(record.headers["ce_sequence"]))
        return coming

    def _projection(self) -> tuple[Any, ...]:
        return (
            self._rows("traceability", "SELECT uscc, name, sequence FROM named ORDER BY uscc"),
            self._rows("traceability", "SELECT event_id, key, sequence FROM applied ORDER BY key, sequence"),
            self._rows("traceability", 'SELECT id, uscc FROM "case" ORDER BY id'),
        )
