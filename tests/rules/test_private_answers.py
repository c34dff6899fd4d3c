"""What is made for one caller says so to every cache on its way: by the policy of each route, not by hand."""

from typing import Any

import pytest

from services.gateway.issuer.api import ClientAuthRoute
from services.gateway.proxy.api import PassRoute
from tests.rules.test_authorisation_matrix import SERVICE_NAMES, cases, service, strongest
from tests.support.app import Harness, department
from tests.support.raw import Answer, ask

__all__ = ["service"]


def _says_private(answer: Answer) -> bool:
    vary = {each.strip().lower() for each in answer.headers.get("vary", "").split(",")}
    return answer.headers.get("cache-control") == "private, no-store" and "authorization" in vary


def _owner_decides(app: Any, path: str) -> bool:
    """A proxied answer carries its owner's headers; the token route takes no token and is `no-store` for everybody."""
    return any(isinstance(route, PassRoute | ClientAuthRoute) and route.path == path for route in app.fastapi.routes)


@pytest.mark.parametrize("service", SERVICE_NAMES, indirect=True)
async def test_every_answer_to_a_token_and_of_a_route_that_needs_one_is_private(service: Harness) -> None:
    matrix = [case for case in cases(service.app) if not _owner_decides(service.app, case.path)]
    wrong: list[str] = []
    tried = 0
    for caller in strongest(matrix):
        headers = caller.headers(service.clock.now())
        for case in matrix:
            answer = await ask(service.app, case.method, case.url, headers)
            tried += 1
            kept_by_nobody = case.policy.public and answer.headers.get("cache-control") == "no-store"
            if not _says_private(answer) and not kept_by_nobody:
                wrong.append(f"{case} by {caller.id}: {answer.status} {answer.headers}")
    for case in matrix:
        answer = await ask(service.app, case.method, case.url)
        if not case.policy.public and not _says_private(answer):
            wrong.append(f"{case} without a token: {answer.status} {answer.headers}")
        if case.policy.public and answer.status == 200 and "private" in answer.headers.get("cache-control", ""):
            wrong.append(f"{case}: what everybody may see is kept from every cache")
    assert not wrong, "\n".join(wrong[:40])
    assert tried >= 30


@pytest.mark.parametrize("service", ["credit"], indirect=True)
async def test_a_hot_write_says_so_too(service: Harness) -> None:
    caller = department("credit:violations:write")
    token = {**caller.headers(service.clock.now()), "content-type": "application/json"}
    answer = await ask(service.app, "POST", "/v1/credit/violations", token, b"{}")
    assert (answer.status, _says_private(answer)) == (422, True), answer.headers


@pytest.mark.parametrize("service", ["gateway"], indirect=True)
async def test_a_hot_answer_differs_by_token_and_says_so(service: Harness) -> None:
    """The public answer for an enterprise is not the one that a department gets at the same address."""
    answer = await ask(service.app, "GET", "/v1/overview")
    assert "authorization" in answer.headers["vary"].lower()
