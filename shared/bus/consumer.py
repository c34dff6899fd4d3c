"""Applies events of other services: effects, inbox position and the outbox rows that follow are one transaction.

A poll of up to 500 events is applied set-based in one transaction; only when that fails is it repeated event by event,
so that one bad event is found and parked while other keys flow.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from shared import context, failpoints, metrics
from shared.bus import dead_letters
from shared.bus.envelope import Envelope, EnvelopeError, Received, StoredRecord, from_record
from shared.bus.inbox import positions
from shared.bus.offsets import Offsets
from shared.bus.plan import Key, Plan, group_for_handlers, plan_batch
from shared.bus.progress import Progress, Standing
from shared.bus.protocol import Subscriber
from shared.bus.subscription import Subscription
from shared.db import quiet, tables
from shared.db.errors import is_transient
from shared.db.sql import insert_rows, upsert
from shared.db.uow import UnitOfWork
from shared.events.base import topic_of
from shared.wiring import Wiring

log = structlog.get_logger("consumer")
inbox = tables.inbox
_UNREADABLE = "unreadable"  # type and source of a dead letter that is no event
_PATIENCE_SECONDS, _SILENCE_SECONDS = 0.7, 3.0
"""How long one caller waits for the bus to tell how far it is; how long without an answer means that it is away. Kafka
answers behind a fetch that may last half a second."""


class Consumer:
    def __init__(self, wiring: Wiring, subscriptions: Sequence[Subscription]) -> None:
        self._wiring = wiring
        self.name = wiring.name
        self.subscriptions: dict[str, list[Subscription]] = defaultdict(list)
        """By event type, in the order of the service's list: a fact may feed a projection and open a case."""
        for subscription in subscriptions:
            for version in subscription.event.types():
                self.subscriptions[version].append(subscription)
        self.topics = sorted({topic_of(subscription.event.publisher()) for subscription in subscriptions})
        self._subscriber: Subscriber | None = None
        self._end_to_end = metrics.END_TO_END.labels(self.name)
        self._progress = Progress()
        self._standings: dict[str, Standing] = {}
        self._asking: asyncio.Task[None] | None = None
        self._asked_at = 0.0
        self._bus_error: str | None = None

    async def run(self) -> None:
        """Until cancelled. Errors of the bus and the database go to the supervisor, which starts this again."""
        if not self.topics:
            return
        member = f"{self.name}:{self._wiring.settings.worker_id}"
        self._subscriber = subscriber = await self._wiring.bus.subscribe(self.name, self.topics, member=member)
        offsets = Offsets(subscriber)
        try:
            await self._go_on()
            while True:
                records = await subscriber.poll(limit=500, timeout=0.5)
                if records:
                    await self.apply(records)
                offsets.applied(records)
        finally:
            self._subscriber = None
            if self._asking is not None:
                self._asking.cancel()
            try:
                await offsets.close()
            finally:
                await subscriber.close()

    async def progress(self) -> dict[str, Standing]:
        """How far each topic is applied, as the bus said last; empty while the consumer is not running.

        Does not wait for a bus that is away; `bus_error` tells then.
        """
        subscriber = self._subscriber
        if subscriber is None:
            return {}
        if self._asking is None or self._asking.done():
            if self._bus_error is None:  # else the silence goes on
                self._asked_at = time.monotonic()
            self._asking = asyncio.create_task(self._ask(subscriber))
        await asyncio.wait([self._asking], timeout=_PATIENCE_SECONDS)
        now = self._wiring.clock.now()
        if any(each.whole_at is not None and each.whole_at > now for each in self._standings.values()):
            # The clock was set back. A bus that is away would leave us with a time that stays ahead of it.
            self._standings, self._progress = {}, Progress()
        return self._standings

    async def _ask(self, subscriber: Subscriber) -> None:
        at = self._wiring.clock.now()
        try:
            self._standings, self._bus_error = self._progress.look(at, await subscriber.places()), None
        except TimeoutError:
            self._bus_error = f"no answer for {time.monotonic() - self._asked_at:.0f} s"
        except Exception as error:
            self._bus_error = f"{type(error).__name__}: {error}"[:300]

    @property
    def bus_error(self) -> str | None:
        """Why the bus does not tell how far it is; None when it does."""
        if self._bus_error is None and self._asking is not None and not self._asking.done():
            silent = time.monotonic() - self._asked_at
            return f"no answer for {silent:.0f} s" if silent > _SILENCE_SECONDS else None
        return self._bus_error

    async def lag(self) -> dict[str, int]:
        """Records of each topic that are not applied yet, as `progress` knows it."""
        return {topic: standing.waiting for topic, standing in (await self.progress()).items()}

    async def apply(self, records: Sequence[StoredRecord]) -> None:
        envelopes = []
        for record in records:
            try:
                envelopes.append(from_record(record))
            except EnvelopeError as error:
                await self._keep_unreadable(record, error)
        if not envelopes:
            return
        started = time.perf_counter()
        try:
            plans = [await self._apply_together(envelopes)]
        except Exception as error:
            if is_transient(error):
                raise
            log.warning("batch failed, applying one by one", events=len(envelopes), error=str(error)[:500])
            plans = [plan for envelope in envelopes if (plan := await self._apply_alone(envelope))]
        metrics.HANDLER_SECONDS.labels(self.name).observe(time.perf_counter() - started)
        newest = envelopes[-1]
        now = self._wiring.clock.now()
        metrics.CONSUMER_LAG_SECONDS.labels(self.name).set(max(0.0, (now - newest.time).total_seconds()))
        for plan in plans:
            for envelope in plan.fresh:
                self._end_to_end.observe(max(0.0, (now - envelope.time).total_seconds()))
        waiting = [envelope for plan in plans for envelope in plan.parked + plan.ahead]
        for key in dict.fromkeys((envelope.source, envelope.key) for envelope in waiting):
            await self._drain(key)

    async def _apply_together(self, envelopes: Sequence[Envelope]) -> Plan:
        async with UnitOfWork.of_system(self._wiring) as uow:
            plan = await self._plan(uow, envelopes)
            await self._apply_plan(uow, plan)
            failpoints.hit("consumer.before_commit")
        failpoints.hit("consumer.after_commit")
        return plan

    async def _apply_alone(self, envelope: Envelope) -> Plan | None:
        try:
            return await self._apply_together([envelope])
        except Exception as error:
            if is_transient(error):
                raise
            log.error(
                "event parked", type=envelope.type, key=envelope.key, sequence=envelope.sequence, error=str(error)
            )
            await self._park_failed(envelope, error)
        return None

    async def _park_failed(self, envelope: Envelope, error: Exception) -> None:
        failpoints.hit("consumer.before_park")
        key = (envelope.source, envelope.key)
        async with UnitOfWork.of_system(self._wiring) as uow:
            # Another member of the group may have applied it meanwhile.
            if envelope.sequence > await self._lock_position(uow, key):
                text = f"{type(error).__name__}: {error}"
                await dead_letters.park(uow.session, self.name, [envelope], "failed", text, uow.now)
        failpoints.hit("consumer.after_park")
        await self._count_dead_letters()

    async def _plan(self, uow: UnitOfWork, envelopes: Sequence[Envelope]) -> Plan:
        keys = {(envelope.source, envelope.key) for envelope in envelopes}
        failpoints.hit("consumer.before_lock")
        await quiet.share(uow.session)
        applied = await positions(uow.session, self.name, keys)
        blocked = await dead_letters.blocked_keys(uow.session, self.name)
        return plan_batch(envelopes, applied, blocked & keys)

    async def _lock_position(self, uow: UnitOfWork, key: Key) -> int:
        """The inbox position of one key, locked; its row is made where there is none."""
        await quiet.share(uow.session)
        found = await positions(uow.session, self.name, [key])
        if key not in found and not self._wiring.db.is_sqlite:
            await insert_rows(uow.session, inbox, [self._inbox_row(key, 0, uow.now)], ignore=True)
            found = await positions(uow.session, self.name, [key])
        return found.get(key, 0)

    def _inbox_row(self, key: Key, sequence: int, event_time: datetime) -> dict[str, Any]:
        source, name = key
        row = {"consumer": self.name, "source": source, "key": name, "sequence": sequence}
        return row | {"applied_at_event_time": event_time}

    async def _apply_plan(self, uow: UnitOfWork, plan: Plan) -> None:
        await self._handle(uow, plan.fresh, self.subscriptions)
        rows = {
            key: self._inbox_row(key, plan.positions.get(key, 0), envelope.time)
            for envelope in plan.ahead + plan.fresh
            if (key := (envelope.source, envelope.key)) in plan.positions or key in plan.new
        }
        # Two members that meet at a new key: the second one's insert fails, and it looks again, event by event.
        await insert_rows(uow.session, inbox, [rows.pop(key) for key in sorted(plan.new)])
        await upsert(uow.session, inbox, list(rows.values()), key=["consumer", "source", "key"])
        if plan.parked:
            await dead_letters.park(uow.session, self.name, plan.parked, "parked", "behind a dead letter", uow.now)
        if plan.ahead:
            metrics.CONSUMER_GAPS.labels(self.name).inc(len(plan.ahead))
            log.error("gap", events=[(e.source, e.key, e.sequence) for e in plan.ahead[:10]])
            await dead_letters.park(uow.session, self.name, plan.ahead, "gap", "an earlier event is missing", uow.now)

    async def _handle(
        self, uow: UnitOfWork, envelopes: Iterable[Envelope], subscriptions: Mapping[str, Sequence[Subscription]]
    ) -> None:
        wanted = (envelope for envelope in envelopes if envelope.type in subscriptions)
        for type_, group in group_for_handlers(wanted):
            received = [_received(envelope, subscriptions[type_][0]) for envelope in group]
            with context.of(_trace(group[0])):
                for subscription in subscriptions[type_]:
                    await subscription.handler(uow, received)
                    # A handler's rows are visible to the next one, and its errors are its own.
                    await uow.session.flush()
            metrics.CONSUMED.labels(self.name, type_).inc(len(group))

    async def _keep_unreadable(self, record: StoredRecord, error: EnvelopeError) -> None:
        """No CloudEvent of ours: kept for an operator under its place on the bus; nothing waits behind it."""
        log.error("unreadable record", topic=record.topic, partition=record.partition, offset=record.offset)
        async with UnitOfWork.of_system(self._wiring) as uow:
            envelope = Envelope(
                id=record.headers.get("ce_id", ""),
                type=_UNREADABLE,
                source=_UNREADABLE,
                key=f"{record.topic}/{record.partition}/{record.offset}",
                sequence=1,
                time=uow.now,
                data=record.value,
            )
            await dead_letters.park(uow.session, self.name, [envelope], "failed", str(error), uow.now)

    async def retry(self, key: Key) -> int:
        """Apply the waiting events of a key in order until one fails; how many were applied."""
        done = 0
        # Read until nothing waits: the consumer parks what comes meanwhile behind what was read here.
        while rows := await self._waiting(key):
            for row in rows:
                if not await self._retry_one(key, row.id):
                    await self._count_dead_letters()
                    return done
                done += 1
        await self._count_dead_letters()
        return done

    async def _waiting(self, key: Key) -> list[Any]:
        async with self._wiring.read() as session:
            return await dead_letters.waiting(session, self.name, key)

    async def _retry_one(self, key: Key, letter_id: str) -> bool:
        """Whether the next one of the key may be tried."""
        try:
            async with UnitOfWork.of_system(self._wiring) as uow:
                position = await self._lock_position(uow, key)
                row = await dead_letters.find(uow.session, letter_id)
                if row is None or row.state not in dead_letters.WAITING:
                    return True  # somebody else was quicker
                envelope = dead_letters.to_envelope(row)
                if envelope.type == _UNREADABLE:  # only a skip ends it
                    raise EnvelopeError(row.error.removeprefix("EnvelopeError: "))
                if envelope.sequence > position + 1:
                    return False
                if envelope.sequence == position + 1:
                    await self._apply_plan(uow, Plan(fresh=[envelope], positions={key: envelope.sequence}))
                await dead_letters.set_state(uow.session, letter_id, "applied", uow.now, tried=True)
                failpoints.hit("retry.before_commit")
        except Exception as error:
            if is_transient(error):
                raise
            async with UnitOfWork.of_system(self._wiring) as uow:
                await self._lock_position(uow, key)
                row = await dead_letters.find(uow.session, letter_id)
                if row is not None and row.state in dead_letters.WAITING:
                    text = f"{type(error).__name__}: {error}"
                    await dead_letters.set_state(uow.session, letter_id, "failed", uow.now, error=text, tried=True)
            return False
        failpoints.hit("retry.after_commit")
        return True

    async def skip(self, letter_id: str) -> bool:
        """Give the first waiting event of a key up and go on with those behind it; False if it is not first."""
        async with UnitOfWork.of_system(self._wiring) as uow:
            row = await dead_letters.find(uow.session, letter_id)
            if row is None:
                return False
            key = (row.source, row.key)
            position = await self._lock_position(uow, key)
            first = await dead_letters.waiting(uow.session, self.name, key, limit=1)
            if not first or first[0].id != letter_id:
                return False
            await dead_letters.set_state(uow.session, letter_id, "skipped", uow.now)
            if row.sequence > position:
                passed = self._inbox_row(key, row.sequence, dead_letters.to_envelope(row).time)
                await upsert(uow.session, inbox, [passed], key=["consumer", "source", "key"])
            failpoints.hit("skip.before_commit")
        failpoints.hit("skip.after_commit")
        await self.retry(key)
        return True

    async def _go_on(self) -> None:
        """Apply what waits behind nothing: a kill came between the retry of an event and of those behind it."""
        async with self._wiring.read() as session:
            waiting = await dead_letters.blocked_keys(session, self.name)
            failed = await dead_letters.blocked_keys(session, self.name, states=("failed",))
        for key in sorted(waiting - failed):
            await self.retry(key)

    async def _drain(self, key: Key) -> None:
        """Go on by itself when the missing event has come and nothing of the key has failed."""
        async with self._wiring.read() as session:
            failed = await dead_letters.blocked_keys(session, self.name, key=key, states=("failed",))
        if not failed:
            await self.retry(key)

    async def _count_dead_letters(self) -> None:
        async with self._wiring.read() as session:
            count = await dead_letters.open_count(session, self.name)
        metrics.DEAD_LETTERS_OPEN.labels(self.name).set(count)

    async def replay_into(self, uow: UnitOfWork, envelopes: Sequence[Envelope]) -> None:
        """Run only the projection handlers (see `shared/bus/replay.py`)."""
        projections = {type_: [s for s in each if s.projection] for type_, each in self.subscriptions.items()}
        await self._handle(uow, envelopes, {type_: each for type_, each in projections.items() if each})


def _received(envelope: Envelope, subscription: Subscription) -> Received[Any]:
    return Received(
        id=envelope.id,
        type=envelope.type,
        source=envelope.source,
        key=envelope.key,
        sequence=envelope.sequence,
        time=envelope.time,
        data=subscription.event.read(envelope.type, envelope.data),
        correlation_id=envelope.correlation_id,
        causation_id=envelope.causation_id,
        traceparent=envelope.traceparent,
    )


def _trace(envelope: Envelope) -> context.Trace:
    return context.Trace(
        request_id=envelope.id,
        traceparent=context.new_traceparent(envelope.traceparent),
        correlation_id=envelope.correlation_id or envelope.id,
        causation_id=envelope.id,
    )
