"""The rulebook, for everybody."""

from dataclasses import asdict
from datetime import date
from typing import Annotated

from fastapi import Query

from services.credit.rulebook.data import rulebook
from services.credit.rulebook.schemas import GroundOut, NamedOut, PenaltyKindOut, RulebookOut, RuleOut
from shared.auth import Public
from shared.clock import shanghai_date
from shared.web import CurrentPlatform, Router, allow, problem

router = Router(prefix="/v1/credit", tags=["rulebook"])


@router.get("/rulebook", responses=problem(422))
@allow(Public())
async def read(platform: CurrentPlatform, on: Annotated[date | None, Query()] = None) -> RulebookOut:
    """The rules, grounds, penalty kinds and regulatory fields in force on a day (today where none is given)."""
    book = rulebook()
    day = on or shanghai_date(platform.clock.now())
    applied = {rule.code: book.find(rule.code, on=day).applied for rule in book.in_force(day)}
    return RulebookOut(
        on=day,
        rules=[
            RuleOut(**asdict(rule), valid_from=rule.from_, valid_until=rule.until, applied=applied[rule.code] is rule)
            for rule in book.in_force(day)
        ],
        grounds=[GroundOut(**asdict(ground)) for ground in book.grounds.values() if ground.holds(day)],
        penalty_kinds=[PenaltyKindOut(**asdict(kind)) for kind in book.penalties.values()],
        fields=[NamedOut(**asdict(field)) for field in book.fields.values()],
    )
