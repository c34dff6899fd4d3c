"""What the gateway tells the other services about clients: every version, from when on, and no secret."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.gateway.app import create_app
from services.gateway.issuer import service
from services.gateway.issuer.domain import tell_clients
from services.gateway.issuer.schemas import ClientChange
from services.gateway.settings import Settings
from shared.errors import Conflict
from shared.events.gateway import ClientUpdated
from tests.gateway.conftest import down
from tests.gateway.test_issuer import UNIT, add, issuer
from tests.support.app import NOW, Harness, running
from tests.support.databases import Backend

__all__ = ["issuer"]


async def change(gateway: Harness, **values: Any) -> None:
    async with gateway.platform.system_unit_of_work() as uow:
        await service.change_client(uow, UNIT.client_id, ClientChange(**values))


async def test_each_version_is_told_in_order_with_its_instant(issuer: Harness) -> None:
    await add(issuer, UNIT)
    issuer.clock.advance(hours=1)
    await change(issuer, scopes=["credit:read"], area="370602")
    issuer.clock.advance(hours=-3)  # a clock that was set back
    async with issuer.platform.system_unit_of_work() as uow:
        await service.revoke_client(uow, UNIT.client_id)
    async with issuer.platform.system_unit_of_work() as uow:
        await service.revoke_client(uow, UNIT.client_id)  # says nothing new
        await service.rotate_client(uow, UNIT.client_id)  # a secret is nobody else's business
    told = issuer.published(ClientUpdated)
    assert [each.version for each in told] == [1, 2, 3]
    first, later = told[0].valid_from, told[0].valid_from + timedelta(hours=1)
    assert [each.valid_from for each in told] == [first, later, later]
    assert [(each.area, each.scopes) for each in told] == [
        ("370600", UNIT.scopes),
        ("370602", ["credit:read"]),
        ("370602", ["credit:read"]),
    ]
    assert told[1].revoked_at is None
    assert told[2].revoked_at is not None
    ((bodies,),) = issuer.rows("SELECT count(*) FROM outbox WHERE CAST(data AS text) LIKE '%secret%'")
    assert bodies == 0
    with pytest.raises(Conflict):
        await change(issuer, area="370600")


async def test_changes_at_once_follow_each_other(issuer: Harness) -> None:
    await add(issuer, UNIT)
    await asyncio.gather(*(change(issuer, area=f"37060{digit}") for digit in (2, 0) * 4))
    told = issuer.published(ClientUpdated)
    assert [each.version for each in told] == list(range(1, 10))
    ((area, version),) = issuer.rows("SELECT area, version FROM client")
    assert (area, version) == (told[-1].area, 9)


async def test_clients_that_are_older_than_the_event_are_told_once_at_the_start(sqlite_backend: Backend) -> None:
    url = sqlite_backend.url("gateway")
    async with running(create_app, Settings, sqlite_backend, url=url, **down()) as gateway:
        await add(gateway, UNIT)
        async with gateway.platform.system_unit_of_work() as uow:
            row = await service._client(uow.session, UNIT.client_id)
            row.version, row.changed_at = 0, None  # as the migration leaves it
    async with running(create_app, Settings, sqlite_backend, url=url, **down()) as gateway:
        await tell_clients(gateway.platform)
        told = gateway.published(ClientUpdated)[1:]
        assert [(each.version, each.valid_from) for each in told] == [(1, NOW)]
