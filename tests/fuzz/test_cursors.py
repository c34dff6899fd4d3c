"""Every list refuses the cursor of another one: it would skip rows there, or lead a client in a circle."""

import gc

import pytest

from shared.web.paging import Keyset
from tests.fuzz import examples
from tests.fuzz.world import Fuzzed

PARAMETERS = ("cursor", "nextPageToken")
EDGES = (
    *(("9" * 30,), ("-1",), ("0001-01-01T00:00:00+14:00", "x"), ("9999-12-31T23:59:59-14:00", "x")),
    *(("0001-01-01", "x"), ("9999-12-31", "x"), ("0001-01-01", "x", "x"), ("1", "x")),
)
"""Of the list's own name: wrong input, or a place where nothing is, and never a failure."""
KEYS = (("a",), ("1",), ("2026-11-24", "a"), ("2026-11-24T04:00:00+00:00", "a"), ("a", "b"), ("a", "b", "c"))


@pytest.mark.parametrize("fuzzed", ["all-sqlite"], indirect=True)
def test_a_cursor_of_another_list(fuzzed: Fuzzed) -> None:
    async def walk() -> tuple[int, list[str]]:
        asked, found = 0, []
        names = sorted({each.name for each in gc.get_objects() if isinstance(each, Keyset)})
        for label, example in (await examples.all_of(fuzzed)).items():
            harness = fuzzed.harnesses[example.service]
            document = harness.app.fastapi.openapi()  # type: ignore[attr-defined]
            operation = document["paths"][example.template].get(example.method.lower(), {})
            named = {each["name"] for each in operation.get("parameters", ()) if each.get("in") == "query"}
            for parameter in named.intersection(PARAMETERS):
                asked += 1
                sign = "&" if "?" in example.target else "?"
                for key in KEYS:
                    target = f"{example.target}{sign}{parameter}={Keyset('another').cursor(*key)}"
                    answer = await harness.get(target, as_=example.caller)
                    if answer.status_code not in (400, 422):
                        found.append(f"{label}: {key}: {answer.status_code} {answer.text[:200]}")
                for name in names:
                    for key in EDGES:
                        target = f"{example.target}{sign}{parameter}={Keyset(name).cursor(*key)}"
                        answer = await harness.get(target, as_=example.caller)
                        if answer.status_code >= 500:
                            found.append(f"{label}: {name} {key}: {answer.status_code} {answer.text[:200]}")
        return asked, found

    asked, found = fuzzed.loop.run(walk())
    assert asked >= 20
    assert not found, "\n".join(found)
