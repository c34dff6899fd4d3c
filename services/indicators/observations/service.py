"""Taking in figures: read, check, compare with what is known, store, say what became of each row."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.indicators.areas import service as areas
from services.indicators.catalogue import repository as catalogue
from services.indicators.catalogue.locks import lock
from services.indicators.catalogue.rules import rule_of
from services.indicators.observations import repository
from services.indicators.observations.models import Observation
from services.indicators.observations.reading import Draft, read
from services.indicators.observations.rules import World, content_digest, series_key
from services.indicators.observations.schemas import REQUIRED, BatchOut, ErrorOut, Verdict
from shared.auth import Principal
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.errors import MOST_ERRORS_OF_AN_ITEM, Conflict, FieldError, Forbidden, Invalid, PlatformError
from shared.i18n import Lang
from shared.web import Receipt


@dataclass(frozen=True)
class Revision:
    """The columns of a new `Observation`, as a plain object: an ORM instance costs half a millisecond."""

    observation_id: str
    series_key: str
    revision: int
    target_id: str
    area_code: str | None
    area_name: str | None
    within: str | None
    breakdown: str | None
    category: str | None
    period_from: date | None
    period_to: date | None
    n: int | None
    passed: int | None
    value: Decimal | None
    grade: str | None
    state: str | None
    components: dict[str, Any] | None
    source: str
    note: str | None
    reason: str | None
    external_id: str | None
    submitted_by: str
    department: str | None
    digest: str
    known_from: datetime
    known_to: datetime | None = None


Outcome = tuple[str, Observation | Revision]
"""`accepted | revised | repeated` with the row that answers for it."""
CONFLICTS = ("revision.reason", "external_id.used", "row.twice")


async def submit_one(uow: UnitOfWork, raw: Any) -> tuple[Receipt, bool]:
    """The receipt, and whether anything was stored (a repeat stores nothing and gets the receipt of the first)."""
    drafts, outcomes = await _submit(uow, [(None, raw)], prefix=(), dry_run=False, atomic=True)
    if drafts[0].errors:
        raise _as_error(drafts[0].errors)
    assert outcomes[0] is not None
    verdict, row = outcomes[0]
    return receipt_of(row), verdict != "repeated"


async def submit_batch(
    uow: UnitOfWork, rows: Sequence[tuple[int | None, Any]], *, dry_run: bool, atomic: bool, lang: Lang
) -> BatchOut:
    """One verdict for each row, in order; with `atomic` one bad row keeps all of them out."""
    drafts, outcomes = await _submit(uow, rows, prefix=("items",), dry_run=dry_run, atomic=atomic)
    held = atomic and any(draft.errors for draft in drafts)
    verdicts = []
    for draft, outcome in zip(drafts, outcomes, strict=True):
        verdict, row = outcome if outcome is not None else ("rejected", None)
        if isinstance(row, Revision) and (held or dry_run):  # it is nowhere, so it has no receipt
            verdict, row = "not_stored" if held else verdict, None
        verdicts.append(
            Verdict(
                index=draft.index,
                line=draft.line,
                verdict=verdict,
                external_id=draft.body.external_id,
                receipt=receipt_of(row) if row is not None else None,
                errors=[ErrorOut(**error.to_dict(lang)) for error in draft.errors[:MOST_ERRORS_OF_AN_ITEM]],
            )
        )
    stored = 0 if held or dry_run else sum(1 for each in verdicts if each.verdict in ("accepted", "revised"))
    rejected = sum(1 for each in verdicts if each.verdict == "rejected")
    return BatchOut(dry_run=dry_run, atomic=atomic, stored=stored, rejected=rejected, verdicts=verdicts)


async def _submit(
    uow: UnitOfWork, rows: Sequence[tuple[int | None, Any]], *, prefix: tuple[str, ...], dry_run: bool, atomic: bool
) -> tuple[list[Draft], list[Outcome | None]]:
    today = shanghai_date(uow.now)
    known = await catalogue.known(uow.session, today, uow.now)
    world = World({row.target_id: rule_of(row.body, row.digest) for row in known}, areas.facts, today, REQUIRED)
    drafts = [
        read(raw, index, world, (*prefix, index) if prefix else (), line) for index, (line, raw) in enumerate(rows)
    ]
    for draft in drafts:
        if not draft.errors and (refusal := _refusal(uow.principal, draft, _at(prefix, draft))) is not None:
            draft.errors.append(refusal)
    outcomes = await _decide(uow, drafts, prefix, dry_run=dry_run)
    if not dry_run and not (atomic and any(draft.errors for draft in drafts)):
        await _store(uow, drafts, outcomes)
    return drafts, outcomes


def _at(prefix: tuple[str, ...], draft: Draft) -> str:
    return f"/{prefix[0]}/{draft.index}" if prefix else ""


def _refusal(principal: Principal, draft: Draft, at: str) -> FieldError | None:
    """The quality office may enter figures of any area, for comparison too; a department only inside its own."""
    if principal.kind == "staff":
        return None
    code = draft.body.area_code or draft.body.within
    if principal.may_in(code):
        return None
    return FieldError(
        f"{at}/area_code" if draft.body.area_code else f"{at}/within",
        "area.forbidden",
        f"只能报送本地区（{principal.area or '无'}）及其下级地区的数据",
        f"You may report figures of your own area ({principal.area or 'none'}) and those below it",
    )


async def _decide(
    uow: UnitOfWork, drafts: Sequence[Draft], prefix: tuple[str, ...], *, dry_run: bool
) -> list[Outcome | None]:
    """What each good row is: new, a repeat, a revision. Rows that contradict what is known get an error."""
    good = [draft for draft in drafts if not draft.errors]
    keys = {draft.index: series_key(draft.body, draft.period) for draft in good}
    if not dry_run:
        await lock(uow.session, (f"series:{key}" for key in keys.values()))
    current = await repository.current(uow.session, set(keys.values()))
    externals = {draft.body.external_id for draft in good if draft.body.external_id is not None}
    used = await repository.series_of_external(uow.session, uow.principal.id, externals)
    fresh: dict[str, Revision] = {}
    outcomes: list[Outcome | None] = [None] * len(drafts)
    for draft in good:
        key, at = keys[draft.index], _at(prefix, draft)
        digest = content_digest(draft.body, draft.body.note)
        before, twin, external = current.get(key), fresh.get(key), draft.body.external_id
        if external is not None and used.get(external, key) != key:
            draft.errors.append(
                FieldError(
                    f"{at}/external_id",
                    "external_id.used",
                    f"外部编号“{external}”已用于另一项数据",
                    f'The external id "{external}" was used for another figure',
                )
            )
        elif twin is not None and twin.digest != digest:
            draft.errors.append(
                FieldError(
                    f"{at}/period",
                    "row.twice",
                    "同一项数据在本批中出现两次且不同",
                    "The same figure is in this batch twice, and differs",
                )
            )
        elif twin is not None:
            outcomes[draft.index] = ("repeated", twin)
        elif before is not None and before.digest == digest:
            outcomes[draft.index] = ("repeated", before)
        elif before is not None and draft.body.reason is None:
            draft.errors.append(
                FieldError(
                    f"{at}/reason",
                    "revision.reason",
                    f"与已登记的第{before.revision}版不同；如要修订，请写明 reason",
                    f"It differs from revision {before.revision} on record; to revise it, give a reason",
                )
            )
        else:
            row = _row(uow, draft, key, digest, before)
            fresh[key] = row
            outcomes[draft.index] = ("revised" if before is not None else "accepted", row)
            if external is not None:
                used[external] = key
    return outcomes


def _row(uow: UnitOfWork, draft: Draft, key: str, digest: str, before: Observation | None) -> Revision:
    body, period = draft.body, draft.period
    return Revision(
        observation_id=uow.id(),
        series_key=key,
        revision=before.revision + 1 if before else 1,
        target_id=body.target_id or "",
        area_code=body.area_code,
        area_name=body.area_name if body.area_code is None else None,
        within=body.within,
        breakdown=body.breakdown,
        category=body.category,
        period_from=period.start if period else None,
        period_to=period.end if period else None,
        n=body.n,
        passed=body.passed,
        value=body.value,
        grade=body.grade,
        state=body.state,
        components=body.components.model_dump(exclude_none=True) if body.components else None,
        source=body.source or "",
        note=body.note,
        reason=body.reason,
        external_id=body.external_id,
        submitted_by=uow.principal.id,
        department=uow.principal.department,
        digest=digest,
        known_from=uow.now,
    )


async def _store(uow: UnitOfWork, drafts: Sequence[Draft], outcomes: Sequence[Outcome | None]) -> None:
    rows = {
        row.observation_id: row
        for draft, outcome in zip(drafts, outcomes, strict=True)
        if outcome is not None and outcome[0] in ("accepted", "revised") and isinstance(row := outcome[1], Revision)
    }
    if not rows:
        return
    revised = {row.series_key for row in rows.values() if row.revision > 1}
    before = await repository.current(uow.session, revised)
    await repository.close(uow.session, [row.observation_id for row in before.values()], uow.now)
    await repository.add(uow.session, [vars(row) for row in rows.values()])
    _audit(uow, list(rows.values()))
    touched = {(row.target_id, area) for row in rows.values() if (area := row.area_code or row.within) is not None}
    uow.touch("light", *sorted(touched))


def _audit(uow: UnitOfWork, rows: Sequence[Revision]) -> None:
    """One entry for the new figures of each target, one for each revision; who reported what stands in the row too."""
    fresh = Counter(row.target_id for row in rows if row.revision == 1)
    for target_id, count in fresh.items():
        uow.audit("observation.record", subject=target_id, detail={"rows": count})
    for row in rows:
        if row.revision > 1:
            detail = {"target": row.target_id, "revision": row.revision, "reason": row.reason}
            uow.audit("observation.revise", subject=row.observation_id, detail=detail)


def receipt_of(row: Observation | Revision) -> Receipt:
    """The same for every repeat: it tells the row that was stored."""
    links = {"self": f"/v1/indicators/observations/{row.observation_id}"}
    if row.area_code is not None:
        links["status"] = f"/v1/indicators/targets/{row.target_id}/status?area={row.area_code}"
    return Receipt(
        id=row.observation_id,
        external_id=row.external_id,
        version=row.revision,
        status="provisional",
        links=links,
        detail={
            "target_id": row.target_id,
            "area_code": row.area_code,
            "period_from": row.period_from.isoformat() if row.period_from else None,
            "period_to": row.period_to.isoformat() if row.period_to else None,
            "approval": "暂定：尚未经审核批准 / provisional: not approved yet",
        },
    )


def _as_error(errors: Sequence[FieldError]) -> PlatformError:
    """One row by itself: out of the area is 403, against what is on record 409, all else 422."""
    first = errors[0]
    if first.code == "area.forbidden":
        return Forbidden("area", zh=first.zh, en=first.en, errors=errors)
    if all(error.code in CONFLICTS for error in errors):
        return Conflict(first.code, zh=first.zh, en=first.en, errors=errors)
    return Invalid(errors)
