"""The scan log: counted once, told with its own time, apart from the verdict."""

from datetime import timedelta

import pytest

from services.traceability.scans import service
from shared.bus.replay import replay
from shared.events.gateway import Scan, ScanCount, ScansRecorded
from tests.support.app import NOW, Harness
from tests.traceability import food
from tests.traceability.food import PACKED, ok, refused

CODE = f"{PACKED}+QX1"


def scan(number: int, minutes: int = 0, where: str | None = "370600", serial: str | None = None) -> Scan:
    at = NOW + timedelta(minutes=minutes)
    return Scan(scan_id=f"scan-{number}", at=at, gtin=PACKED, lot="QX1", serial=serial, where=where)


def batch(*scans: Scan, instance: str = "gateway-0") -> ScansRecorded:
    return ScansRecorded(instance=instance, scans=list(scans))


async def test_scans_are_counted_by_code_and_area(traceability: Harness) -> None:
    none = ok(await traceability.get(f"/v1/traceability/scans/{CODE}"))
    assert (none["times"], none["first_at"], none["areas"], none["as_of"]) == (0, None, [], None)
    await traceability.deliver(batch(scan(1, 3), scan(2, 1, "370602"), scan(3, 2, None), scan(4, 9, serial="7")))
    counts = ok(await traceability.get(f"/v1/traceability/scans/{CODE}"))
    assert (counts["times"], counts["first_at"], counts["first_area_code"]) == (3, "2026-11-24T04:01:00Z", "370602")
    assert counts["last_at"] == "2026-11-24T04:03:00Z"
    assert {row["area_code"]: row["times"] for row in counts["areas"]} == {"370600": 1, "370602": 1, None: 1}
    assert counts["as_of"] == "2026-11-24T04:00:00Z"
    serial = ok(await traceability.get(f"/v1/traceability/scans/{CODE}+7"))
    assert (serial["times"], serial["serial"]) == (1, "7")


def many(times: int, first: int, last: int, where: str | None = "370600") -> ScanCount:
    first_at, last_at = NOW + timedelta(minutes=first), NOW + timedelta(minutes=last)
    return ScanCount(gtin=PACKED, lot="QX1", where=where, times=times, first_at=first_at, last_at=last_at)


async def test_scans_that_came_by_number_only_are_counted(traceability: Harness) -> None:
    busy = ScansRecorded(instance="gateway-0", scans=[scan(1, 5)], counts=[many(800, 1, 9), many(3, 2, 2, None)])
    await traceability.deliver(busy, ScansRecorded(instance="gateway-1", scans=[], counts=[many(7, 4, 12, "370602")]))
    counts = ok(await traceability.get(f"/v1/traceability/scans/{CODE}"))
    assert (counts["times"], counts["first_at"], counts["last_at"]) == (
        811,
        "2026-11-24T04:01:00Z",
        "2026-11-24T04:12:00Z",
    )
    assert {row["area_code"]: row["times"] for row in counts["areas"]} == {"370600": 801, "370602": 7, None: 3}
    assert traceability.rows("SELECT scan_id FROM scan_log") == [("scan-1",)]
    before = traceability.rows("SELECT * FROM scan_counter"), traceability.rows("SELECT * FROM scan_area ORDER BY 2")
    await replay(traceability.platform)
    after = traceability.rows("SELECT * FROM scan_counter"), traceability.rows("SELECT * FROM scan_area ORDER BY 2")
    assert before == after


async def test_single_scans_are_forgotten_in_steps_and_their_number_stays(
    traceability: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_STEP", 3)
    await traceability.deliver(batch(*(scan(n, n) for n in range(10))))
    traceability.clock.advance(days=30, minutes=6.5)
    assert await service.forget(traceability.platform, timedelta(days=30)) == 7
    assert traceability.rows("SELECT scan_id FROM scan_log ORDER BY at") == [("scan-7",), ("scan-8",), ("scan-9",)]
    assert ok(await traceability.get(f"/v1/traceability/scans/{CODE}"))["times"] == 10
    await traceability.deliver(batch(scan(10, 10)))
    assert ok(await traceability.get(f"/v1/traceability/scans/{CODE}"))["times"] == 11


async def test_a_scan_that_comes_again_is_counted_once(traceability: Harness) -> None:
    await traceability.deliver(batch(scan(1), scan(1), scan(2)))
    await traceability.deliver(batch(scan(2), scan(3)), batch(scan(3), scan(4), instance="gateway-1"))
    assert ok(await traceability.get(f"/v1/traceability/scans/{CODE}"))["times"] == 4
    assert traceability.rows("SELECT count(*) FROM scan_log") == [(4,)]


async def test_an_earlier_scan_that_comes_late_becomes_the_first(traceability: Harness) -> None:
    await traceability.deliver(batch(scan(1, 30, "370602")))
    await traceability.deliver(batch(scan(2, 5, "370686"), instance="gateway-1"))
    counts = ok(await traceability.get(f"/v1/traceability/scans/{CODE}"))
    assert (counts["first_at"], counts["first_area_code"]) == ("2026-11-24T04:05:00Z", "370686")
    assert counts["last_at"] == "2026-11-24T04:30:00Z"


async def test_scans_do_not_touch_the_verdict(traceability: Harness) -> None:
    await food.register(traceability)
    path = f"/v1/traceability/verdicts/{CODE}"
    before = await traceability.get(path)
    await traceability.deliver(batch(scan(1)))
    after = await traceability.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 304


async def test_counts_that_are_rebuilt_from_the_log_equal_the_live_ones(traceability: Harness) -> None:
    await traceability.deliver(batch(scan(1, 3), scan(2, 1, "370602"), scan(4, 9, serial="7")))
    traceability.clock.advance(minutes=1)
    await traceability.deliver(batch(scan(2), scan(3, 0, None), instance="gateway-1"))
    tables = ("scan_log", "scan_counter", "scan_area", "scan_source")
    live = [traceability.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]
    assert all(live)
    traceability.clock.advance(days=1)
    assert await replay(traceability.platform) == 2
    assert [traceability.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables] == live


async def test_an_invalid_code_is_a_400(on_sqlite: Harness) -> None:
    refused(await on_sqlite.get("/v1/traceability/scans/09521101530017+QX1"), 400, "gtin.check_digit")
