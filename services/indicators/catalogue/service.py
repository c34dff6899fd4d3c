"""Loading the shipped catalogue and reading it as of a day."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.indicators.catalogue import repository, rules
from services.indicators.catalogue.locks import lock
from services.indicators.catalogue.models import TargetVersion
from shared.clock import start_of_day
from shared.db import UnitOfWork
from shared.events.indicators import TargetChanged


async def load(uow: UnitOfWork, catalogue: Mapping[str, Any]) -> int:
    """Make new versions of the rows that are new or changed, and announce them; how many there were.

    The plan is known from the day it was published: a register that begins empty takes it over with that day. What
    changes later is known from the moment of loading, so that no answer about the past changes.
    """
    await lock(uow.session, ["catalogue"])
    before = {row.target_id: row for row in await repository.current(uow.session)}
    bodies = rules.bodies(catalogue)
    changed = rules.changed(bodies, {target_id: row.digest for target_id, row in before.items()})
    if not changed:
        return 0
    rows = []
    for body in changed:
        old = before.get(body["id"])
        day = rules.valid_from(body)
        rows.append(
            TargetVersion(
                target_id=body["id"],
                version=old.version + 1 if old else 1,
                position=body["position"],
                valid_from=day,
                known_from=uow.now if before else start_of_day(day),
                digest=rules.digest(body),
                body=dict(body),
            )
        )
    await repository.close(uow.session, [before[row.target_id] for row in rows if row.target_id in before], uow.now)
    await repository.add(uow.session, rows)
    uow.publish(*(_event(row) for row in rows))
    uow.audit(
        "catalogue.load",
        subject=str(catalogue["source"]["title"]),
        detail={"version": catalogue["version"], "rows": len(rows)},
    )
    uow.invalidate("catalogue")
    return len(rows)


def _event(row: TargetVersion) -> TargetChanged:
    body = row.body
    return TargetChanged(
        target_id=row.target_id,
        version=row.version,
        position=row.position,
        name=body["name"],
        name_en=body["name_en"],
        section=body["section"],
        quote=body["quote"],
        comparator=body["rule"]["kind"],
        goal=body["goal"],
        goal_en=body["goal_en"],
        unit=body["unit"],
        deadline=body["deadline"],
        lead_departments=body["lead_departments"],
        departments=body["departments"],
        has_figure=body["has_figure"],
    )


def matching(
    rows: Sequence[TargetVersion], *, section: str | None, department: str | None, kind: str | None
) -> list[TargetVersion]:
    """Rows of a section (or of one that begins with it), a responsible department, a comparator."""
    return [
        row
        for row in rows
        if (section is None or row.body["section"].startswith(section))
        and (department is None or department in (*row.body["lead_departments"], *row.body["departments"]))
        and (kind is None or row.body["rule"]["kind"] == kind)
    ]
