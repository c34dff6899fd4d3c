"""The enterprise view and the lists: what events make of them, what the public and departments see."""

from datetime import UTC, date, datetime

import pytest
from pydantic import TypeAdapter

from services.gateway.schemas import EnterpriseView, ListView
from services.gateway.upstreams.clients import UPSTREAMS
from services.gateway.views import enterprise_view, list_view
from shared.auth import Principal
from shared.events.base import Event
from tests.gateway import samples as s
from tests.support.app import Harness, department

OFFICE = Principal(
    "department", "client:yt-scjg", department="yt-scjg", area="370600",
    scopes=frozenset({"credit:read", "traceability:tests:read", "traceability:alerts:read"}),
)  # fmt: skip


async def view_of(gateway: Harness, uscc: str = s.ORCHARD, **options: object) -> EnterpriseView:
    view = await enterprise_view(gateway.platform, uscc, **options)  # type: ignore[arg-type]
    assert view is not None
    TypeAdapter(EnterpriseView).validate_python(view, strict=True)
    return view


async def test_black_listing_from_proposal_to_removal(gateway: Harness) -> None:
    await gateway.deliver(s.enterprise(), s.proposed())
    view = await view_of(gateway)
    assert view["credit"] is not None
    assert view["credit"]["status"] == "none"
    assert "department" not in view
    procedures = (await view_of(gateway, reader=OFFICE))["department"]["procedures"]
    assert [one["listing_id"] for one in procedures] == ["l-1"]

    await gateway.deliver(s.listed())
    view = await view_of(gateway, reader=OFFICE)
    assert view["credit"] is not None
    assert view["credit"]["status"] == "black"
    listing = view["credit"]["listings"][0]
    assert (listing["in_force"], listing["days_left"], listing["days_to_removable"]) == (True, 1091, 361)
    assert listing["area_name"] == "栖霞市"
    assert view["department"]["procedures"] == []
    assert [item["kind"] for item in view["timeline"]] == ["listing"]

    await gateway.deliver(s.removed())
    public = await view_of(gateway)
    assert public["credit"] is not None
    assert (public["credit"]["status"], public["credit"]["former_listings"]) == ("none", [])
    assert public["timeline"] == []
    former = (await view_of(gateway, reader=OFFICE))["credit"]
    assert former is not None
    assert [one["removed_reason"] for one in former["former_listings"]] == ["revoked"]


async def test_listing_ends_by_its_date_without_an_event(gateway: Harness) -> None:
    await gateway.deliver(s.listed(valid_until=date(2026, 11, 24)))
    url = f"/v1/enterprises/{s.ORCHARD}"
    assert (await gateway.get(url)).json()["credit"]["status"] == "black"
    gateway.clock.set(datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC))
    assert (await gateway.get(url)).json()["credit"]["status"] == "black"
    gateway.clock.set(datetime(2026, 11, 24, 16, 0, 0, tzinfo=UTC))  # midnight in the city
    assert (await gateway.get(url)).json()["credit"]["status"] == "none"
    assert (await list_view(gateway.platform, "black"))["total"] == 0


async def test_red_listing_that_ended_stays_as_history(gateway: Harness) -> None:
    await gateway.deliver(s.listed(colour="red", valid_until=date(2026, 11, 23)))
    credit = (await view_of(gateway))["credit"]
    assert credit is not None
    assert credit["status"] == "none"
    assert [one["colour"] for one in credit["former_listings"]] == ["red"]


async def test_violation_is_public_only_while_published(gateway: Harness) -> None:
    await gateway.deliver(s.recorded())
    assert (await view_of(gateway))["violations"] == []
    hidden = (await view_of(gateway, reader=OFFICE))["department"]["violations"]
    assert [one["violation_id"] for one in hidden] == ["v-1"]

    await gateway.deliver(s.published())
    shown = await view_of(gateway, reader=OFFICE)
    assert [one["legal_basis"] for one in shown["violations"]] == ["食品安全法第一百二十四条"]
    assert shown["department"]["violations"] == []

    await gateway.deliver(s.corrected(fine_fen=6_000_000))
    assert [(one["fine_fen"], one["version"]) for one in (await view_of(gateway))["violations"]] == [(6_000_000, 2)]

    await gateway.deliver(s.ended())
    assert (await view_of(gateway))["violations"] == []
    await gateway.deliver(s.withdrawn())
    assert (await view_of(gateway, reader=OFFICE))["department"]["violations"] == []


async def test_warning_only_record_never_reaches_the_public(gateway: Harness) -> None:
    await gateway.deliver(s.recorded(publishable=False, violation_id="v-9"))
    answer = await gateway.get(f"/v1/enterprises/{s.ORCHARD}")
    assert "v-9" not in answer.text
    assert "department" not in answer.json()


async def test_products_and_recalls_of_the_producer(gateway: Harness) -> None:
    await gateway.deliver(s.party(), s.product(), s.product(s.CAKE), s.recall_opened())
    view = await view_of(gateway)
    assert {one["gtin"]: one["open_recalls"] for one in view["products"]} == {s.APPLE: 1, s.CAKE: 0}
    assert view["recalls"][0]["lots"][0]["href"] == s.CODE
    assert view["name"] == "栖霞示例果业专业合作社"
    assert view["identity"] is None
    await gateway.deliver(s.recall_closed())
    view = await view_of(gateway)
    assert [one["state"] for one in view["recalls"]] == ["closed"]
    assert view["products"][0]["open_recalls"] == 0


async def test_product_that_changes_hands_leaves_its_former_owner(gateway: Harness) -> None:
    await gateway.deliver(s.product(), s.product(uscc=s.BAKERY))
    assert (await view_of(gateway))["products"] == []
    assert [one["gtin"] for one in (await view_of(gateway, s.BAKERY))["products"]] == [s.APPLE]


async def test_supervision_tests_of_a_year_are_public_others_are_for_departments(gateway: Harness) -> None:
    await gateway.deliver(s.party())
    url = f"/v1/enterprises/{s.ORCHARD}"
    assert (await gateway.get(url)).json()["tests"]["n"] == 0
    await gateway.deliver(
        s.sampled("t-1"),
        s.sampled("t-2", result="fail", failed_items=["毒死蜱"], tested_on=date(2026, 11, 20)),
        s.sampled("t-3", kind="self"),
        s.sampled("t-4", tested_on=date(2025, 11, 23)),
        s.sampled("t-5", tested_on=date(2025, 11, 24)),
        s.sampled("t-6", producer_uscc=s.BAKERY),
    )
    tests = (await gateway.get(url)).json()["tests"]
    assert (tests["since"], tests["n"], tests["passed"]) == ("2025-11-24", 3, 2)
    assert [one["test_id"] for one in tests["newest"]] == ["t-2", "t-1", "t-5", "t-4"]
    await gateway.deliver(s.retested("t-2", tested_on=date(2026, 11, 20)))
    assert (await gateway.get(url)).json()["tests"]["passed"] == 3
    hidden = (await view_of(gateway, reader=OFFICE))["department"]["tests"]
    assert [one["test_id"] for one in hidden] == ["t-2", "t-3", "t-1", "t-5", "t-4"]
    past = await view_of(gateway, as_of=date(2026, 11, 1))
    assert [one["test_id"] for one in past["tests"]["newest"]] == ["t-1", "t-5", "t-4"]


async def test_open_alerts_are_for_departments(gateway: Harness) -> None:
    await gateway.deliver(s.party(), s.lot(), s.alert(), s.alert("a-2", subject=s.ORCHARD, lots=[]))
    await gateway.deliver(s.alert("a-3", subject=f"{s.CAKE}.B", lots=[f"{s.CAKE}.B"]))
    alerts = (await view_of(gateway, reader=OFFICE))["department"]["alerts"]
    assert sorted(alert["alert_id"] for alert in alerts) == ["a-1", "a-2"]
    assert "a-1" not in (await gateway.get(f"/v1/enterprises/{s.ORCHARD}")).text
    await gateway.deliver(s.alert_closed())
    alerts = (await view_of(gateway, reader=OFFICE))["department"]["alerts"]
    assert [alert["alert_id"] for alert in alerts] == ["a-2"]


async def test_hot_answer_follows_an_event_at_once_and_keeps_its_etag_until_then(gateway: Harness) -> None:
    url = f"/v1/enterprises/{s.ORCHARD}"
    await gateway.deliver(s.enterprise())
    first = await gateway.get(url)
    assert first.json()["name"] == "栖霞示例果业专业合作社"
    await gateway.until(lambda: UPSTREAMS.of(gateway.platform).monitor.seen["credit"].state == "down", "a look")
    again = await gateway.get(url, headers={"If-None-Match": (await gateway.get(url)).headers["etag"]})
    assert again.status_code == 304
    await gateway.deliver(s.listed())
    after = await gateway.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert after.json()["credit"]["status"] == "black"


async def test_department_token_sees_more_and_its_read_is_audited(gateway: Harness) -> None:
    await gateway.deliver(s.enterprise(), s.recorded())
    url = f"/v1/enterprises/{s.ORCHARD}"
    answer = await gateway.get(url, as_=department("credit:read"), headers={"Purpose": "tender 12"})
    assert [one["violation_id"] for one in answer.json()["department"]["violations"]] == ["v-1"]
    assert "department" not in (await gateway.get(url)).json()
    rows = gateway.rows("SELECT principal, purpose FROM audit_entry WHERE action = 'read'")
    assert rows == [("client:yt-scjg", "tender 12")]


@pytest.mark.parametrize(
    ("uscc", "status", "code"),
    [("91370686MA3EX4MP0D", 404, "enterprise"), ("91370686", 422, "uscc.length"), (s.BAKERY, 404, "enterprise")],
)
async def test_unknown_and_impossible_codes(gateway_sqlite: Harness, uscc: str, status: int, code: str) -> None:
    answer = await gateway_sqlite.get(f"/v1/enterprises/{uscc}")
    body = answer.json()
    assert answer.status_code == status
    assert code in (body["code"], *(error["code"] for error in body.get("errors", ())))


async def test_list_searches_pages_and_counts(gateway: Harness) -> None:
    many: list[Event] = [
        s.listed(listing_id=f"l-{n}", party_name=f"样例{n}食品厂", area_code="370686" if n % 2 else "370602")
        for n in range(7)
    ]
    await gateway.deliver(*many, s.listed(s.BAKERY, listing_id="red", colour="red"))
    seen: list[str] = []
    cursor = None
    while True:
        page = await list_view(gateway.platform, "black", limit=3, cursor=cursor)
        TypeAdapter(ListView).validate_python(page, strict=True)
        assert (page["total"], page["totals"]) == (7, {"black": 7, "red": 1})
        seen += [item["listing_id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == [f"l-{n}" for n in range(7)]

    async def found(query: str) -> list[str]:
        answer = await gateway.get(f"/v1/lists/black?{query}")
        assert answer.status_code == 200, answer.text
        return sorted(item["listing_id"] for item in answer.json()["items"])

    assert await found("q=样例3") == ["l-3"]
    assert await found(f"q={s.ORCHARD[:8].lower()}&area=370602") == ["l-0", "l-2", "l-4", "l-6"]
    assert len(await found("area=370600")) == 7
    assert await found("q=%25") == []


async def test_next_link_keeps_the_filters(gateway_sqlite: Harness) -> None:
    await gateway_sqlite.deliver(*(s.listed(listing_id=f"l-{n}") for n in range(3)))
    first = await gateway_sqlite.get("/v1/lists/black?limit=2&q=栖霞")
    following = await gateway_sqlite.get(first.links["next"]["url"])
    ids = [item["listing_id"] for page in (first, following) for item in page.json()["items"]]
    assert sorted(ids) == ["l-0", "l-1", "l-2"]
    assert "next" not in following.links


@pytest.mark.parametrize("query", ["cursor=x", "cursor=WyJhIl0", "limit=0", "limit=999", "area=12"])
async def test_list_refuses_bad_questions(gateway_sqlite: Harness, query: str) -> None:
    answer = await gateway_sqlite.get(f"/v1/lists/black?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "?" + query.split("=")[0]


async def test_list_has_two_colours(gateway_sqlite: Harness) -> None:
    assert (await gateway_sqlite.get("/v1/lists/grey")).status_code == 422
