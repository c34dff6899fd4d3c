"""What follows from what between the domains of credit."""

from services.credit.listings import removal
from services.credit.violations.messages import PenaltiesFell, SeriousViolations
from shared.consequences import Consequences
from shared.db import UnitOfWork


async def _end_what_rested_on(uow: UnitOfWork, fell: PenaltiesFell) -> list[tuple[str, str]]:
    return await removal.revoke_for(uow, fell.violation_ids, fell.why)


async def _clear_the_red_list(uow: UnitOfWork, serious: SeriousViolations) -> list[str]:
    return await removal.clear_red(uow, serious.causes, serious.why)


CONSEQUENCES: Consequences = {
    PenaltiesFell: [_end_what_rested_on],
    SeriousViolations: [_clear_the_red_list],
}
