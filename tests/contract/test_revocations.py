"""A revoked account's tokens are void in every process of every service, before they expire."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from deploy.topology import SERVICES
from services.gateway.app import create_app as create_gateway
from services.gateway.issuer import service as issuer
from services.gateway.issuer.schemas import ClientChange, NewClient, NewUser
from services.gateway.settings import Settings as GatewaySettings
from shared.bus.replay import replay
from shared.errors import Unauthenticated
from shared.events.gateway import PrincipalRevoked
from tests.support.app import NOW, SECONDS, Harness, running, staff
from tests.support.databases import Backend

LATER = staff("administrator", user="wang")
ADMINISTRATOR = LATER.but(iat=int(NOW.timestamp()) - 1)
"""Whose token is older than the revocation."""
OTHER = staff("administrator", user="li")
BEHIND = [each.name for each in SERVICES if each.name != "gateway"]


def parts(name: str) -> tuple[Callable[..., Any], Any]:
    return (
        importlib.import_module(f"services.{name}.app").create_app,
        importlib.import_module(f"services.{name}.settings").Settings,
    )


@pytest.fixture(params=BEHIND)
async def service(request: pytest.FixtureRequest, backend: Backend) -> AsyncIterator[Harness]:
    create_app, settings = parts(request.param)
    async with running(create_app, settings, backend) as harness:
        yield harness


async def status(harness: Harness, caller: Any) -> tuple[int, str | None]:
    answer = await harness.get(f"/v1/{harness.platform.name}/events/lag", as_=caller)
    return answer.status_code, answer.json().get("code")


async def refused(harness: Harness, caller: Any) -> None:
    """Soon: what was committed is read in the background."""
    async with asyncio.timeout(SECONDS):
        while await status(harness, caller) != (401, "token.revoked"):
            await asyncio.sleep(0.01)


async def test_tokens_of_a_revoked_account_are_refused(service: Harness) -> None:
    assert await status(service, ADMINISTRATOR) == (200, None)  # and is in the verifier's cache from now on
    assert await status(service, OTHER) == (200, None)
    await service.deliver(PrincipalRevoked(principal="user:wang", not_before=NOW))
    await refused(service, ADMINISTRATOR)
    assert await status(service, OTHER) == (200, None)
    assert await status(service, LATER) == (200, None)


async def test_a_revocation_from_a_faster_clock_counts_at_once(service: Harness) -> None:
    """Its instant lies ahead of this process's clock. What is judged as of the past is judged as it was then."""
    assert await status(service, ADMINISTRATOR) == (200, None)
    await service.deliver(PrincipalRevoked(principal="user:wang", not_before=NOW + timedelta(seconds=3)))
    await refused(service, ADMINISTRATOR)
    assert await status(service, LATER.but(iat=int(NOW.timestamp()) + 3)) == (200, None)
    verifier, token = service.platform.verifier, ADMINISTRATOR.token(NOW)
    assert token is not None
    assert (await verifier.principal(token, at=NOW + timedelta(seconds=2))).id == "user:wang"
    with pytest.raises(Unauthenticated):
        await verifier.principal(token, at=NOW + timedelta(seconds=3))


async def test_a_replay_forgets_no_revocation(service: Harness) -> None:
    await service.deliver(PrincipalRevoked(principal="user:wang", not_before=NOW))
    await refused(service, ADMINISTRATOR)
    await replay(service.platform)
    await refused(service, ADMINISTRATOR)
    assert service.rows("SELECT principal FROM revoked_principal") == [("user:wang",)]


async def test_another_process_learns_of_it_and_a_new_one_knows_it(backend: Backend) -> None:
    create_app, settings = parts("credit")
    async with running(create_app, settings, backend) as first:
        url = first.platform.settings.database_url
        async with running(create_app, settings, backend, url=url, worker_id="1") as second:
            assert await status(second, ADMINISTRATOR) == (200, None)
            await first.deliver(PrincipalRevoked(principal="user:wang", not_before=NOW))
            await refused(second, ADMINISTRATOR)
    async with running(create_app, settings, backend, url=url) as third:
        assert await status(third, ADMINISTRATOR) == (401, "token.revoked")


async def test_the_gateway_revokes_and_tells(backend: Backend) -> None:
    """Its own processes read the row that the command wrote; the others get an event."""
    async with running(create_gateway, GatewaySettings, backend) as gateway:
        gateway.may_fail = True  # the upstreams of a gateway that runs alone are down
        client = NewClient(
            client_id="unit-1", name="x", kind="department", department="yt-scjg", area="370600", scopes=["a:b"]
        )
        person = NewUser(username="wang", name="王", department="yt-scjg", area="370600", roles=["administrator"])
        async with gateway.platform.system_unit_of_work() as uow:
            await issuer.add_client(uow, client)
            await issuer.add_user(uow, person)
        assert await status(gateway, ADMINISTRATOR) == (200, None)
        gateway.clock.advance(seconds=1)
        async with gateway.platform.system_unit_of_work() as uow:
            await issuer.revoke_client(uow, "unit-1")
            await issuer.revoke_user(uow, "wang")
        await refused(gateway, ADMINISTRATOR)
        assert await status(gateway, OTHER) == (200, None)
        told = {event.principal: event.not_before for event in gateway.published(PrincipalRevoked)}
        later = NOW + timedelta(seconds=1) + issuer.COMMITTED
        assert told == {"client:unit-1": later, "user:wang": later}


CHANGES = {
    "less": ({"scopes": ["a:b"]}, True),
    "elsewhere": ({"area": "370602"}, True),
    "another department": ({"department": "yt-wjw"}, True),
    "more": ({"scopes": ["a:b", "a:d", "operations:metrics:read"]}, False),
    "another name": ({"name": "y"}, False),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_token_says_no_more_than_its_client_may(backend: Backend, change: str) -> None:
    """What is taken from a client is taken from the tokens that it has; a new one holds at once, in every process."""
    values, ends = CHANGES[change]
    keys = str(backend.folder / "keys" / "jwks.json")
    async with running(create_gateway, GatewaySettings, backend, jwks=keys) as gateway:
        gateway.may_fail = True
        scopes = ["a:b", "operations:metrics:read"]
        client = NewClient(
            client_id="unit-1", name="x", kind="department", department="yt-scjg", area="370600", scopes=scopes
        )
        async with gateway.platform.system_unit_of_work() as uow:
            secret = await issuer.add_client(uow, client)

        async def token() -> dict[str, str]:
            form = {"grant_type": "client_credentials", "client_id": "unit-1", "client_secret": secret}
            answer = await gateway.post("/oauth/token", data=form)
            assert answer.status_code == 200, answer.text
            return {"Authorization": f"Bearer {answer.json()['access_token']}"}

        async def metrics(headers: dict[str, str]) -> tuple[int, str | None]:
            answer = await gateway.get("/metrics", headers=headers)
            return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else None

        gateway.clock.advance(seconds=10.5)
        before = await token()
        assert await metrics(before) == (200, None)
        async with gateway.platform.system_unit_of_work() as uow:
            await issuer.change_client(uow, "unit-1", ClientChange(**values))
        after = await token()
        if ends:
            async with asyncio.timeout(SECONDS):
                while await metrics(before) != (401, "token.revoked"):
                    await asyncio.sleep(0.01)
        assert len(gateway.published(PrincipalRevoked)) == ends
        assert await metrics(after) == ((403, "not_granted") if change == "less" else (200, None))
        assert await metrics(before) == ((401, "token.revoked") if ends else (200, None))
        gateway.clock.advance(seconds=2.2)  # in the second in which the time of the change ends
        assert await metrics(await token()) == await metrics(after)
