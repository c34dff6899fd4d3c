"""Every route of every service x every kind of caller.

Generated from what the routes declare; who is admitted is worked out here from the declared facts and not by the code
that admits. A route without a policy fails.
"""

import importlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from starlette.routing import Mount, Route

from deploy.topology import SERVICES
from shared.auth import ROLES, Department, Enterprise, Policy, Public, Staff
from shared.web.routing import PolicyRoute
from tests.support.app import Harness, running
from tests.support.callers import AUDIENCE, ISSUER, Caller, department, enterprise, public, signing_key, staff
from tests.support.databases import Backend
from tests.support.raw import ask

USCC = "91370600MA3TESTX0Y"
BUILT_IN = {"/openapi.json", "/docs"}
"""FastAPI's own documents; public."""
SERVICE_NAMES = [service.name for service in SERVICES]


@dataclass(frozen=True)
class Case:
    """One route and method with the policy that it declares."""

    method: str
    path: str
    policy: Policy

    @property
    def url(self) -> str:
        return re.sub(r"\{[^}]+\}", "x", self.path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def cases(app: Any) -> list[Case]:
    """Every route with a policy. Anything else than a policy route, FastAPI's documents and static files fails.

    A route class of its own may look at tokens in its own way (the proxy leaves them to the owner), but only where
    everybody is admitted anyway.
    """
    found: list[Case] = []
    for route in app.fastapi.routes:
        if isinstance(route, PolicyRoute):
            assert type(route) is PolicyRoute or route.policy.public, f"{route.path} asks its policy in its own way"
            found += [Case(method, route.path, route.policy) for method in sorted(route.methods or ())]
        elif isinstance(route, Mount):
            assert type(route.app).__name__ == "StaticFiles", f"{route.path}: a mount that is no folder of static files"
        else:
            assert isinstance(route, Route), f"{route!r} declares no policy"
            assert route.path in BUILT_IN, f"{route.path} declares no policy"
    return found


def admitted(policy: Policy, caller: Caller) -> bool:
    """By the declared facts alone."""
    claims = caller.claims or {}
    scopes, roles = set(str(claims.get("scope", "")).split()), set(claims.get("roles", ()))
    for grant in policy.grants:
        match grant:
            case Public():
                return True
            case Department(scope=scope):
                if claims.get("kind") == "department" and scope in scopes:
                    return True
            case Enterprise(scope=needed):
                if claims.get("kind") == "enterprise" and (needed is None or needed in scopes):
                    return True
            case Staff(roles=any_of):
                if claims.get("kind") == "staff" and roles & any_of:
                    return True
            case _:
                raise AssertionError(f"the matrix does not know {grant!r}")
    return False


def callers(matrix: Iterable[Case]) -> dict[str, Caller]:
    """Every kind of caller that any route could tell apart."""
    scopes = {
        (type(grant), grant.scope)
        for case in matrix
        for grant in case.policy.grants
        if isinstance(grant, Department | Enterprise) and grant.scope
    }
    every_scope = [scope for _kind, scope in sorted(scopes, key=str)]
    kinds: dict[str, Caller] = {
        "no token": public(),
        "department without scope": department(),
        "department with a scope of nobody": department("nobody:nothing"),
        "enterprise without scope": enterprise(USCC),
        "staff without role": staff(),
        # scopes and roles that belong to another kind admit nobody
        "enterprise with all scopes": enterprise(USCC, *every_scope),
        "department with all roles": Caller({**(department().claims or {}), "roles": list(ROLES)}),
        "staff with all scopes and no role": Caller({**(staff().claims or {}), "scope": " ".join(every_scope)}),
    }
    for kind, scope in scopes:
        kinds[f"{kind.__name__.lower()} with {scope}"] = (
            department(scope) if kind is Department else enterprise(USCC, scope)
        )
    for role in ROLES:
        kinds[f"staff as {role}"] = staff(role)
    return kinds


def strongest(matrix: Iterable[Case]) -> list[Caller]:
    """Callers that between them are admitted everywhere: a bad token of theirs is refused for being bad alone."""
    scopes = {
        grant.scope
        for case in matrix
        for grant in case.policy.grants
        if isinstance(grant, Department | Enterprise) and grant.scope
    }
    return [staff(*ROLES), department(*scopes), enterprise(USCC, *scopes)]


def wrong_algorithm(caller: Caller, now: int) -> str:
    """HS256 under the public key's bytes: the classic confusion of algorithms."""
    secret = signing_key().as_dict(private=False)["x"]
    claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 600, **(caller.claims or {})}
    key = OctKey.import_key(str(secret).ljust(64, "="))
    return jwt.encode({"alg": "HS256", "kid": "test"}, claims, key, algorithms=["HS256"])


def unsigned(caller: Caller, now: int) -> str:
    signed = wrong_algorithm(caller, now)
    return "eyJhbGciOiJub25lIn0." + signed.split(".")[1] + "."


@pytest.fixture
async def service(request: pytest.FixtureRequest, sqlite_backend: Backend) -> Any:
    name = request.param
    create_app: Callable[..., Any] = importlib.import_module(f"services.{name}.app").create_app
    settings = importlib.import_module(f"services.{name}.settings").Settings
    # What a policy answers is looked at here; nobody is to be stopped earlier for asking fast.
    quotas = {field: 1_000_000 for field in settings.model_fields if field.endswith("requests_per_second")}
    async with running(create_app, settings, sqlite_backend, **quotas) as harness:
        harness.may_fail = True  # the upstreams of a gateway that runs alone are down
        yield harness


@pytest.mark.parametrize("service", SERVICE_NAMES, indirect=True)
async def test_who_may_call_what(service: Harness) -> None:
    matrix = cases(service.app)
    wrong: list[str] = []
    tried: set[tuple[str, str]] = set()
    for kind, caller in callers(matrix).items():
        headers = caller.headers(service.clock.now())
        for case in matrix:
            answer = await ask(service.app, case.method, case.url, headers)
            tried.add((case.method, case.path))
            refused = answer.status == 401 or (answer.status == 403 and answer.code == "not_granted")
            if admitted(case.policy, caller):
                if refused:
                    wrong.append(f"{case}: {kind} is admitted by the policy and got {answer.status} {answer.code}")
            elif answer.status != (401 if caller.claims is None else 403) or not refused:
                wrong.append(f"{case}: {kind} is not admitted and got {answer.status} {answer.code}")
            if answer.status >= 500 and answer.status not in (502, 503, 504):
                wrong.append(f"{case}: {kind} got {answer.status}")
    assert not wrong, "\n".join(wrong)
    documented = {
        (method.upper(), path) for path, methods in service.app.fastapi.openapi()["paths"].items() for method in methods
    }
    covered = {(method, re.sub(r":\w+}", "}", path)) for method, path in tried}
    assert documented, "the OpenAPI document is empty"
    assert documented <= covered | {("GET", path) for path in BUILT_IN}, documented - covered
    assert tried == {(case.method, case.path) for case in matrix}


@pytest.mark.parametrize("service", SERVICE_NAMES, indirect=True)
async def test_a_bad_token_opens_nothing(service: Harness) -> None:
    """401, or, where everybody is admitted and nobody looks at the token, what one gets without any."""
    matrix = cases(service.app)
    now = service.clock.now()
    seconds = int(now.timestamp())
    wrong: list[str] = []
    without = {case: await ask(service.app, case.method, case.url) for case in matrix if case.policy.public}
    for caller in strongest(matrix):
        tokens = {
            "another audience": caller.but(aud="somebody-else").token(now),
            "another issuer": caller.but(iss="http://127.0.0.1:9").token(now),
            "expired": caller.but(exp=seconds - 3600).token(now),
            "not valid yet": caller.but(nbf=seconds + 3600).token(now),
            "unknown key": caller.but(kid="stranger").token(now),
            "known key id, another key": _forged(caller, seconds),
            "wrong algorithm": wrong_algorithm(caller, seconds),
            "no signature": unsigned(caller, seconds),
            "no token at all": "rubbish",
        }
        for what, token in tokens.items():
            for case in matrix:
                answer = await ask(service.app, case.method, case.url, {"Authorization": f"Bearer {token}"})
                as_nobody = (
                    case in without and answer.status == without[case].status and answer.code == without[case].code
                )
                if answer.status != 401 and not as_nobody:
                    wrong.append(f"{case}: {what} got {answer.status} {answer.code}")
    assert not wrong, "\n".join(wrong[:50])


def _forged(caller: Caller, now: int) -> str:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 600, **(caller.claims or {})}
    return jwt.encode({"alg": "Ed25519", "kid": "test"}, claims, signing_key("stranger"), algorithms=["Ed25519"])


@pytest.mark.parametrize("service", SERVICE_NAMES, indirect=True)
async def test_hot_routes_bypass_no_policy(service: Harness) -> None:
    """A hot route answers before any policy is asked, so a public route must stand behind it."""
    matrix = cases(service.app)
    for hot in service.app.spec.hot:
        behind = [case for case in matrix if case.method == "GET" and re.fullmatch(hot.pattern, case.url)]
        samples = behind or [case for case in matrix if case.method == "GET" and _overlaps(hot.pattern, case.path)]
        assert samples, f"no route stands behind the hot route {hot.pattern}"
        assert all(case.policy.public for case in samples), f"{hot.pattern} opens a route that is not public"


def _overlaps(pattern: str, path: str) -> bool:
    """Whether the fixed beginning of the pattern is the fixed beginning of the path."""
    fixed = re.match(r"\^?([/\w.-]*)", pattern)
    assert fixed is not None
    return path.split("{")[0].startswith(fixed[1].rstrip("/")) and fixed[1] not in {"", "/"}
