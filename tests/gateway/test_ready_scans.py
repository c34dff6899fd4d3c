"""The bytes that are made ready for a lot say what its view says, whatever was announced and whatever the day."""

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest
from sqlalchemy import update

from services.gateway.scans import body, views
from services.gateway.scans.models import LotRow
from shared.events.base import Event
from tests.gateway import samples as s
from tests.support.app import Harness

ODD = ['"product":{', "a\nb", '"}],"links":1', "\\", "{0}"]
HELD: dict[str, Any] = {"verdict": "held", "held": True, "reasons": ODD, "reasons_en": ODD}
CASES: dict[str, list[Event]] = {
    "only the lot": [s.lot()],
    "everything": [s.enterprise(), s.party(), s.product(), s.lot(), s.listed()],
    "no dates, no tests": [s.lot(tests=[], expires_on=None, produced_on=None, origin=None, journey=[])],
    "no producer": [s.lot(producer_uscc="", producer_name="", verdict="recalled", recall=s.RECALL)],
    "odd words": [s.product(category=ODD[0]), s.lot(product_name=ODD[1], product_name_en=ODD[2], claims=ODD, **HELD)],
    "recalled": [s.party(), s.lot(verdict="recalled", recall=s.RECALL, reasons=ODD, reasons_en=ODD)],
    "recalled, no English": [s.lot(product_name_en=None, verdict="recalled", recall=s.RECALL | {"reason_en": None})],
    "removed and listed again": [s.listed(), s.removed(), s.listed(listing_id="l-2", colour="red"), s.lot()],
    "expired": [s.lot(expires_on=date(2026, 11, 1))],
    "held and past its date": [s.lot(expires_on=date(2026, 11, 1), **HELD)],
}


async def compared(gateway: Harness) -> None:
    for path in (
        s.CODE,
        s.CODE + "/21/7",
        f"/01/{s.APPLE}/22/v%2F1/10/{s.LOT}",
        f"/01/{s.APPLE}",
        f"/01/{s.CAKE}/10/X",
    ):
        for lang in ("zh", "en"):
            code = views.read_code(path)
            view = await views.of_code(gateway.platform, code)
            found = await views.scanned(gateway.platform, code, lang)
            assert found.content == orjson.dumps(body.answer(view, code, lang))
            assert found.uscc == (view["producer"]["uscc"] if view["producer"] else None)
            assert {key: view[key] for key in found.envelope} == found.envelope  # type: ignore[literal-required]


@pytest.mark.parametrize("events", CASES.values(), ids=CASES)
async def test_ready_bytes_are_the_view_in_one_language(gateway: Harness, events: list[Event]) -> None:
    await gateway.deliver(*events)
    await compared(gateway)
    gateway.clock.set(datetime(2027, 8, 1, tzinfo=UTC))
    await compared(gateway)
    gateway.clock.set(datetime(2035, 1, 1, tzinfo=UTC))
    await compared(gateway)


async def test_a_row_from_before_the_ready_bytes_is_read_all_the_same(gateway: Harness) -> None:
    await gateway.deliver(s.lot())
    lot: dict[str, Any] = {"scan_zh": None, "scan_en": None}
    async with gateway.platform.system_unit_of_work() as uow:
        await uow.session.execute(update(LotRow).values(**lot))
    await compared(gateway)
    assert (await gateway.get(f"/v1/scan{s.CODE}")).json()["verdict"] == "safe"
