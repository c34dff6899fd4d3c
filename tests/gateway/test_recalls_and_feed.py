"""Recalls, and the feed that forgets what may no longer be published."""

import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from services.gateway.schemas import FeedView, RecallsView, RecallView
from services.gateway.views import feed_view, recall_view, recalls_view
from tests.gateway import samples as s
from tests.support.app import Harness


async def kinds(gateway: Harness) -> list[tuple[str, str | None]]:
    view = await feed_view(gateway.platform)
    TypeAdapter(FeedView).validate_python(view, strict=True)
    return [(item["kind"], item["uscc"]) for item in view["items"]]


async def test_recall_widens_closes_and_opens_again(gateway: Harness) -> None:
    await gateway.deliver(s.recall_opened())
    wider = [
        *s.recall_opened().model_dump()["lots"],
        {"lot_id": f"{s.CAKE}.B1", "gtin": s.CAKE, "lot": "B1", "product_name": "桃酥"},
    ]
    await gateway.deliver(s.recall_updated(lots=wider), s.recall_closed())
    view = await recall_view(gateway.platform, "r-1")
    assert view is not None
    TypeAdapter(RecallView).validate_python(view, strict=True)
    recall = view["recall"]
    assert (recall["state"], recall["outcome"]) == ("closed", "召回 1,200 箱，全部销毁")
    assert [change["change"] for change in recall["changes"]] == ["新增 1 个批次"]
    assert recall["lots"][1]["href"] == f"/01/{s.CAKE}/10/B1"
    await gateway.deliver(s.recall_updated(change="迟到的记录：再增 1 个批次"))
    view = await recall_view(gateway.platform, "r-1")
    assert view is not None
    assert (view["recall"]["state"], view["recall"]["closed_at"], len(view["recall"]["lots"])) == ("open", None, 1)


async def test_reports_of_quantities_are_one_line_of_the_case(gateway: Harness) -> None:
    reported = {"change": "登记了回收和销毁的数量", "replaces": True}
    await gateway.deliver(s.recall_opened(), s.recall_updated(), s.recall_updated())
    for day in range(2, 5):
        await gateway.deliver(s.recall_updated(**reported, updated_at=datetime(2026, 12, day, tzinfo=UTC)))
    view = await recall_view(gateway.platform, "r-1")
    assert view is not None
    TypeAdapter(RecallView).validate_python(view, strict=True)
    told = [(change["change"], change["at"][:10]) for change in view["recall"]["changes"]]
    assert told == [("新增 1 个批次", "2026-11-24")] * 2 + [("登记了回收和销毁的数量", "2026-12-04")]


async def test_recalls_are_found_by_every_word(gateway: Harness) -> None:
    def numbered(n: int) -> dict[str, Any]:
        return {
            "recall_id": f"r-{n}",
            "number": f"召回〔2026〕{n}号",
            "opened_at": datetime(2026, 11, n, tzinfo=UTC),
            "reason": "农药残留超标" if n % 2 else "标签错误",
        }

    await gateway.deliver(*(s.recall_opened(**numbered(n)) for n in range(1, 8)), s.recall_closed(recall_id="r-7"))
    found: list[str] = []
    cursor = None
    while True:
        page = await recalls_view(gateway.platform, limit=2, cursor=cursor)
        TypeAdapter(RecallsView).validate_python(page, strict=True)
        found += [item["recall_id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert (found, page["total"]) == ([f"r-{n}" for n in (6, 5, 4, 3, 2, 1)], 6)

    async def total(query: str) -> int:
        answer = await gateway.get(f"/v1/recalls?{query}")
        assert answer.status_code == 200, answer.text
        return int(answer.json()["total"])

    assert await total("q=标签 苹果") == 3
    assert await total(f"q={s.LOT.lower()}") == 6
    assert await total("q=标签 桃酥") == 0
    assert await total("q=_") == 0
    assert await total("state=closed") == 1
    assert await total("state=all") == 7


async def test_recall_that_is_not_there(gateway: Harness) -> None:
    assert (await gateway.get("/v1/recalls/none")).json()["code"] == "recall"
    assert (await gateway.get("/v1/recalls?state=late")).status_code == 422
    assert (await gateway.get("/v1/recalls/%00")).status_code in (400, 404)
    assert (await gateway.get("/v1/recalls?q=%00")).status_code in (200, 400)


async def test_feed_tells_each_fact_once_newest_first(gateway: Harness) -> None:
    await gateway.deliver(s.enterprise(), s.recorded(), s.published())
    await gateway.deliver(s.proposed(), s.listed())
    await gateway.deliver(s.recall_opened())
    await gateway.deliver(s.recall_updated())
    await gateway.deliver(s.recall_closed())
    assert [kind for kind, _ in await kinds(gateway)] == [
        "recall_closed",
        "recall_updated",
        "recall_opened",
        "listing_published",
        "violation_published",
    ]
    assert [seq for (seq,) in gateway.rows("SELECT seq FROM feed ORDER BY seq")] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("how", ["ended", "withdrawn", "expired"])
async def test_a_penalty_leaves_the_feed_with_its_publication(gateway: Harness, how: str) -> None:
    await gateway.deliver(s.published())
    assert len(await kinds(gateway)) == 1
    if how == "expired":
        gateway.clock.set(datetime(2029, 11, 10, tzinfo=UTC))
    else:
        await gateway.deliver(s.ended() if how == "ended" else s.withdrawn())
    assert await kinds(gateway) == []
    assert "12号" not in (await gateway.get("/v1/feed")).text


async def test_a_listing_leaves_the_feed_when_it_is_removed(gateway: Harness) -> None:
    await gateway.deliver(s.enterprise(), s.listed())
    await gateway.deliver(s.removed())
    assert [kind for kind, _ in await kinds(gateway)] == ["listing_removed"]


async def test_json_feed_pages_back(gateway: Harness) -> None:
    await gateway.deliver(*(s.listed(listing_id=f"l-{n}") for n in range(5)))
    first = await gateway.get("/v1/feed?limit=3")
    assert first.headers["content-type"] == "application/feed+json"
    body = first.json()
    assert body["version"] == "https://jsonfeed.org/version/1.1"
    second = await gateway.get(first.links["next"]["url"])
    ids = [item["id"] for page in (body, second.json()) for item in page["items"]]
    assert ids == ["5", "4", "3", "2", "1"]
    assert body["items"][0]["url"] == f"http://test/enterprises/{s.ORCHARD}"
    assert (await gateway.get("/v1/feed?cursor=WyJ4Il0")).status_code == 422


async def test_atom_is_well_formed_whatever_a_name_holds(gateway_sqlite: Harness) -> None:
    await gateway_sqlite.deliver(s.listed(party_name='<script>&"', valid_until=date(2030, 1, 1)))
    for url, headers in (("/v1/feed.atom", {}), ("/v1/feed", {"Accept": "application/atom+xml"})):
        answer = await gateway_sqlite.get(url, headers=headers)
        assert answer.headers["content-type"].startswith("application/atom+xml")
        root = ET.fromstring(answer.content)
        space = {"a": "http://www.w3.org/2005/Atom"}
        assert [title.text for title in root.findall("a:entry/a:title", space)] == ['黑榜：<script>&"']
        assert root.findtext("a:updated", namespaces=space) is not None


async def test_a_recall_of_an_unknown_producer_stands_on_nobodys_file(gateway: Harness) -> None:
    """Of a lot of a supplier that is not here: `uscc` is empty, and no page leads to a firm."""
    named = {"uscc": "", "party_name": "生产者不明"}
    await gateway.deliver(s.recall_opened(**named), s.recall_updated(**named), s.recall_closed(uscc=""))
    assert gateway.rows("SELECT count(*) FROM enterprise_view WHERE uscc = ''") == [(0,)]
    assert {uscc for _, uscc in await kinds(gateway)} == {None}
    for path in ("/recalls?state=all", "/recalls/r-1"):
        page = await gateway.get(path, headers={"Accept": "text/html"})
        assert page.status_code == 200, page.text
        assert "生产者不明" in page.text
        assert 'href="/enterprises/"' not in page.text
    view = await recall_view(gateway.platform, "r-1")
    assert view is not None
    assert (view["recall"]["uscc"], view["recall"]["state"]) == ("", "closed")
