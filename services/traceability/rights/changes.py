"""What follows when it changes whose a GTIN or a GLN is, or when a claim is decided: words are judged anew, and lots,
recalls and verdicts follow."""

from collections.abc import Collection

from services.traceability.epcis.lots import date_confirmed
from services.traceability.graph import repository as graph
from services.traceability.recalls.service import extend
from services.traceability.rights import nodes as nodes_to_judge
from services.traceability.rights import service
from services.traceability.verdicts.service import publish_lots
from shared.db import UnitOfWork


async def judge_again(uow: UnitOfWork, nodes: Collection[str]) -> list[str]:
    """Returns the lots whose way may have changed."""
    if not nodes:
        return []
    await uow.session.flush()
    changed = await service.rejudge(uow.session, nodes)
    await date_confirmed(uow, changed)
    named = {*nodes, *(row.node for row in changed)}
    concerned = await graph.concerned_lots(uow.session, named)
    if changed:
        await extend(uow, concerned, await graph.said_inside(uow.session, named))
    return concerned


async def titles_changed(uow: UnitOfWork, gtins: Collection[str]) -> None:
    """The GTINs have another owner, or other makers, than before."""
    await publish_lots(uow, await judge_again(uow, await nodes_to_judge.of_gtins(uow.session, gtins)))


async def places_changed(uow: UnitOfWork, glns: Collection[str]) -> None:
    await publish_lots(uow, await judge_again(uow, await nodes_to_judge.naming(uow.session, glns)))


async def party_placed(uow: UnitOfWork, uscc: str) -> None:
    """The firm is registered, or elsewhere than before."""
    await publish_lots(uow, await judge_again(uow, await nodes_to_judge.of_authorities(uow.session, uscc)))
