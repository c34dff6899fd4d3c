"""A scan: verdict by events and by date, the producer's mark, freshness, counting."""

from datetime import UTC, date, datetime
from urllib.parse import quote

import pytest
from pydantic import TypeAdapter

from services.gateway.app import create_app
from services.gateway.scans.log import SCANS
from services.gateway.scans.schemas import ScanAnswer
from services.gateway.schemas import ScanView
from services.gateway.settings import Settings
from services.gateway.views import scan_view
from shared.db import UnitOfWork
from shared.events.gateway import ScansRecorded
from tests.gateway import samples as s
from tests.gateway.conftest import down
from tests.support.app import Harness, running
from tests.support.databases import Backend


async def view_of(gateway: Harness, code: str = s.CODE) -> ScanView:
    view = await scan_view(gateway.platform, code)
    TypeAdapter(ScanView).validate_python(view, strict=True)
    return view


async def test_safe_lot_says_what_was_checked(gateway: Harness) -> None:
    await gateway.deliver(s.enterprise(), s.party(), s.product(), s.lot())
    view = await view_of(gateway)
    assert view["verdict"] == "safe"
    assert {check["code"]: check["ok"] for check in view["checks"]} == {
        "registered": True,
        "shelf_life": True,
        "recall": True,
        "hold": True,
        "tests": True,
    }
    assert view["reasons"] == ["核对了 5 项，没有发现问题"]
    assert view["producer"] is not None
    assert view["producer"]["area_name"] == "栖霞市"
    assert [step["gap"] for step in view["journey"]] == [False, True]
    assert view["product"] == {
        "gtin": s.APPLE,
        "name": "栖霞红富士苹果 5 kg",
        "name_en": "Qixia Fuji apples 5 kg",
        "category": "鲜苹果",
        "claims": ["地理标志：栖霞苹果"],
    }


async def test_what_is_not_known_is_not_counted(gateway: Harness) -> None:
    await gateway.deliver(s.lot(tests=[], expires_on=None))
    view = await view_of(gateway)
    assert view["reasons_en"] == ["3 checks, no problem found; nothing is on record for 2 more"]


async def test_a_recall_reaches_the_next_scan(gateway: Harness) -> None:
    """The hot answer is cached, then dropped by the event: a stale `safe` is a defect."""
    await gateway.deliver(s.lot())
    url = f"/v1/scan{s.CODE}"
    for _ in range(2):
        assert (await gateway.get(url)).json()["verdict"] == "safe"
    await gateway.deliver(s.lot(verdict="recalled", recall=s.RECALL, reasons=["农药残留超标"], reasons_en=["Residue"]))
    answer = (await gateway.get(url, headers={"Accept-Language": "en"})).json()
    TypeAdapter(ScanAnswer).validate_python(answer, strict=True)
    assert (answer["verdict"], answer["title"]) == ("recalled", "Recalled: do not eat")
    assert answer["recall"]["reason"] == "Pesticide residue above the limit"
    assert answer["links"]["recall"] == "/v1/recalls/r-1"
    assert (await gateway.get(url)).json()["title"] == "正在召回，请勿食用"


async def test_a_lot_expires_by_its_date_without_an_event(gateway: Harness) -> None:
    await gateway.deliver(s.lot(expires_on=date(2026, 11, 24)))
    url = f"/v1/scan{s.CODE}"
    assert (await gateway.get(url)).json()["verdict"] == "safe"
    gateway.clock.set(datetime(2026, 11, 24, 16, 0, tzinfo=UTC))
    answer = (await gateway.get(url)).json()
    assert (answer["verdict"], answer["reasons"]) == ("expired", ["保质期至2026年11月24日"])


async def test_a_held_lot_stays_held_after_its_date(gateway: Harness) -> None:
    held = {"held": True, "verdict": "held", "reasons": ["检验不合格"], "reasons_en": ["A test failed"]}
    await gateway.deliver(s.lot(expires_on=date(2026, 11, 1), **held))
    view = await view_of(gateway)
    assert (view["verdict"], view["reasons"]) == ("held", ["检验不合格"])


async def test_a_hold_is_told_under_a_recall_too(gateway: Harness) -> None:
    async def hold() -> bool | None:
        return next(check["ok"] for check in (await view_of(gateway))["checks"] if check["code"] == "hold")

    recalled = {"verdict": "recalled", "recall": s.RECALL}
    await gateway.deliver(s.lot(open_alerts=1, held=True, **recalled))
    assert await hold() is False
    await gateway.deliver(s.lot(open_alerts=1, **recalled))
    assert await hold() is True
    await gateway.deliver(s.lot(open_alerts=1))
    assert await hold() is True
    await gateway.deliver(s.lot(open_alerts=1, verdict="held", held=True))
    assert await hold() is False


async def test_a_lot_of_which_nothing_is_known_any_more_is_unknown(gateway: Harness) -> None:
    await gateway.deliver(s.lot(verdict="recalled", recall=s.RECALL))
    assert (await view_of(gateway))["verdict"] == "recalled"
    await gateway.deliver(s.lot(verdict="unknown"))
    assert (await view_of(gateway))["verdict"] == "unknown"


async def test_credit_stands_beside_the_verdict_and_never_changes_it(gateway: Harness) -> None:
    await gateway.deliver(s.lot())
    url = f"/v1/scan{s.CODE}"
    assert (await gateway.get(url)).json()["producer"]["credit"]["status"] == "none"
    await gateway.deliver(s.listed(colour="red", listing_id="red"), s.listed())
    answer = (await gateway.get(url)).json()
    assert answer["verdict"] == "safe"
    credit = answer["producer"]["credit"]
    assert (credit["status"], credit["since"], credit["until"]) == ("black", "2026-11-20", "2029-11-19")
    assert credit["ground"] == "生产经营不合格食品，情节严重"


async def test_codes_that_nobody_registered(gateway: Harness) -> None:
    await gateway.deliver(s.product(), s.recall_opened())
    of_product = await view_of(gateway, f"/01/{s.APPLE}")
    assert (of_product["verdict"], of_product["recalled_lots"]) == ("unknown", [s.LOT])
    assert of_product["reasons_en"] == ["This code holds no lot number; enter the one printed on the package"]
    of_lot = await view_of(gateway, f"/01/{s.APPLE}/10/NEVER")
    assert of_lot["product"] is not None
    assert "没有登记" in of_lot["reasons"][0]
    of_nothing = await view_of(gateway, f"/01/{s.CAKE}")
    assert (of_nothing["verdict"], of_nothing["product"], of_nothing["producer"]) == ("unknown", None, None)
    await gateway.deliver(s.recall_closed())
    assert (await view_of(gateway, f"/01/{s.APPLE}"))["recalled_lots"] == []


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/scan/01/{s.APPLE}/10/{s.LOT}",
        f"/v1/scan/01/{s.APPLE}/10/{s.LOT}/21/7731",
        f"/v1/scan/{quote(f'https://id.gs1.org/01/{s.APPLE}/10/{s.LOT}', safe='')}",
        f"/v1/scan/{quote(f'(01){s.APPLE}(10){s.LOT}')}",
        f"/v1/scan/{s.APPLE}+{s.LOT}",
        f"/v1/scan/{s.APPLE}.{s.LOT}",
        f"/v1/scan?code={quote(f'{s.APPLE}+{s.LOT}')}",
        f"/v1/scan?code=https://example.org/x/01/{s.APPLE[1:]}/10/{s.LOT}",
    ],
)
async def test_every_form_of_a_code(gateway_sqlite: Harness, path: str) -> None:
    await gateway_sqlite.deliver(s.lot())
    answer = await gateway_sqlite.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.json()["code"]["lot_id"] == f"{s.APPLE}.{s.LOT}"
    assert answer.json()["verdict"] == "safe"


async def test_a_slash_inside_a_lot_is_not_a_path(gateway_sqlite: Harness) -> None:
    """`A/21/B` is one lot; its page is not that of serial B of lot A."""
    await gateway_sqlite.deliver(s.lot("A/21/B"), s.lot("A", verdict="held"))
    whole = (await gateway_sqlite.get(f"/v1/scan/01/{s.APPLE}/10/A%2F21%2FB")).json()
    parts = (await gateway_sqlite.get(f"/v1/scan/01/{s.APPLE}/10/A/21/B")).json()
    assert (whole["code"]["lot"], whole["code"]["serial"], whole["verdict"]) == ("A/21/B", None, "safe")
    by_id = (await gateway_sqlite.get(f"/v1/scan/{s.APPLE}.A%2F21%2FB")).json()
    assert (by_id["code"], by_id["verdict"]) == (whole["code"], "safe")
    assert (parts["code"]["lot"], parts["code"]["serial"], parts["verdict"]) == ("A", "B", "held")


async def test_what_is_no_code_says_which_character_is_wrong(gateway_sqlite: Harness) -> None:
    answer = await gateway_sqlite.get(f"/v1/scan/01/{s.APPLE[:-1]}7/10/A")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["code"], body["position"], body["expected"]) == ("gtin.check_digit", 14, "1")
    assert "第 14 位应为 1" in body["detail"]
    for path in ("/v1/scan/%00", "/v1/scan/x", "/v1/scan/01/", "/v1/scan/%FF%FE", "/v1/scan/01/%E0%A4%A/10/1"):
        assert (await gateway_sqlite.get(path)).status_code == 400, path
    assert (await gateway_sqlite.get("/v1/scan?code=")).status_code == 422


async def test_scans_are_counted_hot_or_not_and_published_as_a_batch(gateway: Harness) -> None:
    await gateway.deliver(s.lot())
    for _ in range(3):
        await gateway.get(f"/v1/scan{s.CODE}/21/7", headers={"X-Scan-Area": "370602"})
    await gateway.get(f"/v1/scan?code={s.APPLE}", headers={"X-Scan-Area": "<script>"})
    await gateway.get("/v1/scan/nonsense")
    await gateway.until(
        lambda: sum(len(batch.scans) for batch in gateway.published(ScansRecorded)) >= 4, "the flush of scans"
    )
    scans = [scan for batch in gateway.published(ScansRecorded) for scan in batch.scans]
    assert [(scan.lot, scan.serial, scan.where) for scan in scans] == [(s.LOT, "7", "370602")] * 3 + [(None,) * 3]
    assert len({scan.scan_id for scan in scans}) == 4


async def test_the_last_scans_are_flushed_when_the_process_ends(sqlite_backend: Backend) -> None:
    async with running(create_app, Settings, sqlite_backend, **down(), scan_flush_seconds=3600) as gateway:
        for serial in range(3):
            await gateway.get(f"/v1/scan{s.CODE}/21/{serial}")
        assert gateway.published(ScansRecorded) == []
    (batch,) = gateway.published(ScansRecorded)
    assert [scan.serial for scan in batch.scans] == ["0", "1", "2"]


async def test_scans_that_could_not_be_stored_wait(gateway_sqlite: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = gateway_sqlite.platform
    scans = SCANS.of(platform)
    with monkeypatch.context() as broken:
        broken.setattr(platform, "system_unit_of_work", _no_database)
        await gateway_sqlite.get(f"/v1/scan{s.CODE}")
        assert await scans.flush(platform) == 0
    assert await scans.flush(platform) == 1
    assert await scans.flush(platform) == 0


def _no_database() -> UnitOfWork:
    raise OSError("the database is away")


async def test_age_is_told_when_the_sources_are_away(gateway: Harness) -> None:
    await gateway.deliver(s.lot(), s.listed())
    changed = gateway.clock.now()
    gateway.clock.advance(minutes=18)
    answer = await gateway.get(f"/v1/scan{s.CODE}")
    part = answer.json()["parts"]["credit"]
    assert part["current"] is False
    assert part["age_seconds"] == 18 * 60
    assert datetime.fromisoformat(part["as_of"]) == changed
    assert answer.headers["age"] == str(18 * 60)
    assert answer.json()["producer"]["credit"]["as_of"] == part["as_of"]
    gateway.clock.advance(seconds=30)
    assert (await gateway.get(f"/v1/scan{s.CODE}")).headers["age"] == str(18 * 60 + 30)
