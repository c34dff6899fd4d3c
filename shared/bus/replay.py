"""Rebuilds a service's projections from the log, in one transaction: readers see the old rows until it commits.

Only what took effect is applied again: up to the inbox position of each key, without dead letters. So the result equals
the live projection byte for byte, and the inbox stays as it is.
"""

from typing import TYPE_CHECKING

from sqlalchemy import select, text

from shared import failpoints
from shared.bus.envelope import Envelope, EnvelopeError, from_record
from shared.bus.plan import Key
from shared.db import tables

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
        for name in platform.spec.projection_tables:
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
        seen: dict[Key, int] = {}
        async for records in platform.bus.read_all(consumer.topics):
            batch: list[Envelope] = []
            for record in records:
                try:
                    envelope = from_record(record)
                except EnvelopeError:
                    continue  # parked when it first came
                key = (envelope.source, envelope.key)
                if seen.get(key, 0) < envelope.sequence <= positions.get(key, 0):
                    seen[key] = envelope.sequence
                    if (*key, envelope.sequence) not in left_out:
                        batch.append(envelope)
            for start in range(0, len(batch), 500):
                await consumer.replay_into(uow, batch[start : start + 500])
            count += len(batch)
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
