"""The four services as fuzzing needs them: running, filled, with callers that between them may do everything."""

import importlib
import random
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from deploy.topology import SERVICES
from shared.auth import ROLES, Department, Enterprise
from shared.bus.memory import MemoryBus
from shared.web.routing import PolicyRoute
from tests.fuzz import seeds
from tests.fuzz.engine import Loop
from tests.gateway.conftest import down
from tests.gateway.servers import serving
from tests.support.app import Harness, department, enterprise, public, running, staff
from tests.support.callers import Caller
from tests.support.databases import Backend
from tests.traceability import food

NAMES = [service.name for service in SERVICES]


def cases(names: Iterable[str]) -> list[Any]:
    """Parameters for the fixture `fuzzed`: every service on each kind of database."""
    sqlite, postgres = ([f"{name}-{kind}" for name in names] for kind in ("sqlite", "postgres"))
    return [*sqlite, *(pytest.param(case, marks=pytest.mark.postgres) for case in postgres)]


@dataclass
class Fuzzed:
    """One running app. `document` is its OpenAPI document, `callers` everybody whom it can tell apart."""

    name: str
    loop: Loop
    app: Any
    harness: Harness
    world: seeds.World
    document: dict[str, Any]
    callers: dict[str, Caller]
    behind: dict[str, Harness] = field(default_factory=dict)
    """The services behind a gateway that has them all."""
    examples: dict[str, Any] = field(default_factory=dict)
    """Made once (`examples.all_of`): what they rest on is stored."""

    @property
    def harnesses(self) -> dict[str, Harness]:
        """Of all four services, where it is a gateway that has them all."""
        return {**self.behind, "gateway": self.harness}

    def headers(self, policy: str, chance: random.Random) -> dict[str, str]:
        """The token of a caller; four times out of five of one whom the policy (its words) admits."""
        admitted = [kind for kind in self.callers if kind in policy]
        kinds = admitted if admitted and chance.random() < 0.8 else list(self.callers)
        return self.callers[chance.choice(kinds)].headers(self.harness.clock.now())


def alone(loop: Loop, name: str, backend: Backend) -> Fuzzed:
    """One service, filled; a gateway alone finds its upstreams down."""

    async def start(stack: AsyncExitStack) -> Fuzzed:
        world = seeds.World()
        harness = await _started(stack, name, backend, **(down() if name == "gateway" else {}))
        await seeds.fill(world, name, harness)
        return _fuzzed(loop, name, harness, world, scopes(harness))

    return loop.start(start)


def together(loop: Loop, backend: Backend) -> Fuzzed:
    """The gateway in front of the other three, which are real servers; events flow between them."""

    async def start(stack: AsyncExitStack) -> Fuzzed:
        world, bus = seeds.World(), MemoryBus()
        urls, found, behind = {}, set[str](), {}
        for name in NAMES:
            if name != "gateway":
                harness = behind[name] = await _started(stack, name, backend, bus=bus)
                urls[f"{name}_url"] = await stack.enter_async_context(serving(harness.app))
                await seeds.fill(world, name, harness)
                found |= scopes(harness)
        gateway = await _started(stack, "gateway", backend, bus=bus, **urls)
        await gateway.until(lambda: not gateway.app.fastapi.openapi()["x-missing"], "the documents of the upstreams")
        made = _fuzzed(loop, "gateway", gateway, world, found | scopes(gateway))
        made.behind.update(behind)
        return made

    return loop.start(start)


async def _started(stack: AsyncExitStack, name: str, backend: Backend, **more: Any) -> Harness:
    module = importlib.import_module(f"services.{name}.app")
    settings = importlib.import_module(f"services.{name}.settings").Settings
    harness = await stack.enter_async_context(running(module.create_app, settings, backend, **more))
    harness.may_fail = True  # background work meets rubbish too; what matters is what a client gets
    return harness


def scopes(harness: Harness) -> set[str]:
    return {
        grant.scope
        for route in harness.app.fastapi.routes
        if isinstance(route, PolicyRoute)
        for grant in route.policy.grants
        if isinstance(grant, Department | Enterprise) and grant.scope
    }


def _fuzzed(loop: Loop, name: str, harness: Harness, world: seeds.World, granted: set[str]) -> Fuzzed:
    callers = {
        "department": department(*sorted(granted), area="370000"),
        "staff": staff(*ROLES),
        "enterprise": enterprise(food.COOP, *sorted(granted)),
        "public": public(),
    }
    return Fuzzed(name, loop, harness.app, harness, world, harness.app.fastapi.openapi(), callers)


def settle(value: Any, known: dict[str, list[Any]], chance: random.Random, often: float = 0.6, name: str = "") -> Any:
    """`value` with known good ones in the places that have a known name, most of the time."""
    if name in known and chance.random() < often:
        return chance.choice(known[name])
    if isinstance(value, dict):
        return {key: settle(part, known, chance, often, key) for key, part in value.items()}
    if isinstance(value, list):
        return [settle(part, known, chance, often) for part in value]
    return value
