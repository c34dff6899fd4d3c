"""Rebuilds a service's projections from the log, in one transaction: readers see the old rows until it commits.

Only what took effect is applied again: up to the inbox position of each key, without dead letters. So the result equals
the live projection byte for byte, and the inbox stays as it is.
"""

from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from shared import failpoints
from shared.bus.envelope import Envelope, EnvelopeError, from_record
from shared.bus.plan import Key
from shared.db import tables
from shared.db.uow import UnitOfWork

if TYPE_CHECKING:
    from shared.platform import Platform


async def replay(platform: "Platform") -> int:
    """How many events were applied."""
    consumer = platform.consumer
    count = 0
    async with platform.system_unit_of_work() as uow:
        uow.replaying = True
        session = uow.session
        if not platform.db.is_sqlite:
            # First of all, so that the consumer waits as a whole: it takes its inbox rows before the projections'.
            await session.execute(text("LOCK TABLE inbox IN EXCLUSIVE MODE"))
        for name in platform.projection_tables:
            await session.execute(text(f'DELETE FROM "{name}"'))  # noqa: S608 - names are the service's own
        inbox, letters = tables.inbox, tables.dead_letter
        positions: dict[Key, int] = {
            (row.source, row.key): row.sequence
            for row in await session.execute(select(inbox).where(inbox.c.consumer == consumer.name))
        }
        left_out = {
            (row.source, row.key, row.sequence)
            for row in await session.execute(
                select(letters.c.source, letters.c.key, letters.c.sequence).where(
                    letters.c.consumer == consumer.name, letters.c.state != "applied"
                )
            )
        }
        turns = _Turns(positions, left_out)
        async for records in platform.bus.read_all(consumer.topics):
            batch: list[Envelope] = []
            for record in records:
                try:
                    envelope = from_record(record)
                except EnvelopeError:
                    continue  # parked when it first came
                batch += turns.take(envelope)
            count += await _apply(platform, uow, batch)
        count += await _apply(platform, uow, turns.rest())
        await session.execute(
            text(
                "INSERT INTO projection_generation (name, generation, rebuilding) VALUES (:name, 1, false) "
                "ON CONFLICT (name) DO UPDATE SET generation = projection_generation.generation + 1"
            ),
            {"name": consumer.name},
        )
        uow.invalidate("*")
        failpoints.hit("replay.before_commit")
    failpoints.hit("replay.after_commit")
    return count


async def _apply(platform: "Platform", uow: UnitOfWork, envelopes: Sequence[Envelope]) -> int:
    for start in range(0, len(envelopes), 500):
        await platform.consumer.replay_into(uow, envelopes[start : start + 500])
    return len(envelopes)


class _Turns:
    """Gives each event that took effect one time and in its turn: the log may hold it twice, or after a later one."""

    def __init__(self, positions: Mapping[Key, int], left_out: Set[tuple[str, str, int]]) -> None:
        self._positions = positions
        self._left_out = left_out
        self._seen: dict[Key, int] = {}
        self._early: dict[Key, dict[int, Envelope]] = {}

    def take(self, envelope: Envelope) -> list[Envelope]:
        """Those whose turn has come with this one."""
        key = (envelope.source, envelope.key)
        seen = self._seen.get(key, 0)
        if not seen < envelope.sequence <= self._positions.get(key, 0):
            return []
        if envelope.sequence > seen + 1:
            self._early.setdefault(key, {})[envelope.sequence] = envelope
            return []
        found = [envelope]
        early = self._early.get(key, {})
        while following := early.pop(found[-1].sequence + 1, None):
            found.append(following)
        self._seen[key] = found[-1].sequence
        return [each for each in found if (*key, each.sequence) not in self._left_out]

    def rest(self) -> list[Envelope]:
        """Those before which something is missing: the log was shortened, or an operator gave it up."""
        return [
            early[sequence]
            for key, early in self._early.items()
            for sequence in sorted(early)
            if (*key, sequence) not in self._left_out
        ]
