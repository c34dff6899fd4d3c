"""What each kind of reader sees of a violation."""

from datetime import datetime
from typing import Any

from services.credit.enterprises import repository as enterprises
from services.credit.rulebook.data import rulebook
from services.credit.violations import repository, rules
from services.credit.violations.models import Violation
from services.credit.violations.publication import authority_name
from services.credit.violations.schemas import VersionOut, ViolationFile, ViolationOut
from shared.auth import Principal
from shared.auth.reading import CREDIT
from shared.clock import shanghai_date
from shared.db import AsyncSession
from shared.errors import NotFound


async def one(session: AsyncSession, violation_id: str, principal: Principal, now: datetime) -> ViolationOut:
    row = await repository.current(session, violation_id)
    if row is not None:
        if CREDIT.admits(principal):
            enterprise = await enterprises.get(session, row.uscc)
            if CREDIT.shows(principal, row.area_code, enterprise.area_code if enterprise else None):
                return await _file(session, row)
        own = principal.kind == "enterprise" and principal.uscc == row.uscc
        if own or rules.is_public(row, valid=shanghai_date(now), known=now):
            return summary(row)
    raise NotFound("violation", zh="没有公开的这条记录", en="No such public record")


def words(kinds: list[str]) -> tuple[str, str]:
    known = rulebook().penalties
    return "、".join(known[kind].zh for kind in kinds), ", ".join(known[kind].en for kind in kinds)


def _fields(row: Violation) -> dict[str, Any]:
    body = row.body
    zh, en = words(body["penalty_kinds"])
    return {
        **{name: body[name] for name in ViolationOut.model_fields if name in body},
        "violation_id": row.violation_id,
        "version": row.version,
        "authority": row.authority,
        "authority_name": authority_name(row.authority),
        "penalties_zh": zh,
        "penalties_en": en,
        "published_on": row.published_on,
        "expires_on": row.expires_on,
        "state": row.state,
    }


def summary(row: Violation) -> ViolationOut:
    return ViolationOut(**_fields(row))


async def _file(session: AsyncSession, row: Violation) -> ViolationFile:
    versions = await repository.versions(session, row.violation_id)
    return ViolationFile(
        **_fields(row),
        gravity=row.gravity,
        heavy=row.heavy,
        publishable=row.publishable,
        due_act=row.due_act,
        due_on=row.due_on,
        ended_on=row.ended_on,
        end_reason=row.end_reason,
        external_id=row.body["external_id"],
        versions=[
            VersionOut(
                version=each.version,
                known_from=each.known_from,
                known_to=each.known_to,
                state=each.state,
                reason=each.reason,
                body=each.body,
            )
            for each in versions
        ],
    )
