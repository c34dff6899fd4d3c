"""What must be done by when; leads from failed tests; recalls on the file."""

from datetime import UTC, date, datetime
from typing import Any

from services.credit.app import create_app
from services.credit.calendar import sweep
from services.credit.settings import Settings
from shared.bus.replay import replay
from shared.events.credit import ViolationRecorded
from shared.events.traceability import RecallClosed, RecallLot, RecallOpened, RecallUpdated, TestCorrected, TestRecorded
from tests.credit.samples import COUNTY, NOTICE, OFFICER, UNIT, code, propose, push, step
from tests.support.app import Harness, enterprise, running, staff
from tests.support.databases import Backend

URL = "/v1/credit/duties"


def report(number: int = 1, result: str = "fail", **changes: Any) -> dict[str, Any]:
    return {
        "test_id": f"test-{number}",
        "sample_id": f"sample-{number}",
        "lot_id": "06901234567892.L1",
        "gtin": "06901234567892",
        "producer_uscc": code(1),
        "area_code": "370602",
        "kind": "supervision",
        "category": "food",
        "result": result,
        "tested_on": date(2026, 11, 20),
        "laboratory": "烟台市食品药品检验检测中心",
        "report_number": f"R-{number}",
        "failed_items": ["毒死蜱"] if result == "fail" else [],
    } | changes


def recall(kind: Any, number: int = 1, **changes: Any) -> Any:
    body = {
        "recall_id": f"recall-{number}",
        "number": f"召〔2026〕{number}号",
        "level": 1,
        "uscc": code(1),
        "party_name": "烟台样例食品1号有限公司",
        "area_code": "370602",
        "reason": "农药残留超标",
        "lots": [RecallLot(lot_id="06901234567892.L1", gtin="06901234567892", lot="L1", product_name="苹果汁")],
        "opened_at": datetime(2026, 11, 24, 4, tzinfo=UTC),
        "start_by": datetime(2026, 11, 25, 4, tzinfo=UTC),
        "finish_by": date(2026, 12, 4),
    }
    return kind(**body | changes)


async def test_duties_of_an_area_in_order_of_their_day(credit: Harness) -> None:
    listing = await propose(credit, 1)
    await push(credit, 2, area_code="370611")
    await credit.deliver(recall(RecallOpened))

    async def duties(who: Any = OFFICER, **params: Any) -> list[tuple[str, str, str]]:
        answer = await credit.get(URL, params=params, as_=who)
        return [(d["kind"], d["act"], d["due_on"]) for d in answer.json()["items"]]

    everything = [
        ("recall", "finish", "2026-12-04"),
        ("listing", "notice", "2026-12-08"),
        ("violation", "publish", "2026-12-18"),
        ("violation", "publish", "2026-12-18"),
    ]
    assert await duties() == everything
    assert await duties(COUNTY) == everything[:3]
    assert await duties(staff("reviewer", area="511900", user="far")) == []
    assert await duties(overdue="true") == []
    credit.clock.advance(days=16)  # 10 December
    overdue = (await credit.get(URL, params={"overdue": "true"}, as_=OFFICER)).json()["items"]
    assert [(d["act"], d["overdue_workdays"], d["overdue"]) for d in overdue] == [
        ("finish", 4, True),
        ("notice", 2, True),
    ]
    assert overdue[1]["zh"] == "送达告知书"
    assert overdue[1]["id"] == listing
    await step(credit, listing, "notice", NOTICE | {"served_on": "2026-12-10"}, OFFICER)
    assert await duties(overdue="true") == [("recall", "finish", "2026-12-04")]
    await credit.deliver(
        RecallClosed(recall_id="recall-1", uscc=code(1), closed_at=datetime(2026, 12, 10, tzinfo=UTC), outcome="完成")
    )
    assert await duties(overdue="true") == []
    credit.clock.advance(days=20)
    await sweep.once(credit.platform)
    assert [kind for kind, _, _ in await duties()] == ["listing"]


async def test_duties_page_over_all_kinds(credit_sqlite: Harness) -> None:
    for number in range(5):
        await push(credit_sqlite, number)
    # a recall that ends on the same day as the penalties must be published
    for number in range(3):
        await credit_sqlite.deliver(recall(RecallOpened, number, finish_by=date(2026, 12, 18)))
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await credit_sqlite.get(URL, params=params, as_=OFFICER)).json()
        seen += [duty["id"] for duty in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 8
    assert (await credit_sqlite.get(URL, params={"cursor": "WzFd"}, as_=OFFICER)).status_code == 422
    for who in (enterprise(code(1)), staff("administrator")):
        assert (await credit_sqlite.get(URL, as_=who)).status_code == 403
    assert (await credit_sqlite.get(URL)).status_code == 401


async def test_a_failed_test_opens_a_lead_and_never_a_violation(credit: Harness) -> None:
    await credit.deliver(TestRecorded(**report(1)), TestRecorded(**report(2, "pass")))
    page = (await credit.get("/v1/credit/leads", as_=OFFICER)).json()
    (lead,) = page["items"]
    assert (lead["state"], lead["uscc"], lead["detail"]["failed_items"]) == ("open", code(1), ["毒死蜱"])
    assert credit.published(ViolationRecorded) == []
    assert credit.rows("SELECT count(*) FROM violation") == [(0,)]
    await credit.deliver(TestCorrected(**report(1, "pass"), reason="复检合格", version=2))
    (lead,) = (await credit.get("/v1/credit/leads", as_=OFFICER)).json()["items"]
    assert (lead["state"], lead["close_reason"]) == ("closed", "复检合格")
    await credit.deliver(TestCorrected(**report(1, "fail"), reason="复检结论有误", version=3))
    await credit.deliver(TestCorrected(**report(2, "fail"), reason="录入有误", version=2))
    leads = (await credit.get("/v1/credit/leads", params={"state": "open"}, as_=OFFICER)).json()["items"]
    assert {lead["detail"]["test_id"] for lead in leads} == {"test-1", "test-2"}
    assert all(lead["closed_at"] is None for lead in leads)


async def test_leads_are_for_the_officers_of_the_area(credit_sqlite: Harness) -> None:
    await credit_sqlite.deliver(*(TestRecorded(**report(number)) for number in range(3)))
    page = (await credit_sqlite.get("/v1/credit/leads", params={"limit": 2}, as_=UNIT)).json()
    rest = (await credit_sqlite.get("/v1/credit/leads", params={"cursor": page["next"]}, as_=UNIT)).json()
    assert [lead["detail"]["test_id"] for lead in page["items"] + rest["items"]] == ["test-0", "test-1", "test-2"]
    far = staff("case_officer", user="far", area="511900")
    assert (await credit_sqlite.get("/v1/credit/leads", as_=far)).json()["items"] == []
    assert (await credit_sqlite.get("/v1/credit/leads")).status_code == 401
    assert (await credit_sqlite.get("/v1/credit/leads", as_=enterprise(code(1)))).status_code == 403
    await push(credit_sqlite, 1)
    file = (await credit_sqlite.get(f"/v1/credit/enterprises/{code(1)}", as_=OFFICER)).json()
    assert len(file["leads"]) == 3


async def test_recalls_stand_on_the_file(credit: Harness) -> None:
    await push(credit, 1)
    await credit.deliver(recall(RecallOpened))
    more = [
        RecallLot(lot_id=f"06901234567892.L{n}", gtin="06901234567892", lot=f"L{n}", product_name="苹果汁")
        for n in (1, 2)
    ]
    await credit.deliver(
        recall(RecallUpdated, lots=more, change="增加批次", updated_at=datetime(2026, 11, 24, 5, tzinfo=UTC))
    )
    url = f"/v1/credit/enterprises/{code(1)}"
    (note,) = (await credit.get(url)).json()["recalls"]
    assert (note["number"], note["lots"], note["state"], note["finish_by"]) == (
        "召〔2026〕1号",
        2,
        "open",
        "2026-12-04",
    )
    await credit.deliver(
        RecallClosed(recall_id="recall-1", uscc=code(1), closed_at=datetime(2026, 11, 30, tzinfo=UTC), outcome="完成")
    )
    credit.clock.advance(days=10)
    (note,) = (await credit.get(url)).json()["recalls"]
    assert note["state"] == "closed"
    (note,) = (await credit.get(url, params={"as_of": "2026-11-28"})).json()["recalls"]
    assert (note["state"], note["closed_at"]) == ("open", None)


async def test_the_projection_of_recalls_is_rebuilt_the_same(backend: Backend) -> None:
    async with running(create_app, Settings, backend, sweep_seconds=3600) as credit:
        await credit.deliver(*(recall(RecallOpened, number) for number in range(4)))
        await credit.deliver(TestRecorded(**report(1)))
        await credit.deliver(
            RecallClosed(
                recall_id="recall-2", uscc=code(1), closed_at=datetime(2026, 11, 30, tzinfo=UTC), outcome="完成"
            )
        )
        columns = "recall_id, number, state, lots, finish_by, closed_at, outcome"
        before = credit.rows(f"SELECT {columns} FROM recall_note ORDER BY recall_id")
        assert await replay(credit.platform) > 0
        assert credit.rows(f"SELECT {columns} FROM recall_note ORDER BY recall_id") == before
        assert credit.rows("SELECT count(*) FROM lead") == [(1,)]
