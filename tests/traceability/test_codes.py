"""Digital Links of this platform: link set and QR."""

import re
from io import BytesIO
from urllib.parse import quote

import pytest

from services.traceability.codes import service as codes
from shared.identifiers import digital_link
from shared.identifiers.digital_link import Code
from tests.support.app import Harness
from tests.traceability import food
from tests.traceability.food import PACKED, PACKED_LOT, ok, refused

BASE = "http://127.0.0.1:8000"
URI = f"{BASE}/01/{PACKED}/10/QX1"


async def test_the_link_set_names_everything_behind_a_code(traceability: Harness) -> None:
    await food.register(traceability)
    path = f"/v1/traceability/codes/{quote('https://id.gs1.org/01/' + PACKED + '/10/QX1', safe='')}/linkset"
    response = await traceability.get(path)
    assert response.headers["content-type"] == "application/linkset+json"
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in response.headers["link"]
    [links] = ok(response)["linkset"]
    assert links["anchor"] == URI
    voc = "https://gs1.org/voc/"
    assert set(links) == {
        "anchor",
        *(voc + kind for kind in ("defaultLink", "pip", "traceability", "recallStatus", "epcis")),
    }
    assert links[voc + "defaultLink"][0]["href"] == URI
    assert links[voc + "defaultLink"][0]["title*"][1] == {"value": "Qixia Fuji apples, 5 kg box", "language": "en"}
    assert links[voc + "recallStatus"][0]["title"] == "没有召回"
    followed = links[voc + "traceability"][0]["href"].removeprefix(BASE)
    assert ok(await traceability.get(followed))["code"]["lot_id"] == PACKED_LOT

    await food.harvest(traceability)
    await food.make(traceability, food.RAW_LOT, PACKED_LOT, 24)
    events = links[voc + "epcis"][0]["href"].removeprefix(BASE)
    reader = food.department("traceability:epcis:read")
    found = ok(await traceability.get(events, as_=reader))["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert [event["type"] for event in found] == ["TransformationEvent"]

    await food.record(traceability)
    await food.recall(traceability, PACKED_LOT)
    [links] = ok(await traceability.get(path))["linkset"]
    assert links[voc + "recallStatus"][0]["title"] == "正在召回"
    assert voc + "certificationInfo" in links


async def test_an_invalid_code_is_a_400_and_an_unknown_one_has_a_link_set(on_sqlite: Harness) -> None:
    refused(await on_sqlite.get("/v1/traceability/codes/09521101530017+QX1/linkset"), 400, "gtin.check_digit")
    [links] = ok(await on_sqlite.get(f"/v1/traceability/codes/{PACKED}+QX1/linkset"))["linkset"]
    assert links["https://gs1.org/voc/pip"][0]["title"] == PACKED


async def test_qr_as_svg_and_png(on_sqlite: Harness) -> None:
    svg = await on_sqlite.get(f"/v1/traceability/codes/{PACKED}/QX1/qr.svg")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert f"<title>{URI}</title>" in svg.text
    assert "<script" not in svg.text
    png = await on_sqlite.get(f"/v1/traceability/codes/{PACKED}/QX1/qr.png", params={"scale": 4})
    assert png.content.startswith(b"\x89PNG")
    serial = await on_sqlite.get(f"/v1/traceability/codes/{PACKED}/QX1/qr.svg", params={"serial": "0007731"})
    assert f"{URI}/21/0007731</title>" in serial.text


@pytest.mark.parametrize("path", ["09521101530017/QX1/qr.svg", f"{PACKED}/QX1/qr.png?scale=0", f"{PACKED}/批号/qr.svg"])
async def test_bad_codes_and_sizes_are_refused(on_sqlite: Harness, path: str) -> None:
    assert (await on_sqlite.get(f"/v1/traceability/codes/{path}")).status_code == 422


@pytest.mark.parametrize("code", [Code(PACKED, "QX1"), Code(PACKED, "A/1", "S+2"), Code(PACKED, "L" * 20, "9" * 20)])
def test_the_symbol_holds_the_link_and_the_link_reads_back(code: Code) -> None:
    symbol = codes._symbol(code, BASE)
    assert symbol.error in ("M", "Q", "H")
    uri = code.uri(BASE)
    assert digital_link.parse(uri) == code
    assert len(uri.encode()) <= 200
    modules = len(symbol.matrix)
    image = codes.png(code, BASE, scale=3)
    width = int.from_bytes(BytesIO(image).getvalue()[16:20])
    assert width == (modules + 2 * codes.QUIET_ZONE) * 3
    assert re.search(r'viewBox="0 0 \d+ \d+"|width="\d+mm"', codes.svg(code, BASE).decode())
