"""Use cases of the enterprises: state something about a subject, register an unknown party, find a subject."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.credit.enterprises import repository, rules
from services.credit.enterprises.models import Enterprise
from services.credit.enterprises.schemas import EnterpriseIn, EnterpriseReceipt
from shared.auth import Principal
from shared.clock import shanghai_date
from shared.db import AsyncSession, UnitOfWork
from shared.errors import Forbidden, PlatformError
from shared.events.credit import EnterpriseUpdated
from shared.identifiers import uscc
from shared.identifiers.errors import plain
from shared.reference import areas
from shared.wiring import Kept, Wiring

_REGISTERED: Kept[Wiring, set[str]] = Kept(lambda _: set())
_MOST_REGISTERED = 100_000


@dataclass(frozen=True)
class Party:
    """What a violation says about its party."""

    name: str
    area_code: str


async def ensure(uow: UnitOfWork, parties: Mapping[str, Party], recorded_by: str) -> None:
    """Register the parties that the register does not know: active, flagged as taken from a violation, in the area that
    it tells where the code does not show another one.

    A subject never leaves the register, so each process asks about it once.
    """
    registered = _REGISTERED.of(uow.wiring)
    unknown = parties.keys() - registered
    if not unknown:
        return
    today = shanghai_date(uow.now)
    rows: list[dict[str, Any]] = [
        {
            "uscc": code,
            "version": 1,
            "name": party.name,
            "former_names": [],
            "area_code": party.area_code if areas.registered_near(code, party.area_code) else uscc.USCC(code).area_code,
            "industry_code": None,
            "state": "active",
            "chief_quality_officer": False,
            "source": "violation",
            "valid_from": today,
            "known_from": uow.now,
            "known_to": None,
            "recorded_by": recorded_by,
        }
        for code, party in parties.items()
        if code in unknown
    ]
    new = await repository.insert_first(uow.session, rows)
    uow.publish(*(_updated(row) for row in rows if row["uscc"] in new))

    def remember() -> None:
        if len(registered) > _MOST_REGISTERED:
            registered.clear()
        registered.update(unknown)

    uow.after_commit(remember)


async def state(
    uow: UnitOfWork, statements: Sequence[tuple[str, EnterpriseIn]], principal: Principal
) -> list[EnterpriseReceipt | PlatformError]:
    """Store statements about subjects, one result for each, in order; all set-based."""
    present: dict[str, Enterprise] = await repository.held(uow.session, {code for code, _ in statements})
    latest: dict[str, Any] = dict(present)
    rows: dict[str, dict[str, Any]] = {}
    results: list[EnterpriseReceipt | PlatformError] = []
    for code, body in statements:
        before = latest.get(code)
        try:
            _may_state(principal, code, before, body)
        except PlatformError as error:
            results.append(error)
            continue
        row = _row(uow, code, before, body, principal)
        if before is not None and not rules.changes(before, row):
            results.append(
                EnterpriseReceipt(uscc=code, version=before.version, changed=False, known_from=before.known_from)
            )
            continue
        if code in rows:
            # Twice in one batch: the later statement of one transaction is the one that counts.
            row["version"] = rows[code]["version"]
        rows[code] = row
        latest[code] = _Row(row)
        results.append(EnterpriseReceipt(uscc=code, version=row["version"], changed=True, known_from=uow.now))
    await repository.store(uow.session, list(rows.values()))
    uow.publish(*(_updated(row) for row in rows.values()))
    if rows:
        codes = sorted(rows)
        uow.audit(
            "enterprise.state",
            subject=codes[0] if len(codes) == 1 else f"{len(codes)} enterprises",
            detail={"uscc": codes},
        )
    return results


class _Row:
    """A row that is not stored yet, read like one that is."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.__dict__.update(row)


def _may_state(principal: Principal, code: str, before: Enterprise | None, body: EnterpriseIn) -> None:
    """A subject is of the area that states it; of none yet, of the one whose authority registered it (GB 32100-2015:
    the third to eighth character). A department far away would else become the supervisor of any firm that this
    register does not know."""
    principal.require_area(body.area_code)
    if before is None or before.source != "register":
        registered = uscc.parse(code, nonconforming_ok=True).area_code
        if (
            areas.is_code(registered)
            and not principal.may_in(registered)
            and not areas.is_within(body.area_code, registered)
        ):
            raise Forbidden(
                "area",
                zh=f"代码显示该主体由 {registered} 的机关登记，不在本地区；请由该地区或其上级先登记，迁出后再写入",
                en=f"Its code says that an authority of {registered} registered this subject, outside your area; that "
                "area or one above it states it first, and moved_out when it has moved",
            )
    elif before.state != "moved_out" and not principal.may_in(before.area_code):
        raise Forbidden(
            "area",
            zh=f"该主体登记在 {before.area_code}，不在本地区；由该地区登记为“迁出”后再写入",
            en=f"This subject is registered in {before.area_code}, outside your area; that area states moved_out first",
        )


def _row(
    uow: UnitOfWork, code: str, before: Enterprise | None, body: EnterpriseIn, principal: Principal
) -> dict[str, Any]:
    return {
        "uscc": code,
        "version": before.version + 1 if before else 1,
        "name": plain(body.name),
        "former_names": rules.former_names(before, plain(body.name), [plain(name) for name in body.former_names]),
        "area_code": body.area_code,
        "industry_code": body.industry_code,
        "state": body.state,
        "chief_quality_officer": body.chief_quality_officer,
        "source": "register",
        "valid_from": body.valid_from or shanghai_date(uow.now),
        "known_from": uow.now,
        "known_to": None,
        "recorded_by": principal.id,
    }


def _updated(row: Mapping[str, Any]) -> EnterpriseUpdated:
    return EnterpriseUpdated(
        uscc=row["uscc"],
        name=row["name"],
        former_names=row["former_names"],
        area_code=row["area_code"],
        industry_code=row["industry_code"],
        state=row["state"],
        chief_quality_officer=row["chief_quality_officer"],
        source=row["source"],
    )


async def find(session: AsyncSession, q: str, after: str | None, limit: int) -> Sequence[Enterprise]:
    """Subjects by code, by the beginning of a code, or by a part of a present or former name; in code order.

    Bigrams find candidates; that the part really stands in a name is then checked here.
    """
    text = rules.fold(q)
    if not text:
        return await repository.all_of(session, after, limit)
    if text.isascii() and len(text) >= 2 and text[:2].isalnum() and any(char.isdigit() for char in text[:2]):
        coded = await repository.by_prefix(session, text[:18], after, limit)
        if coded or after is not None:
            return coded
    found: list[Enterprise] = []
    grams = rules.query_bigrams(text)
    while len(found) < limit:
        if len(text) == 1:
            rows = await repository.by_first_character(session, text, after, limit)
        else:
            rows = await repository.by_bigrams(session, grams, after, limit)
        found += [row for row in rows if any(text in rules.fold(name) for name in (row.name, *row.former_names))]
        if len(rows) < limit:
            break
        after = rows[-1].uscc
    return found[:limit]
