"""What follows when it changes whose a GTIN or a GLN is, or when a claim is decided: words are judged anew."""

from collections.abc import Collection

from services.traceability.rights import nodes as nodes_to_judge
from services.traceability.rights import service
from services.traceability.rights.messages import Judged
from shared.db import UnitOfWork


async def judge_again(uow: UnitOfWork, nodes: Collection[str]) -> None:
    if not nodes:
        return
    await uow.session.flush()
    await uow.tell(Judged(nodes, await service.rejudge(uow.session, nodes)))


async def titles_changed(uow: UnitOfWork, gtins: Collection[str]) -> None:
    """The GTINs have another owner, or other makers, than before."""
    await judge_again(uow, await nodes_to_judge.of_gtins(uow.session, gtins))


async def places_changed(uow: UnitOfWork, glns: Collection[str]) -> None:
    await judge_again(uow, await nodes_to_judge.naming(uow.session, glns))


async def party_placed(uow: UnitOfWork, uscc: str) -> None:
    """The firm is registered, or elsewhere than before."""
    await judge_again(uow, await nodes_to_judge.of_authorities(uow.session, uscc))
