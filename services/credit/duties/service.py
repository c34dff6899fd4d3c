"""Duties of an area, merged from the three places where they arise, in order of their day."""

from collections.abc import Sequence
from datetime import date

from services.credit.duties.schemas import Duty
from services.credit.listings import repository as listings
from services.credit.recalls import repository as recalls
from services.credit.violations import repository as violations
from shared.db import AsyncSession
from shared.reference import workdays

_WORDS = {
    "notice": ("送达告知书", "Serve the notice"),
    "hearing": ("听取当事人意见", "Hear the party"),
    "decision": ("作出决定", "Decide"),
    "publication": ("公布列入决定", "Publish the listing"),
    "publish": ("公示处罚决定", "Publish the penalty"),
    "finish": ("完成召回", "Finish the recall"),
}
KINDS = ("listing", "recall", "violation")

Place = tuple[date, str, str]
"""Day, kind, id: the sort key of a duty."""


async def page(
    session: AsyncSession, area: str, today: date, *, overdue: bool, after: Place | None, limit: int
) -> Sequence[Duty]:
    """Up to `limit` duties of the area after a place; `overdue`: only those whose day is over."""
    before = today if overdue else None
    found: list[Duty] = []
    for kind in KINDS:
        start = _after(kind, after)
        if kind == "listing":
            found += [
                _duty(
                    kind,
                    row.listing_id,
                    row.due_act or "",
                    row.due_on or today,
                    today,
                    row.uscc,
                    row.party_name,
                    row.area_code,
                    row.authority,
                )
                for row in await listings.duties(session, area, before=before, after=start, limit=limit)
            ]
        elif kind == "violation":
            found += [
                _duty(
                    kind,
                    row.violation_id,
                    "publish",
                    row.due_on or today,
                    today,
                    row.uscc,
                    row.body["document_number"],
                    row.area_code,
                    row.authority,
                )
                for row in await violations.duties(session, area, before=before, after=start, limit=limit)
            ]
        else:
            found += [
                _duty(kind, row.recall_id, "finish", row.finish_by, today, row.uscc, row.number, row.area_code, None)
                for row in await recalls.duties(session, area, before=before, after=start, limit=limit)
            ]
    return sorted(found, key=place)[:limit]


def place(duty: Duty) -> Place:
    return duty.due_on, duty.kind, duty.id


def _after(kind: str, after: Place | None) -> tuple[date, str] | None:
    """Where one kind goes on after a place among all kinds: past every id of that day where the kind came before."""
    if after is None:
        return None
    day, at_kind, at_id = after
    if kind == at_kind:
        return day, at_id
    return (day, "~") if kind < at_kind else (day, "")


def _duty(
    kind: str, id_: str, act: str, due_on: date, today: date, uscc: str, subject: str, area: str, authority: str | None
) -> Duty:
    zh, en = _WORDS[act]
    return Duty(
        kind=kind,
        id=id_,
        act=act,
        zh=zh,
        en=en,
        due_on=due_on,
        overdue=due_on < today,
        overdue_workdays=max(0, workdays.between(due_on, today).days) if due_on < today else 0,
        uscc=uscc,
        subject=subject,
        area_code=area,
        authority=authority,
    )
