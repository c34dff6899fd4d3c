"""The one write path of new violations: one or a thousand, of one sender or many, set-based in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from services.credit.enterprises import service as enterprises
from services.credit.rulebook.rules import GRAVITIES
from services.credit.violations import publication, repository, rules
from services.credit.violations.messages import SeriousViolations
from services.credit.violations.receipts import outlooks_on, receipt
from services.credit.violations.schemas import ViolationIn
from shared import context
from shared.auth import Principal
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.db.types import dumps
from shared.errors import Conflict, FieldError, Forbidden, PlatformError
from shared.events.credit import ViolationRecorded


@dataclass(frozen=True, slots=True)
class Push:
    """One record on its way in, with who sends it and the request that it came with."""

    principal: Principal
    body: ViolationIn
    trace: context.Trace | None = field(default_factory=context.current.get)


@dataclass(frozen=True, slots=True)
class Accepted:
    """`receipt` is JSON text: for a repeated push the bytes of the first answer."""

    receipt: str
    repeated: bool


@dataclass(slots=True)
class _Known:
    """A record under one of its keys: stored before, or earlier in this batch."""

    body: Mapping[str, Any]
    receipt: str
    violation_id: str
    fresh: bool


Result = Accepted | PlatformError


async def record(uow: UnitOfWork, pushes: Sequence[Push]) -> list[Result]:
    """Record pushes, one result for each, in order. A refused one loses only itself.

    The natural key is authority, document number and party; a sender's own `external_id` is a second one. The same
    content again is answered with the first receipt, other content under a key is a conflict.
    """
    results: list[Result | None] = [_refusal(push) for push in pushes]
    bodies = [push.body.stored(push.principal.department or "") for push in pushes]
    keys = [_keys(push, body) for push, body in zip(pushes, bodies, strict=True)]
    open_ = [index for index, result in enumerate(results) if result is None]
    # Nearly all are new, so the insert itself is the first look. What it left out is there: the second look finds it.
    known: dict[str, _Known] = {}
    while open_:
        rows, rest = _judge(uow, pushes, bodies, keys, open_, known, results)
        lost = await repository.insert_new(uow.session, list(rows.values())) if rows else set()
        await _consequences(uow, [(pushes[i].trace, row) for i, row in rows.items() if row["violation_id"] not in lost])
        open_ = [index for index in open_ if rest.get(index) in lost]
        known = await _known(uow, [keys[index] for index in open_]) if open_ else {}
    _audit(uow, pushes, results)
    return [result for result in results if result is not None]


def _refusal(push: Push) -> PlatformError | None:
    """403 where the sender may not record this: another department's decision, another area."""
    principal, body = push.principal, push.body
    if principal.department is None or body.authority not in (None, principal.department):
        return Forbidden(
            "department",
            zh=f"只能报送本部门（{principal.department or '无'}）作出的处罚决定",
            en=f"You may record decisions of your own department ({principal.department or 'none'}) only",
            errors=[FieldError("/authority", "department", "不是本部门", "Not your department")],
        )
    if not principal.may_in(body.area_code):
        return Forbidden(
            "area",
            zh=f"只能报送本地区（{principal.area or '无'}）及其下级地区的案件，{body.area_code} 不在其内",
            en=f"You may record cases of your own area ({principal.area or 'none'}) and those below it; "
            f"{body.area_code} is outside",
            errors=[FieldError("/area_code", "area", "不在本地区", "Outside your area")],
        )
    return None


def external_key(department: str | None, external_id: str) -> str:
    return f"{department}#{external_id}"


def _keys(push: Push, body: Mapping[str, Any]) -> tuple[str, str | None]:
    external = body["external_id"]
    return (
        rules.natural_key(body["authority"], body["document_number"], body["uscc"]),
        external_key(push.principal.department, external) if external else None,
    )


async def _known(uow: UnitOfWork, keys: Sequence[tuple[str, str | None]]) -> dict[str, _Known]:
    rows = await repository.first_pushes(
        uow.session, {key for key, _ in keys}, {external for _, external in keys if external}
    )
    known: dict[str, _Known] = {}
    for row in rows:
        found = _Known(row.body, row.receipt, row.violation_id, fresh=False)
        known[row.natural_key] = found
        if row.external_key:
            known[row.external_key] = found
    return known


def _judge(
    uow: UnitOfWork,
    pushes: Sequence[Push],
    bodies: Sequence[dict[str, Any]],
    keys: Sequence[tuple[str, str | None]],
    open_: Sequence[int],
    known: dict[str, _Known],
    results: list[Result | None],
) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
    """Decide each open push against what is known. Answers the rows to insert, and for each push whose result rests on
    one of them the id of that record."""
    outlooks = outlooks_on(shanghai_date(uow.now))
    rows: dict[int, dict[str, Any]] = {}
    rest: dict[int, str] = {}
    for index in open_:
        body, (natural, external) = bodies[index], keys[index]
        there = known.get(natural) or (known.get(external) if external else None)
        if there is not None:
            results[index] = _again(there, body)
            if there.fresh:
                rest[index] = there.violation_id
            continue
        outlook, acts = outlooks.of(body)
        violation_id = uow.id()
        text = dumps(receipt(violation_id, 1, body, outlook, uow.now, acts, status="recorded"))
        rows[index] = {
            "violation_id": violation_id,
            "version": 1,
            "natural_key": natural,
            "external_key": external,
            "uscc": body["uscc"],
            "authority": body["authority"],
            "area_code": body["area_code"],
            "gravity": outlook.gravity,
            "heavy": outlook.heavy,
            "publishable": outlook.publishable,
            "state": "recorded" if outlook.publishable else "kept",
            "body": body,
            "receipt": text,
            "reason": None,
            "recorded_by": pushes[index].principal.id,
            "valid_from": pushes[index].body.decision_date,
            "known_from": uow.now,
            "known_to": None,
            "due_act": "publish" if outlook.publish_by else None,
            "due_on": outlook.publish_by.on if outlook.publish_by else None,
        }
        rest[index] = violation_id
        results[index] = Accepted(text, repeated=False)
        stored = _Known(body, text, violation_id, fresh=True)
        known[natural] = stored
        if external:
            known[external] = stored
    return rows, rest


def _again(there: _Known, body: Mapping[str, Any]) -> Result:
    differing = rules.differences(there.body, body)
    if not differing:
        return Accepted(there.receipt, repeated=True)
    way = f"/v1/credit/violations/{there.violation_id}/corrections"
    return Conflict(
        "violation_exists",
        zh=f"同一决定已报送，内容不同：{'、'.join(differing)}；如需更正，请 POST {way}",
        en=f"This decision was recorded with other content: {', '.join(differing)}; to correct it, POST {way}",
        errors=[
            FieldError(f"/{name}", "differs", "与已报送的不同", "Differs from what was recorded") for name in differing
        ],
        violation_id=there.violation_id,
        differing=differing,
        correction=way,
    )


async def _consequences(uow: UnitOfWork, recorded: Sequence[tuple[context.Trace | None, Mapping[str, Any]]]) -> None:
    """What follows from new records: unknown parties are registered, everybody is told, the red list is cleared."""
    if not recorded:
        return
    rows = [row for _, row in recorded]
    parties = {
        row["uscc"]: enterprises.Party(row["body"]["party_name"], row["body"]["party_area_code"]) for row in rows
    }
    await enterprises.ensure(uow, parties, rows[0]["recorded_by"])
    for trace, group in groupby(recorded, key=itemgetter(0)):
        with context.of(trace):
            uow.publish(*(publication.event(ViolationRecorded, row) for _, row in group))
    serious = {row["uscc"]: row["violation_id"] for row in rows if is_serious(row["gravity"], row["heavy"])}
    if serious:
        await uow.tell(SeriousViolations(serious, "发生严重违法"))


def is_serious(gravity: str, heavy: bool) -> bool:
    return heavy or gravity == GRAVITIES[-1]


def _audit(uow: UnitOfWork, pushes: Sequence[Push], results: Sequence[Result | None]) -> None:
    """One entry for each sender and transaction, naming its records."""
    by_sender: dict[str, tuple[Push, list[str]]] = {}
    for push, result in zip(pushes, results, strict=True):
        if isinstance(result, Accepted) and not result.repeated:
            by_sender.setdefault(push.principal.id, (push, []))[1].append(push.body.document_number)
    before = uow.principal
    for first, documents in by_sender.values():
        uow.principal = first.principal
        subject = documents[0] if len(documents) == 1 else f"{len(documents)} violations"
        with context.of(first.trace):
            uow.audit("violation.record", subject=subject, detail={"documents": documents})
    uow.principal = before
