"""City, county, town and village (市、县、乡、村): who may record and read where, with towns and villages imported."""

from collections.abc import AsyncIterator

import pytest

from services.traceability.app import create_app
from services.traceability.settings import Settings
from shared.reference import area_import, areas
from tests.support.app import Harness, department, running
from tests.support.databases import Backend
from tests.traceability import food
from tests.traceability.food import ok, refused, report

TESTS = "/v1/traceability/tests"
LEVELS = {"city": "370600", "county": "370686", "town": "370686101", "village": "370686101201"}
FILE = """代码,名称,来源
370686101000,蛇窝泊镇,invented for this test
370686101201,示例村,invented for this test
370686102000,邻镇,invented for this test
"""


@pytest.fixture
async def network(backend: Backend) -> AsyncIterator[Harness]:
    folder = backend.folder / "reference"
    folder.mkdir(parents=True)
    taken = area_import.read(FILE.encode(), areas.shipped(), {})
    areas.store(folder / "areas.csv", taken.areas.values())
    async with running(create_app, Settings, backend, reference_dir=folder) as harness:
        yield harness
    areas.use(folder / "none")


async def test_each_level_writes_and_reads_within_its_area_and_below(network: Harness) -> None:
    assert [areas.get(code).level for code in LEVELS.values()] == ["地级", "县级", "乡级", "村级"]  # type: ignore[union-attr]
    await food.register(network)
    places = list(LEVELS.values())
    stations = [
        department("traceability:tests:write", "traceability:tests:read", area=code, client=f"station-{code}")
        for code in places
    ]
    tests = {}
    for writer, station in enumerate(stations):
        for place, code in enumerate(places):
            body = report(number=f"SP-{writer}-{place}", area_code=code)
            answer = await network.post(TESTS, json=body, as_=station)
            if place >= writer:
                tests[writer, place] = ok(answer, 201)["test_id"]
            else:
                refused(answer, 403, "area")
    beside = department("traceability:tests:write", "traceability:tests:read", area="370686102", client="beside")
    refused(await network.post(TESTS, json=report(number="SP-9", area_code=LEVELS["village"]), as_=beside), 403, "area")
    assert ok(await network.get(TESTS, as_=beside))["items"] == []
    for reader, station in enumerate(stations):
        seen = {test["test_id"] for test in ok(await network.get(TESTS, as_=station))["items"]}
        assert seen == {test_id for (_, place), test_id in tests.items() if place >= reader}
        for (_, place), test_id in tests.items():
            answer = await network.get(f"{TESTS}/{test_id}", as_=station)
            assert answer.status_code == (200 if place >= reader else 403)
