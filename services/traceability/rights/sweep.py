"""Judges what was captured before rights were kept, in slices, as soon as the service runs; a kill goes on where the
last slice was committed."""

import asyncio

import structlog
from sqlalchemy import delete, select
from sqlmodel import col

from services.traceability.graph.models import EventEpc
from services.traceability.masterdata.models import Product
from services.traceability.rights import rules, service
from services.traceability.rights.changes import judge_again
from services.traceability.rights.models import RightsSweep
from shared.db import UnitOfWork
from shared.web import Platform

log = structlog.get_logger("rights")
SLICE = 200
"""Nodes of one transaction."""


async def judge_landed(platform: Platform) -> None:
    while True:
        async with platform.system_unit_of_work() as uow:
            going = await _slice(uow)
        if not going:
            break
        await asyncio.sleep(0)
    await asyncio.Event().wait()  # a background task that ends would be started again


async def _slice(uow: UnitOfWork) -> bool:
    """Judge the next nodes; False when all are. One process at a time: the others find its place moved."""
    statement = select(RightsSweep).with_for_update()
    sweep = (await uow.session.execute(statement)).scalar_one_or_none()
    if sweep is None:
        return False
    found = select(col(EventEpc.node)).where(col(EventEpc.node) > sweep.after).distinct()
    nodes = list((await uow.session.execute(found.order_by(col(EventEpc.node)).limit(SLICE))).scalars())
    if not nodes:
        await uow.session.execute(delete(RightsSweep))
        return False
    gtins = {gtin for node in nodes if (gtin := rules.kind_of(node)[1])}
    await service.hold_title(uow.session, *gtins)
    await _claim_landed(uow, gtins)
    await judge_again(uow, nodes)
    sweep.after = nodes[-1]
    uow.session.add(sweep)
    log.info("judged what was captured before", nodes=len(nodes), after=sweep.after[:100])
    return True


async def _claim_landed(uow: UnitOfWork, gtins: set[str]) -> None:
    """GTINs that nobody registered belong to who made something of them first."""
    known = select(col(Product.gtin)).where(col(Product.gtin).in_(gtins))
    unregistered = gtins - set((await uow.session.execute(known)).scalars())
    await service.claim_stored(uow.session, unregistered)
