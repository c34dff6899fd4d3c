"""A recall of any size comes in pages: every lot that came is recalled at once, and no answer claims to be whole before
the last page."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from services.gateway.schemas import RecallLotsView, RecallView
from services.gateway.views import recall_view
from tests.gateway import samples as s
from tests.support.app import Harness

COUNT, PAGE = 5_000, 2_000
FIRST, LAST = "R00001", "R05000"


def opened() -> Any:
    return s.recall_opened(lots=s.recalled_lots(1, 100), lots_count=COUNT)


def pages() -> list[Any]:
    starts = range(1, COUNT + 1, PAGE)
    return [
        s.lots_added(
            s.recalled_lots(start, min(start + PAGE - 1, COUNT)), page=number, pages=len(starts), lots_count=COUNT
        )
        for number, start in enumerate(starts, 1)
    ]


async def scan(gateway: Harness, lot: str) -> dict[str, Any]:
    answer = await gateway.get(f"/v1/scan/01/{s.APPLE}/10/{lot}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def known(gateway: Harness) -> tuple[bool, int, int]:
    view = await recall_view(gateway.platform, "r-1")
    assert view is not None
    TypeAdapter(RecallView).validate_python(view, strict=True)
    recall = view["recall"]
    return view["complete"], recall["lots_known"], recall["lots_count"]


async def all_lots(gateway: Harness) -> list[str]:
    found: list[str] = []
    url: str | None = "/v1/recalls/r-1/lots?limit=500"
    while url:
        answer = await gateway.get(url)
        assert answer.status_code == 200, answer.text
        TypeAdapter(RecallLotsView).validate_python(answer.json())
        found += [item["lot"] for item in answer.json()["items"]]
        url = answer.links.get("next", {}).get("url")
    return found


async def test_a_half_delivered_set_says_how_many_of_how_many(gateway: Harness) -> None:
    await gateway.deliver(s.product(), *(s.lot(lot) for lot in (FIRST, "R01000", "R03000", LAST)))
    assert [(await scan(gateway, lot))["verdict"] for lot in (FIRST, LAST)] == ["safe", "safe"]
    await gateway.deliver(opened())
    assert await known(gateway) == (False, 100, COUNT)
    assert (await scan(gateway, FIRST))["verdict"] == "recalled"
    one, two, three = pages()
    await gateway.deliver(one)
    assert await known(gateway) == (False, 2_000, COUNT)
    assert (await scan(gateway, "R01000"))["verdict"] == "recalled"
    listed = (await gateway.get("/v1/recalls/r-1/lots")).json()
    assert (listed["complete"], listed["lots_known"], listed["lots_count"]) == (False, 2_000, COUNT)
    await gateway.deliver(two)
    assert await known(gateway) == (False, 4_000, COUNT)
    assert (await scan(gateway, "R03000"))["verdict"] == "recalled"
    await gateway.deliver(three)
    assert await known(gateway) == (True, COUNT, COUNT)
    assert (await scan(gateway, LAST))["verdict"] == "recalled"
    assert await all_lots(gateway) == [f"R{number:05}" for number in range(1, COUNT + 1)]
    view = (await gateway.get("/v1/recalls/r-1")).json()["recall"]
    assert (len(view["lots"]), view["lots_next"]) == (100, "/v1/recalls/r-1/lots")
    firm = (await gateway.get(f"/v1/enterprises/{s.ORCHARD}")).json()
    assert [(len(recall["lots"]), recall["lots_count"]) for recall in firm["recalls"]] == [(100, COUNT)]
    assert [product["open_recalls"] for product in firm["products"]] == [1]
    for (size,) in gateway.rows("SELECT length(CAST(recalls AS TEXT)) FROM enterprise_view"):
        assert size < 50_000
    for word, total in ((LAST, 1), ("R00050", 1), ("r00050", 1), ("R09999", 0)):
        assert (await gateway.get(f"/v1/recalls?q={word}")).json()["total"] == total, word


async def test_a_lots_own_event_that_comes_late_frees_nothing(gateway: Harness) -> None:
    """A lot's event and the recall's have different keys: an older `safe` may come after the recall."""
    await gateway.deliver(opened(), *pages())
    await gateway.deliver(s.lot(LAST))
    answer = await scan(gateway, LAST)
    assert answer["verdict"] == "recalled"
    assert answer["recall"]["number"] == "召回〔2026〕1号"
    assert "农药残留超标" in answer["reasons"][0]
    assert [check["ok"] for check in answer["checks"] if check["code"] == "recall"] == [False]
    assert answer["links"]["recall"] == "/v1/recalls/r-1"
    by_query = await gateway.get("/v1/scan", params={"code": f"{s.APPLE}.{LAST}"})
    assert by_query.json()["verdict"] == "recalled"
    told = s.lot(LAST, verdict="recalled", recall=s.RECALL, reasons=["r"], reasons_en=["r"])
    await gateway.deliver(told)
    assert (await scan(gateway, LAST))["reasons"] == ["r"]


@pytest.mark.parametrize(("outcome", "verdict"), [("completed: 已回收", "recalled"), ("revoked: 复检合格", "safe")])
async def test_the_end_of_a_recall_frees_its_lots_when_it_was_revoked(
    gateway: Harness, outcome: str, verdict: str
) -> None:
    await gateway.deliver(s.product(), s.lot(LAST), opened(), *pages())
    assert (await scan(gateway, LAST))["verdict"] == "recalled"
    await gateway.deliver(s.recall_closed(outcome=outcome))
    assert (await scan(gateway, LAST))["verdict"] == verdict
    assert await all_lots(gateway) == [f"R{number:05}" for number in range(1, COUNT + 1)]
    firm = (await gateway.get(f"/v1/enterprises/{s.ORCHARD}")).json()
    assert [product["open_recalls"] for product in firm["products"]] == [0]
    await gateway.deliver(s.recall_updated(lots=s.recalled_lots(1, 100), lots_count=COUNT))
    assert (await scan(gateway, LAST))["verdict"] == "recalled"


async def test_a_lot_that_nobody_registered_is_recalled(gateway: Harness) -> None:
    await gateway.deliver(s.product(), opened(), *pages())
    answer = await scan(gateway, "R04999")
    assert (answer["verdict"], answer["recall"]["recall_id"]) == ("recalled", "r-1")
    assert (await scan(gateway, "R99999"))["verdict"] == "unknown"
    no_lot = (await gateway.get(f"/v1/scan/01/{s.APPLE}")).json()
    assert no_lot["recalled_lots"] == [f"R{number:05}" for number in range(1, 51)]


async def test_released_lots_are_free_and_the_others_are_not(gateway: Harness) -> None:
    await gateway.deliver(s.lot(FIRST), s.lot("R00002"), opened(), *pages())
    await gateway.deliver(s.lots_released(s.recalled_lots(1, 1), lots_count=COUNT - 1))
    assert await known(gateway) == (True, COUNT - 1, COUNT - 1)
    assert [(await scan(gateway, lot))["verdict"] for lot in (FIRST, "R00002")] == ["safe", "recalled"]
    assert (await all_lots(gateway))[0] == "R00002"
    more = s.recalled_lots(6_000, 6_000)
    await gateway.deliver(s.lots_added(more, lots_count=COUNT))
    assert (await all_lots(gateway))[-1] == "R06000"


async def test_a_page_that_holds_what_is_known_changes_nothing(gateway_sqlite: Harness) -> None:
    await gateway_sqlite.deliver(opened(), *pages())
    await gateway_sqlite.deliver(pages()[1])
    assert await known(gateway_sqlite) == (True, COUNT, COUNT)


async def test_events_of_before_there_were_pages_replace_the_set(gateway: Harness) -> None:
    await gateway.deliver(s.recall_opened(lots=s.recalled_lots(1, 150)), s.lot("R00150"), s.lot(FIRST))
    assert await known(gateway) == (True, 150, 150)
    assert (await scan(gateway, "R00150"))["verdict"] == "recalled"
    await gateway.deliver(s.recall_updated(lots=s.recalled_lots(2, 150)))
    assert await known(gateway) == (True, 149, 149)
    assert (await scan(gateway, FIRST))["verdict"] == "safe"
    await gateway.deliver(
        s.recall_updated(lots=s.recalled_lots(2, 101), lots_count=150),
        s.lots_added(s.recalled_lots(151, 151), lots_count=150),
    )
    assert await known(gateway) == (True, 150, 150)
    assert (await all_lots(gateway))[-1] == "R00151"
