"""Every operation of every service under attack, on the product's server: refused in time, with the limit, cheaply.

In the same test the same request without the attack succeeds. Each operation is attacked by one caller in every way;
other callers are drawn by a seed that is printed (`FUZZ_SEED` sets it).
"""

import asyncio
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import orjson
import pytest

from tests.fuzz import examples
from tests.fuzz.attacks import ATTACKS, SLOW, Attack, clean, line
from tests.fuzz.examples import Example
from tests.fuzz.world import Fuzzed
from tests.support.serving import Answer, served, wire
from tests.support.watchdog import Memory, Watch

SECONDS, GROWTH, STRETCH = 10.0, 64 * 2**20, 0.050
PROXIED = ("/v1/indicators", "/v1/credit", "/v1/traceability", "/epcis")
SAMPLES = int(os.environ.get("FUZZ_SAMPLES", "200"))
pytestmark = pytest.mark.timeout(420)


@dataclass
class Stage:
    fuzzed: Fuzzed
    examples: dict[str, Example]
    ports: dict[str, int]
    watch: Watch

    def token(self, example: Example) -> str | None:
        return example.caller.headers(self.fuzzed.harness.clock.now()).get("Authorization")


@pytest.fixture(scope="module")
def stage(fuzzed: Fuzzed) -> Iterator[Stage]:
    stack = AsyncExitStack()

    async def start() -> Stage:
        found = await examples.all_of(fuzzed)
        ports = {
            # Slow clients are cut off sooner than by default, so that a busy machine has time left for the answer.
            name: await stack.enter_async_context(
                served(harness.app, harness.platform.settings, head_seconds=4.0, body_seconds=4.0)
            )
            for name, harness in fuzzed.harnesses.items()
        }
        return Stage(fuzzed, found, ports, Watch(fuzzed.loop._thread.ident or 0))

    made = fuzzed.loop.run(start())
    with made.watch.watching():
        yield made
    fuzzed.loop.run(stack.aclose())


async def asked(port: int, data: bytes) -> Answer:
    async with wire(port) as it:
        sending = asyncio.create_task(it.send(data))
        try:
            return await it.answer(SECONDS)
        finally:
            sending.cancel()


def wrong(answer: Answer, attack: Attack, statuses: frozenset[int]) -> str | None:
    """Why this answer may not be given, if so."""
    if answer.status not in statuses:
        return f"{answer.status}: {answer.body[:200]!r}"
    if answer.status < 400:
        return None
    if len(answer.body) > 60_000:
        return f"an answer of {len(answer.body)} bytes"
    problem = orjson.loads(answer.body)
    if len(problem.get("errors", ())) > 50:
        return f"{len(problem['errors'])} errors"
    named = "limit" in problem or re.search(r"\d", problem.get("error_description", ""))
    # Refused for its caller, who shows a token and a secret at once.
    other = "in one way only" in problem.get("error_description", "")
    if attack.limited and answer.status in attack.statuses and not (named or other):
        return f"names no limit: {problem}"
    return None


def answers(example: Example, attack: Attack) -> frozenset[int]:
    """A batch is answered with a receipt for each item; the bad one is refused in it."""
    of_an_item = ":batch" in example.template and attack.name == "a text of 1 MB"
    return attack.statuses | {200} if of_an_item else attack.statuses


def attacked(stage: Stage, example: Example, attack: Attack, statuses: frozenset[int]) -> str | None:
    data = attack.make(example, line(stage.token(example)))
    stage.watch.reset()
    memory, began = Memory(), time.monotonic()
    try:
        answer = asyncio.run(asked(stage.ports[example.service], data))
        told = wrong(answer, attack, statuses)
    except (TimeoutError, EOFError, ConnectionError) as error:
        told = f"no answer: {error!r}"
    spent, grown = time.monotonic() - began, memory.growth()
    if told is None and spent > SECONDS:
        told = f"took {spent:.1f} s"
    if told is None and grown > GROWTH:
        told = f"grew by {grown / 2**20:.0f} MB"
    if told is None and stage.watch.longest > STRETCH:
        told = f"held the loop for {stage.watch.longest * 1000:.0f} ms in {stage.watch.where}"
    return f"{attack.name}: {told}" if told else None


@pytest.mark.parametrize("fuzzed", ["all-sqlite"], indirect=True)
def test_every_operation_under_attack_and_then_unharmed(stage: Stage) -> None:
    found: list[str] = []
    for label, example in stage.examples.items():
        for attack in ATTACKS:
            if attack.fits(example) and (told := attacked(stage, example, attack, answers(example, attack))):
                found.append(f"{label}: {told}")
    found += slowly(stage)
    for label, example in stage.examples.items():
        answer = asyncio.run(asked(stage.ports[example.service], clean(example, example.caller, stage.token(example))))
        if not 200 <= answer.status < 300:
            found.append(f"{label}: unharmed it is {answer.status}: {answer.body[:300].decode(errors='replace')}")
    assert not found, f"{len(found)} found\n" + "\n".join(found)


def slowly(stage: Stage) -> list[str]:
    """All slow clients side by side, and a quick one of each service beside them."""

    async def one(example: Example, attack: Attack) -> str | None:
        try:
            answer = await asked(stage.ports[example.service], attack.make(example, line(stage.token(example))))
        except (TimeoutError, EOFError, ConnectionError) as error:
            return f"{example.label}: {attack.name}: {error!r}"
        told = wrong(answer, attack, attack.statuses)
        return f"{example.label}: {attack.name}: {told}" if told else None

    async def quick(name: str) -> str | None:
        await asyncio.sleep(3)
        began = time.monotonic()
        answer = await asked(stage.ports[name], b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n")
        spent = time.monotonic() - began
        return None if answer.status == 200 and spent < 5 else f"{name}: beside slow clients {answer.status}, {spent} s"

    async def together() -> list[str | None]:
        many = [one(example, attack) for example in stage.examples.values() for attack in SLOW if attack.fits(example)]
        return await asyncio.gather(*many, *map(quick, stage.ports))

    stage.watch.reset()
    memory = Memory()
    found = [told for told in asyncio.run(together()) if told]
    if memory.growth() > GROWTH:
        found.append(f"slow clients: grew by {memory.growth() / 2**20:.0f} MB")
    if stage.watch.longest > STRETCH:
        found.append(f"slow clients held the loop for {stage.watch.longest * 1000:.0f} ms in {stage.watch.where}")
    return found


@pytest.mark.parametrize("fuzzed", ["all-sqlite"], indirect=True)
def test_other_callers_and_the_door(stage: Stage) -> None:
    """Drawn: any caller, at the service or through the gateway; who may not call is refused for that or the rest."""
    seed = int(os.environ.get("FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"FUZZ_SEED={seed}")
    chance = random.Random(seed)
    found = []
    for _ in range(SAMPLES):
        label = chance.choice(list(stage.examples))
        example = stage.examples[label]
        kind = chance.choice(list(stage.fuzzed.callers))
        attack = chance.choice([attack for attack in ATTACKS if attack.fits(example)])
        through = chance.random() < 0.4 and example.target.startswith(PROXIED)
        other = replace(example, caller=stage.fuzzed.callers[kind], service="gateway" if through else example.service)
        statuses = answers(example, attack) | {401, 403, 404} | ({400} if through else set())
        if told := attacked(stage, other, attack, statuses):
            found.append(f"{label} as {kind}{' through the door' if through else ''}: {told}")
    assert not found, f"FUZZ_SEED={seed}, {len(found)} found\n" + "\n".join(found)
