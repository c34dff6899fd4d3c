"""Takes messages in: judged like REST, stored with their answer in one transaction, answered on a receipts topic.

The answer is sent after the commit and before the offset: after a crash it is sent again, never lost. A message that is
delivered again is found by its place and answered with what was stored.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from services.credit.topic_intake import repository, rules
from services.credit.violations import intake, service
from services.credit.violations.api import WRITE
from services.credit.violations.intake import Accepted, Push
from services.credit.violations.schemas import Correction, ViolationIn, Withdrawal
from shared.auth import Department, Policy, Principal, Staff
from shared.bus import Received, Record, StoredRecord
from shared.bus.protocol import TopicRefused
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.db.errors import is_transient
from shared.errors import Forbidden, PlatformError, Unavailable
from shared.events.base import RECEIPTS_TOPIC, unit_of, unit_receipts
from shared.events.gateway import ClientUpdated
from shared.ids import uuid7
from shared.platform import Platform
from shared.web.bodies import parse

log = structlog.get_logger("intake")
POLICY = Policy((Department(WRITE), Staff("case_officer")), area="body.area_code")
_CLIENT = "client:"
Versions = dict[str, list[rules.Version]]


@dataclass(frozen=True)
class Judged:
    """A message with its sender, or with the reason why it is refused."""

    record: StoredRecord
    letter: rules.Letter
    at: datetime
    """When the broker took it; where it does not say, when it was read."""
    message: rules.Message | None = None
    sender: Principal | None = None
    refusal: PlatformError | None = None

    @property
    def place(self) -> str:
        return f"{self.record.topic}/{self.record.partition}/{self.record.offset:020d}"

    @property
    def sender_id(self) -> str | None:
        """Also of a refused message, where the topic tells it."""
        unit = unit_of(self.record.topic)
        return self.sender.id if self.sender else _CLIENT + unit if unit else None


async def apply_clients(uow: UnitOfWork, events: Sequence[Received[ClientUpdated]]) -> None:
    """Keep every version of every client that the issuer tells of."""
    rows = [event.data.model_dump(exclude={"uscc"}) for event in events]
    await repository.add_versions(uow.session, rows)


async def take(platform: Platform, records: Sequence[StoredRecord]) -> set[str]:
    """Judge, store and answer a batch. Runs of new violations share a transaction; the order of messages is kept.

    Returns the topics whose receipts could not be sent; all others are answered.
    """
    units = {unit for record in records if (unit := unit_of(record.topic))}
    async with platform.read() as session:
        versions = await repository.versions(session, units)
    judged = [await _judge(platform, record, versions) for record in records]
    unanswered: set[str] = set()
    run: list[Judged] = []
    for each in judged:
        if each.message is not None and each.message.kind != "violation":
            unanswered |= await _take_run(platform, run)
            unanswered |= await _take_run(platform, [each])
            run = []
        else:
            run.append(each)
    return unanswered | await _take_run(platform, run)


async def _judge(platform: Platform, record: StoredRecord, versions: Versions) -> Judged:
    at = record.stored_at or platform.clock.now()
    letter = rules.read(record.headers, record.value)
    try:
        message = rules.message_of(letter, record.headers)
        unit = unit_of(record.topic)
        if unit is not None:
            sender = _unit(platform, rules.version_at(versions.get(unit, []), at))
        else:
            sender = await platform.verifier.principal(rules.bearer_of(record.headers), at=at)
        POLICY.check(sender)
    except Unavailable as error:
        raise OSError(f"tokens cannot be verified now: {error}") from error
    except PlatformError as error:
        return Judged(record, letter, at, refusal=error)
    return Judged(record, letter, at, message, sender)


def _unit(platform: Platform, version: rules.Version) -> Principal:
    """The unit whose topic it is, with what it might do then: the same principal as that of its tokens."""
    if version.demo and not platform.settings.demo:
        raise Forbidden(
            "client.demo",
            zh="这是演示客户端，只在演示模式（--demo）下可用",
            en="A demo client, accepted in demo mode (--demo) only",
        )
    return Principal(
        kind="department" if version.kind == "department" else "enterprise",
        id=_CLIENT + version.client_id,
        name=version.name,
        department=version.department,
        area=version.area,
        scopes=frozenset(version.scopes),
    )


async def _take_run(platform: Platform, run: Sequence[Judged]) -> set[str]:
    if not run:
        return set()
    try:
        answers = await _store(platform, run)
    except Exception as error:
        if is_transient(error):
            raise
        if len(run) > 1:  # one of them spoils the others: each by itself
            unanswered: set[str] = set()
            for each in run:
                unanswered |= await _take_run(platform, [each])
            return unanswered
        log.exception("intake message failed", place=run[0].place)
        refusal = PlatformError(
            "internal", zh="服务内部出错，消息已保存", en="The service failed inside; the message is kept"
        )
        answers = await _store(platform, [replace(run[0], message=None, refusal=refusal)])
    return await _answer(platform, run, answers)


async def _answer(platform: Platform, run: Sequence[Judged], answers: Sequence[str]) -> set[str]:
    """Send receipts, each unit's to its own topic. One that cannot be written keeps nobody else waiting."""
    by_topic: dict[str, list[Record]] = defaultdict(list)
    for each, answer in zip(run, answers, strict=True):
        by_topic[each.record.topic].append(_receipt(each, answer))
    unanswered = set()
    for topic, receipts in by_topic.items():
        try:
            await platform.bus.publish(receipts)
        except TopicRefused as error:
            log.error("receipts cannot be sent", topic=error.topic, error=str(error), waiting=len(receipts))
            unanswered.add(topic)
    return unanswered


async def _store(platform: Platform, run: Sequence[Judged]) -> list[str]:
    """The answers, in order, after the commit."""
    async with platform.system_unit_of_work() as uow:
        known = await repository.answers(uow.session, [each.place for each in run])
        fresh = [each for each in run if each.place not in known]
        outcomes = await _decide(uow, fresh)
        rows = []
        for each, (status, receipt, problem) in zip(fresh, outcomes, strict=True):
            message_id = rules.clean(each.letter.id, 200) if each.letter.id else None
            answer = rules.answer(each.place, message_id, status, receipt, problem)
            known[each.place] = answer
            rows.append(
                {
                    "place": each.place,
                    "key": rules.clean(each.record.key, 200),
                    "message_id": message_id,
                    "type": rules.clean(each.letter.type, 150),
                    "sender": each.sender_id,
                    "received_at": uow.now,
                    "stored_at": each.record.stored_at,
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
    for index, each in enumerate(run):
        message, sender = each.message, each.sender
        if outcomes[index] is not None or message is None or sender is None:
            continue
        try:
            if message.kind == "violation":
                body = parse(ViolationIn, message.body, today=shanghai_date(each.at))
                pushes.append(Push(sender, body))
                places.append(index)
            else:
                outcomes[index] = await _change(uow, message, sender, each.at)
        except PlatformError as error:
            outcomes[index] = ("refused", None, rules.placed(error, message.place))
    for index, result in zip(places, await intake.record(uow, pushes) if pushes else [], strict=True):
        if isinstance(result, Accepted):
            outcomes[index] = ("repeated" if result.repeated else "recorded", result.receipt, None)
        else:
            judged = run[index].message
            outcomes[index] = ("refused", None, rules.placed(result, judged.place if judged else ""))
    return [outcome for outcome in outcomes if outcome is not None]


async def _change(uow: UnitOfWork, message: rules.Message, sender: Principal, at: datetime) -> Outcome:
    """A correction or withdrawal, inside a savepoint, so that a refusal leaves nothing behind."""
    today = shanghai_date(at)
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
    if each.letter.id:
        headers["ce_causationid"] = each.letter.id
    unit = unit_of(each.record.topic)
    return Record(unit_receipts(unit) if unit else RECEIPTS_TOPIC, each.record.key, answer.encode(), headers)
