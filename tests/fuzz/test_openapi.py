"""Every operation of every OpenAPI document with generated requests, good and bad: what comes back is what it says.

`FUZZ_EXAMPLES=200` tries that many requests for each operation; without it, few, always the same ones.
"""

import os
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from tests.fuzz import engine
from tests.fuzz.world import NAMES, Fuzzed, cases, settle

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))
DEEP = "FUZZ_EXAMPLES" in os.environ
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
]
FORMS = {"/oauth/token": "application/json"}
"""Errors of OAuth have a form of their own (RFC 6749, 5.2)."""
CASES = ["all-sqlite", *cases(NAMES)]


def judge(fuzzed: Fuzzed, case: Case, response: Any) -> None:
    """Raises `AssertionError` or a failure of schemathesis when the answer is not one that may be given."""
    status, media = response.status_code, response.headers.get("content-type", [""])[0].partition(";")[0]
    away = fuzzed.name == "gateway" and status == 503 and "503" in case.operation.definition.raw["responses"]
    assert status < 500 or away, f"{status}: {response.content[:300]!r}"
    if status >= 400 and response.request.method != "HEAD":
        wanted = FORMS.get(case.operation.path, "application/problem+json")
        assert media in {wanted, "application/problem+json"}, f"{status} as {media}"
        body = response.json()
        assert (body.get("code") and body["status"] == status) or "error" in body, body
    case.validate_response(response, checks=CHECKS)


def send(fuzzed: Fuzzed, session: Any, case: Case, chance: random.Random) -> None:
    response = None
    try:
        policy = case.operation.definition.raw.get("x-policy", "public")
        headers = fuzzed.headers(policy, chance) if "authorization" not in (case.headers or {}) else {}
        response = case.call(base_url="http://test", session=session, headers=headers)
        judge(fuzzed, case, response)
    except (Exception, BaseExceptionGroup) as error:  # schemathesis groups its failures
        told = "; ".join(map(str, error.exceptions)) if isinstance(error, BaseExceptionGroup) else str(error)
        if response is not None:
            told += f"\n  {response.request.method} {response.request.url}\n  {str(response.request.body)[:600]}"
        raise Found(told) from error


class Found(AssertionError):
    """One answer that may not be given."""


def known(fuzzed: Fuzzed, case: Case, chance: random.Random) -> Case:
    """The case with identifiers that exist, more often than not."""
    world = fuzzed.world.known
    for part in ("path_parameters", "query", "body"):
        value = getattr(case, part)
        if isinstance(value, dict | list):
            setattr(case, part, settle(value, world, chance))
    if chance.random() < 0.8:  # the keys made up are few, and every other request would be refused for its key
        case.headers.pop("Idempotency-Key", None)
    # No address of ours has a line break in it: with one it is another address, 404 or 405.
    broken = {name for name, value in case.path_parameters.items() if set("\r\n") & set(unquote(str(value)))}
    case.path_parameters.update(dict.fromkeys(broken, "x"))
    return case


def operations(fuzzed: Fuzzed) -> Iterator[APIOperation]:
    schema = schemathesis.openapi.from_dict(fuzzed.document)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), f"{found.err()}"
        yield found.ok()


def boundaries(operation: APIOperation) -> Iterator[Case]:
    """What schemathesis derives from the schema itself: each limit, each missing and doubled part, other methods."""
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    schema = operation.schema
    yield from schema.iter_coverage_cases(
        operation, generation_modes=modes, generation_config=schema.config.generation_for(operation=operation)
    )


def fuzz(fuzzed: Fuzzed, operation: APIOperation, examples: int) -> str | None:
    """The first thing found, as words."""
    session = engine.session(fuzzed.loop, fuzzed.app)
    strategy = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink] if DEEP else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy, seed=st.integers(0, 2**32))
    def tried(case: Case, seed: int) -> None:
        chance = random.Random(seed)
        send(fuzzed, session, known(fuzzed, case, chance), chance)

    try:
        for number, case in enumerate(boundaries(operation) if DEEP else ()):
            send(fuzzed, session, case, random.Random(number))
        tried()
    except hypothesis.errors.Unsatisfiable:
        return None
    except Found as error:
        return str(error)
    return None


@pytest.mark.timeout(0 if DEEP else 180)
@pytest.mark.parametrize("fuzzed", CASES, indirect=True)
def test_answers_are_those_of_the_document(fuzzed: Fuzzed) -> None:
    load_all_checks()
    found = {}
    for operation in operations(fuzzed):
        told = fuzz(fuzzed, operation, EXAMPLES)
        if told is not None:
            found[operation.label] = told
    assert not found, "\n\n".join(f"### {label}\n{told}" for label, told in found.items())
