"""What follows from what between the domains of traceability, and what is refreshed when it was touched."""

from services.traceability.epcis.lots import date_confirmed
from services.traceability.recalls.service import follow
from services.traceability.rights.messages import Judged
from services.traceability.verdicts.service import refresh_lots, refresh_recalls
from shared.consequences import Consequences, Refreshers
from shared.db import UnitOfWork


async def _follow_words(uow: UnitOfWork, judged: Judged) -> None:
    """Lots are known by the words that count now, recalls grow by what they lead to, and verdicts follow."""
    await date_confirmed(uow, judged.changed)
    await follow(uow, {*judged.nodes, *(row.node for row in judged.changed)}, grows=bool(judged.changed))


CONSEQUENCES: Consequences = {Judged: [_follow_words]}
REFRESHERS: Refreshers = {"lot": refresh_lots, "recall": refresh_recalls}
"""A lot of which something is known anew; a recall, and so all of its lots."""
