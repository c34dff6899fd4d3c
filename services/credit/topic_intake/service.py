"""Takes messages in: judged like REST, stored with their answer in one transaction, answered on the receipts topic.

The answer is sent after the commit and before the offset: after a crash it is sent again, never lost. A message that is
delivered again is found by its place and answered with what was stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from services.credit.bodies import parse
from services.credit.topic_intake import repository, rules
from services.credit.violations import intake, service
from services.credit.violations.api import WRITE
from services.credit.violations.intake import Accepted, Push
from services.credit.violations.schemas import Correction, ViolationIn, Withdrawal
from shared.auth import Department, Policy, Principal, Staff
from shared.bus import Record, StoredRecord
from shared.bus.consumer import is_transient
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.errors import PlatformError, Unavailable
from shared.events.base import INTAKE_TOPIC, RECEIPTS_TOPIC
from shared.ids import uuid7
from shared.platform import Platform

log = structlog.get_logger("intake")
POLICY = Policy((Department(WRITE), Staff("case_officer")), area="body.area_code")


@dataclass(frozen=True)
class Judged:
    """A message with its sender, or with the reason why it is refused."""

    record: StoredRecord
    message: rules.Message | None = None
    sender: Principal | None = None
    refusal: PlatformError | None = None

    @property
    def place(self) -> str:
        return f"{self.record.topic}/{self.record.partition}/{self.record.offset:020d}"


async def run(platform: Platform) -> None:
    """Until cancelled; errors of bus and database go to the supervisor, which starts this again."""
    member = f"credit-intake:{platform.settings.worker_id}"
    subscriber = await platform.bus.subscribe("credit.intake", [INTAKE_TOPIC], member=member)
    try:
        while True:
            records = await subscriber.poll(limit=500, timeout=0.5)
            if records:
                await take(platform, records)
                await subscriber.commit(records)
    finally:
        await subscriber.close()


async def take(platform: Platform, records: Sequence[StoredRecord]) -> None:
    """Judge, store and answer a batch. Runs of new violations share a transaction; the order of messages is kept."""
    judged = [await _judge(platform, record) for record in records]
    run: list[Judged] = []
    for each in judged:
        if each.message is not None and each.message.kind != "violation":
            await _take_run(platform, run)
            await _take_run(platform, [each])
            run = []
        else:
            run.append(each)
    await _take_run(platform, run)


async def _judge(platform: Platform, record: StoredRecord) -> Judged:
    try:
        message = rules.read(record.headers, record.value)
        sender = await platform.verifier.principal(message.token)
        POLICY.check(sender)
    except Unavailable as error:
        raise OSError(f"tokens cannot be verified now: {error}") from error
    except PlatformError as error:
        return Judged(record, refusal=error)
    return Judged(record, message, sender)


async def _take_run(platform: Platform, run: Sequence[Judged]) -> None:
    if not run:
        return
    try:
        answers = await _store(platform, run)
    except Exception as error:
        if is_transient(error):
            raise
        if len(run) > 1:  # one of them spoils the others: each by itself
            for each in run:
                await _take_run(platform, [each])
            return
        log.exception("intake message failed", place=run[0].place)
        refusal = PlatformError(
            "internal", zh="服务内部出错，消息已保存", en="The service failed inside; the message is kept"
        )
        answers = await _store(platform, [Judged(run[0].record, sender=run[0].sender, refusal=refusal)])
    await platform.bus.publish([_receipt(each, answer) for each, answer in zip(run, answers, strict=True)])


async def _store(platform: Platform, run: Sequence[Judged]) -> list[str]:
    """The answers, in order, after the commit."""
    async with platform.system_unit_of_work() as uow:
        known = await repository.answers(uow.session, [each.place for each in run])
        fresh = [each for each in run if each.place not in known]
        outcomes = await _decide(uow, fresh)
        rows = []
        for each, (status, receipt, problem) in zip(fresh, outcomes, strict=True):
            message_id = each.record.headers.get("ce_id", "")[:200] or None
            answer = rules.answer(each.place, message_id, status, receipt, problem)
            known[each.place] = answer
            rows.append(
                {
                    "place": each.place,
                    "key": each.record.key[:200],
                    "message_id": message_id,
                    "type": each.record.headers.get("ce_type", "")[:150],
                    "sender": each.sender.id if each.sender else None,
                    "received_at": uow.now,
                    "status": status,
                    "answer": answer,
                    "body": each.record.value,
                }
            )
        await repository.keep(uow.session, rows)
    return [known[each.place] for each in run]


Outcome = tuple[str, str | None, PlatformError | None]
"""Status, receipt as JSON text, problem."""


async def _decide(uow: UnitOfWork, run: Sequence[Judged]) -> list[Outcome]:
    outcomes: list[Outcome | None] = [("refused", None, each.refusal) if each.refusal else None for each in run]
    pushes: list[Push] = []
    places: list[int] = []
    today = shanghai_date(uow.now)
    for index, each in enumerate(run):
        message, sender = each.message, each.sender
        if outcomes[index] is not None or message is None or sender is None:
            continue
        try:
            if message.kind == "violation":
                pushes.append(Push(sender, parse(ViolationIn, message.body, today=today)))
                places.append(index)
            else:
                outcomes[index] = await _change(uow, message, sender)
        except PlatformError as error:
            outcomes[index] = ("refused", None, error)
    for index, result in zip(places, await intake.record(uow, pushes) if pushes else [], strict=True):
        if isinstance(result, Accepted):
            outcomes[index] = ("repeated" if result.repeated else "recorded", result.receipt, None)
        else:
            outcomes[index] = ("refused", None, result)
    return [outcome for outcome in outcomes if outcome is not None]


async def _change(uow: UnitOfWork, message: rules.Message, sender: Principal) -> Outcome:
    """A correction or withdrawal, inside a savepoint, so that a refusal leaves nothing behind."""
    today = shanghai_date(uow.now)
    assert message.violation_id is not None
    before, uow.principal = uow.principal, sender
    try:
        async with uow.session.begin_nested():
            if message.kind == "correction":
                correction = parse(Correction, message.body, today=today)
                return "corrected", await service.correct(uow, message.violation_id, correction), None
            withdrawal = parse(Withdrawal, message.body, today=today)
            return "withdrawn", await service.withdraw(uow, message.violation_id, withdrawal), None
    finally:
        uow.principal = before


def _receipt(each: Judged, answer: str) -> Record:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": uuid7(),
        "ce_source": "/pinzhi/credit",
        "ce_type": rules.RECEIPT_TYPE,
        "content-type": "application/json",
    }
    if message_id := each.record.headers.get("ce_id"):
        headers["ce_causationid"] = message_id
    return Record(RECEIPTS_TOPIC, each.record.key, answer.encode(), headers)
