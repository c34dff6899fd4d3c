"""The embedded issuer: tokens that every service accepts, and refusals in the words of RFC 6749."""

import asyncio
import stat
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from services.gateway.app import create_app
from services.gateway.issuer import rules, secrets, service
from services.gateway.issuer.attempts import Attempts
from services.gateway.issuer.schemas import NewClient, NewUser
from services.gateway.settings import Settings
from shared.auth import TokenVerifier
from shared.errors import Conflict, NotFound
from tests.gateway import samples as s
from tests.gateway.conftest import down
from tests.support.app import Harness, running
from tests.support.databases import Backend

UNIT = NewClient(
    client_id="market-supervision",
    name="市场监管局执法系统",
    kind="department",
    department="yt-scjg",
    area="370600",
    scopes=["credit:violations:write", "credit:read"],
)
OFFICER = NewUser(username="li.wei", name="李伟", department="yt-scjg", area="370600", roles=["case_officer"])


@pytest.fixture
async def issuer(backend: Backend) -> AsyncIterator[Harness]:
    """Its own keys are those that the services check."""
    async with running(
        create_app, Settings, backend, **down(), jwks=str(backend.folder / "keys" / "jwks.json")
    ) as harness:
        yield harness


async def add(gateway: Harness, new: NewClient | NewUser, secret: str | None = None) -> str:
    async with gateway.platform.system_unit_of_work() as uow:
        if isinstance(new, NewClient):
            return await service.add_client(uow, new, secret=secret)
        return await service.add_user(uow, new, secret=secret)


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{secret}".encode()).decode()}


async def ask(gateway: Harness, secret: str, name: str = UNIT.client_id, **form: str) -> Any:
    data = {"grant_type": "client_credentials", **form}
    return await gateway.post("/oauth/token", data=data, headers=basic(name, secret))


def verifier(gateway: Harness) -> TokenVerifier:
    settings = gateway.platform.settings
    return TokenVerifier(
        issuer=settings.issuer, audience=settings.audience, jwks=settings.resolved_jwks(), clock=gateway.clock
    )


async def test_a_system_gets_a_token_that_the_services_accept(issuer: Harness) -> None:
    secret = await add(issuer, UNIT)
    answer = await ask(issuer, secret)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert body["scope"] == "credit:read credit:violations:write"
    principal = await verifier(issuer).principal(body["access_token"])
    assert (principal.kind, principal.id, principal.department) == (
        "department",
        "client:market-supervision",
        "yt-scjg",
    )
    assert (principal.area, principal.scopes) == ("370600", frozenset(UNIT.scopes))
    await issuer.deliver(s.enterprise())
    seen = await issuer.get(f"/v1/enterprises/{s.ORCHARD}", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert "department" in seen.json()


async def test_a_client_may_ask_for_less_but_not_for_more(issuer: Harness) -> None:
    secret = await add(issuer, UNIT)
    assert (await ask(issuer, secret, scope="credit:read")).json()["scope"] == "credit:read"
    more = await ask(issuer, secret, scope="credit:read credit:all")
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")
    assert "credit:all" in more.json()["error_description"]


async def test_credentials_in_the_form_and_escaped_in_basic(issuer: Harness) -> None:
    secret = await add(issuer, UNIT)
    form = {"grant_type": "client_credentials", "client_id": UNIT.client_id, "client_secret": secret}
    assert (await issuer.post("/oauth/token", data=form)).status_code == 200
    escaped = basic("market%2Dsupervision", secret)
    assert (
        await issuer.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=escaped)
    ).status_code == 200


async def test_staff_and_enterprise_tokens(issuer: Harness) -> None:
    password = await add(issuer, OFFICER)
    form = {"grant_type": "password", "username": "li.wei", "password": password}
    token = (await issuer.post("/oauth/token", data=form)).json()["access_token"]
    person = await verifier(issuer).principal(token)
    assert (person.kind, person.id, person.name) == ("staff", "user:li.wei", "李伟")
    assert person.roles == frozenset({"case_officer"})
    wrong = await issuer.post("/oauth/token", data={**form, "password": "guess"})
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    firm = NewClient(client_id="orchard", name="合作社", kind="enterprise", uscc=s.ORCHARD, scopes=["epcis:capture"])
    token = (await ask(issuer, await add(issuer, firm), "orchard")).json()["access_token"]
    assert (await verifier(issuer).principal(token)).uscc == s.ORCHARD


async def test_rotation_ends_the_secret_and_revocation_the_client(issuer: Harness) -> None:
    old = await add(issuer, UNIT)
    async with issuer.platform.system_unit_of_work() as uow:
        new = await service.rotate_client(uow, UNIT.client_id)
    assert (await ask(issuer, old)).status_code == 401
    assert (await ask(issuer, new)).status_code == 200
    async with issuer.platform.system_unit_of_work() as uow:
        await service.revoke_client(uow, UNIT.client_id)
    gone = await ask(issuer, new)
    assert (gone.status_code, gone.json()["error"]) == (401, "invalid_client")
    assert gone.headers["www-authenticate"].startswith("Basic")
    async with issuer.platform.read() as session:
        (listed,) = await service.list_clients(session)
    assert listed.revoked_at is not None
    assert "secret" not in listed.model_dump_json()
    actions = [action for (action,) in issuer.rows("SELECT action FROM audit_entry ORDER BY id")]
    assert actions == ["client.add", "client.rotate", "client.revoke"]


async def test_demo_accounts_work_in_demo_mode_only(sqlite_backend: Backend) -> None:
    demo = UNIT.model_copy(update={"demo": True})
    user = OFFICER.model_copy(update={"demo": True})
    url = sqlite_backend.url("gateway")
    async with running(create_app, Settings, sqlite_backend, url=url, demo=True, **down()) as gateway:
        await add(gateway, demo, "demo-secret")
        await add(gateway, user, "demo-password")
        assert (await ask(gateway, "demo-secret")).status_code == 200
    async with running(create_app, Settings, sqlite_backend, url=url, **down()) as gateway:
        refused = await ask(gateway, "demo-secret")
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        assert "--demo" in refused.json()["error_description"]
        form = {"grant_type": "password", "username": "li.wei", "password": "demo-password"}
        assert (await gateway.post("/oauth/token", data=form)).json()["error"] == "invalid_grant"


async def test_a_known_secret_is_for_demo_only(issuer: Harness) -> None:
    with pytest.raises(ValueError, match="only demo"):
        await add(issuer, UNIT, "chosen")
    await add(issuer, UNIT)
    with pytest.raises(Conflict):
        await add(issuer, UNIT)
    async with issuer.platform.system_unit_of_work() as uow:
        with pytest.raises(NotFound):
            await service.rotate_user(uow, "nobody")


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "nobody"}, 401, "invalid_client"),
        ({"grant_type": "password", "username": "x"}, 400, "invalid_request"),
        ({"grant_type": ["client_credentials", "password"]}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "client_id": "\x00" * 200, "client_secret": "é"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "x" * 201, "client_secret": "é"}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "client_id": "x" * 20_000}, 413, "invalid_request"),
    ],
)
async def test_refusals(gateway: Harness, form: dict[str, Any], status: int, error: str) -> None:
    answer = await gateway.post("/oauth/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.json()["error_description"].isascii()
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("header", ["Bearer x", "Basic", "Basic !!!", "Basic " + b64encode(b"nocolon").decode()])
async def test_authorization_that_is_no_basic(gateway_sqlite: Harness, header: str) -> None:
    answer = await gateway_sqlite.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": header}
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    both = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}
    answer = await gateway_sqlite.post("/oauth/token", data=both, headers=basic("a", "b"))
    assert answer.json()["error"] == "invalid_request"
    answer = await gateway_sqlite.post("/oauth/token", json=both)
    assert answer.json()["error"] == "invalid_request"


async def test_guessing_is_slowed_for_the_guesser(issuer: Harness) -> None:
    secret = await add(issuer, UNIT)
    for _ in range(3):
        assert (await ask(issuer, "guess")).status_code == 401
    await ask(issuer, "guess")
    slowed = await ask(issuer, secret)
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) >= 1
    other = await add(issuer, UNIT.model_copy(update={"client_id": "another"}))
    assert (await ask(issuer, other, "another")).status_code == 200


async def test_many_guesses_at_once_are_no_more_than_the_limit(
    issuer: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check and the count are one step; the owner of the name gets in from another address."""
    secret = await add(issuer, UNIT)
    tried = []

    async def matches(given: str, stored: str | None) -> bool:
        tried.append(given)
        await asyncio.sleep(0.02)
        return await real(given, stored)

    real = secrets.matches
    monkeypatch.setattr(secrets, "matches", matches)
    answers = await asyncio.gather(*(ask(issuer, f"guess-{n}") for n in range(200)))
    assert len(tried) == 3
    assert sorted({answer.status_code for answer in answers}) == [401, 429]
    assert all(int(a.headers["retry-after"]) >= 1 for a in answers if a.status_code == 429)
    elsewhere = httpx.ASGITransport(issuer.app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=elsewhere, base_url="http://test") as client:
        form = {"grant_type": "client_credentials", "client_id": UNIT.client_id, "client_secret": secret}
        assert (await client.post("/oauth/token", data=form)).status_code == 200


async def test_the_right_secret_many_times_at_once_is_never_refused(issuer: Harness) -> None:
    secret = await add(issuer, UNIT)
    answers = await asyncio.gather(*(ask(issuer, secret) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}


async def test_a_name_that_fails_everywhere_is_slowed_and_not_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("services.gateway.issuer.attempts.asyncio.sleep", sleep)
    attempts = Attempts(lambda: 1000.0)
    for number in range(60):
        async with attempts.one("name", f"198.51.100.{number}") as attempt:
            attempt.right() if number == 7 else attempt.wrong()
    waits.clear()
    async with attempts.one("name", "198.51.100.7"):
        assert waits == [], "it has had a token for this name"
    async with attempts.one("name", "203.0.113.1"):
        assert waits == [pytest.approx(0.45)]
    async with attempts.one("another", "203.0.113.1"):
        assert waits[1:] == [0.0]
    assert rules.slowed(10_000) == 3.0


def test_waits_double_and_are_forgotten() -> None:
    throttle = rules.Throttle(free=2, keys=2)
    now = 1000.0
    waits = []
    for _ in range(12):
        throttle.failed("a", now)
        waits.append(throttle.wait("a", now))
        now += waits[-1]
    assert waits == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0, 60.0]
    assert throttle.wait("a", now + rules.FORGET_SECONDS + 1) == 0.0
    throttle.failed("b", now)
    throttle.failed("c", now)
    assert throttle.wait("a", now) == 0.0, "the oldest key is given up, memory is bounded"


async def test_secrets_are_hashed_with_their_own_salt() -> None:
    one, two = secrets.hash_secret("same"), secrets.hash_secret("same")
    assert one != two
    assert "same" not in one
    assert await secrets.matches("same", one)
    assert not await secrets.matches("other", one)
    assert not await secrets.matches("anything", None)


async def test_keys_are_private_and_rotation_keeps_the_old_ones(issuer: Harness) -> None:
    secret = await add(issuer, UNIT)
    before = (await ask(issuer, secret)).json()["access_token"]
    folder = issuer.platform.settings.data_dir / "keys"
    assert stat.S_IMODE((folder / "issuer.json").stat().st_mode) == 0o600
    published = (await issuer.get("/.well-known/jwks.json")).json()
    assert all("d" not in key for key in published["keys"])

    other_process = service.key_file(issuer.platform.settings)  # type: ignore[arg-type]
    kid = other_process.rotate(issuer.clock.now())
    assert stat.S_IMODE((folder / "issuer.json").stat().st_mode) == 0o600
    after = (await ask(issuer, secret)).json()["access_token"]
    keys = (await issuer.get("/.well-known/jwks.json")).json()["keys"]
    assert [key["kid"] for key in keys] == [kid, published["keys"][0]["kid"]]
    for token in (before, after):
        assert (await verifier(issuer).principal(token)).id == "client:market-supervision"
    assert '"d"' not in (folder / "jwks.json").read_text()


async def test_the_key_survives_a_restart(sqlite_backend: Backend) -> None:
    found = []
    for _ in range(2):
        async with running(create_app, Settings, sqlite_backend, **down()) as gateway:
            found.append((await gateway.get("/.well-known/jwks.json")).json())
    assert found[0] == found[1]


async def test_metadata_names_the_endpoints(gateway_sqlite: Harness) -> None:
    body = (await gateway_sqlite.get("/.well-known/oauth-authorization-server")).json()
    assert body["token_endpoint"] == body["issuer"] + "/oauth/token"
    assert set(body["grant_types_supported"]) == {"client_credentials", "password"}


@pytest.mark.parametrize(
    "body",
    [
        {"client_id": "x", "name": "n", "kind": "department", "department": "d", "area": "370600"},
        {"client_id": "good", "name": "n", "kind": "department", "area": "370600"},
        {"client_id": "good", "name": "n", "kind": "enterprise", "scopes": ["a:b"]},
        {"client_id": "good", "name": "n", "kind": "enterprise", "uscc": "91370686MA3EX4MP0D"},
        {"client_id": "good", "name": "n", "kind": "enterprise", "uscc": s.ORCHARD, "scopes": ["everything"]},
    ],
)
def test_clients_that_cannot_be(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewClient(**body)
    with pytest.raises(ValidationError):
        NewUser(username="li.wei", name="n", department="d", area="370600", roles=["king"])
