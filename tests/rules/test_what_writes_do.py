"""Every write x the object that it names x who asks: the owner, one who holds it, a stranger, authorities in the area,
above it and elsewhere, with another scope, and staff.

`WRITES` is written by hand and asks nothing of the code that decides. Who is not in a row is refused (401, 403, 404, or
the item of a batch is) and no table of the service has changed; who is in it succeeds, as a write that refuses all
proves nothing. A new write joins by failing until it has its row, or stands among those that name nobody's object.
What captured events do has a table of its own (tests/traceability/epcis).
"""

import importlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy.topology import SERVICES
from shared.web.routing import PolicyRoute
from tests.rules.writes import CALLERS, CREDIT, FOOD
from tests.support.app import Harness, running
from tests.support.databases import Backend
from tests.traceability import food

WRITES = {"traceability": FOOD, "credit": CREDIT, "indicators": [], "gateway": []}
OPERATIONS = ("events:replay", "events/dead-letters/{letter_id}:retry", "events/dead-letters/{letter_id}:skip")
NAMES_NOBODYS_OBJECT = {
    *(f"POST /v1/{one.name}/{operation}" for one in SERVICES for operation in OPERATIONS),
    "POST /v1/credit/attachments",
    "POST /v1/traceability/attachments",
    "POST /v1/traceability/captures/{capture_id}:retry",
    "POST /v1/traceability/captures/{capture_id}:drop",
    "POST /epcis/capture",
    "POST /epcis/events",
    "POST /oauth/token",
    "POST /v1/indicators/observations",
    "POST /v1/indicators/observations:batch",
}
"""Operators' routes admit administrators alone (test_authorisation_matrix), a file is its owner's own, events have a
table of their own; figures are checked by tests/indicators against the caller's area."""
PROXIED = {"/epcis", *(f"/v1/{one.name}" for one in SERVICES)}
"""The gateway hands these on as they are: the owner of the route decides."""
UNTOLD = {"audit_entry", "audit_batch", "idempotency", "lease", "sqlite_sequence"}
"""Tables that a refused write may touch."""


def writes_of(app: Any) -> set[str]:
    found = set()
    for route in app.fastapi.routes:
        if isinstance(route, PolicyRoute) and route.path.removesuffix("/{rest:path}") not in PROXIED:
            methods = set(route.methods or ()) - {"GET", "HEAD", "OPTIONS"}
            found |= {f"{method} {route.path}" for method in methods}
    return found


@pytest.fixture
async def service(request: pytest.FixtureRequest, sqlite_backend: Backend) -> AsyncIterator[Harness]:
    name = request.param
    app = importlib.import_module(f"services.{name}.app").create_app
    settings = importlib.import_module(f"services.{name}.settings").Settings
    async with running(app, settings, sqlite_backend) as harness:
        harness.may_fail = True
        yield harness


def state(service: Harness) -> dict[str, list[tuple[Any, ...]]]:
    tables = [name for (name,) in service.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: service.rows(f'SELECT * FROM "{name}"') for name in tables if name not in UNTOLD}


def done(answer: Any) -> bool:
    """Whether the write took place; of a batch, whether its item did."""
    if not answer.is_success:
        return False
    body = answer.json()
    receipts = body.get("receipts", []) if isinstance(body, dict) else body
    return not any(isinstance(one, dict) and one.get("status") in ("rejected", "refused") for one in receipts)


@pytest.mark.parametrize("service", [one.name for one in SERVICES], indirect=True)
async def test_a_write_does_only_what_its_caller_may(service: Harness) -> None:
    name = service.platform.name
    rows = WRITES[name]
    routes = writes_of(service.app)
    known = {row.route for row in rows} | NAMES_NOBODYS_OBJECT
    assert routes <= known, f"say in WRITES who may do what with: {sorted(routes - known)}"
    assert {row.route for row in rows} <= routes
    if name == "traceability":
        await food.register(service)
    wrong: list[str] = []
    for row in rows:
        # Who is refused changes nothing, so one object stands for all of them; who may has one each.
        method, path, body = await row.ask(service)
        await service.settled()
        before = state(service)
        for who, caller in CALLERS.items():
            if who in row.allowed:
                continue
            answer = await service.request(method, path, json=body, as_=caller)
            if done(answer):
                wrong.append(f"{row}: {who} may not, and did: {answer.text[:200]}")
            elif answer.status_code not in (200, 401, 403, 404):
                wrong.append(f"{row}: {who} may not, and got {answer.status_code} {answer.text[:300]}")
            after = state(service)
            if changed := [table for table in before if before[table] != after[table]]:
                wrong.append(f"{row}: {who} was refused, but {changed} changed")
            before = after
        for who in sorted(row.allowed):
            method, path, body = await row.ask(service)
            await service.settled()
            answer = await service.request(method, path, json=body, as_=CALLERS[who])
            if not done(answer):
                wrong.append(f"{row}: {who} may, and got {answer.status_code} {answer.text[:300]}")
    assert not wrong, "\n".join(wrong)
