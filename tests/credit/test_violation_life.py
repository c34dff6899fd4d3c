"""A recorded decision: published, corrected, withdrawn, ended; who sees what of it, when."""

import asyncio
from datetime import date

import pytest

from services.credit.app import create_app
from services.credit.calendar import sweep
from services.credit.settings import Settings
from shared.events.credit import (
    ListingRemoved,
    ViolationCorrected,
    ViolationPublicationEnded,
    ViolationPublished,
    ViolationWithdrawn,
)
from tests.credit.samples import (
    COUNTY,
    ELSEWHERE,
    OFFICER,
    OTHER_UNIT,
    PUBLISHER,
    UNIT,
    blacklist,
    code,
    pointers,
    propose,
    push,
    violation,
)
from tests.support.app import Harness, department, enterprise, running, staff
from tests.support.databases import Backend

URL = "/v1/credit/violations"
WITHDRAWAL = {"reason": "复议撤销", "document_number": "烟府复决〔2026〕3号", "annulled_on": "2026-11-24"}


async def publish(credit: Harness, violation_id: str) -> None:
    answer = await credit.post(f"{URL}/{violation_id}/publication", json={}, as_=PUBLISHER)
    assert answer.status_code == 200, answer.text


async def test_a_publisher_publishes_before_the_calendar_does(credit: Harness) -> None:
    receipt = await push(credit, 1)
    url = f"{URL}/{receipt['violation_id']}"
    assert (await credit.get(url)).status_code == 404
    for who in (UNIT, OFFICER, staff("reviewer")):
        assert (await credit.post(f"{url}/publication", json={}, as_=who)).status_code == 403
    far = staff("publisher", area="511900", user="far")
    beside = staff("publisher", department="yt-nyj", user="beside")
    for who in (far, beside):
        assert (await credit.post(f"{url}/publication", json={}, as_=who)).status_code == 403
    await publish(credit, receipt["violation_id"])
    shown = (await credit.get(url)).json()
    assert (shown["published_on"], shown["expires_on"]) == ("2026-11-24", "2029-11-23")
    assert shown["penalties_zh"] == "罚款、责令停产停业"
    assert "gravity" not in shown
    (told,) = credit.published(ViolationPublished)
    assert (told.published_on, told.expires_on) == (date(2026, 11, 24), date(2029, 11, 23))
    again = await credit.post(f"{url}/publication", json={}, as_=PUBLISHER)
    assert (again.status_code, again.json()["code"]) == (409, "violation_state")


async def test_what_the_law_keeps_back_cannot_be_published(credit_sqlite: Harness) -> None:
    receipt = await push(credit_sqlite, 1, penalty_kinds=["warning"], fine_fen=None)
    answer = await credit_sqlite.post(f"{URL}/{receipt['violation_id']}/publication", json={}, as_=PUBLISHER)
    assert (answer.status_code, answer.json()["code"]) == (409, "violation_state")
    credit_sqlite.clock.advance(days=60)
    await sweep.once(credit_sqlite.platform)
    assert credit_sqlite.published(ViolationPublished) == []


async def test_who_sees_a_record_that_is_not_published(credit_sqlite: Harness) -> None:
    receipt = await push(credit_sqlite, 1)
    url = f"{URL}/{receipt['violation_id']}"
    for who in (UNIT, OTHER_UNIT, OFFICER, department("credit:read")):
        file = (await credit_sqlite.get(url, as_=who)).json()
        assert (file["gravity"], file["due_act"], file["due_on"]) == ("serious", "publish", "2026-12-18")
        assert file["versions"][0]["body"]["external_id"] == "CASE-1"
    own = (await credit_sqlite.get(url, as_=enterprise(code(1)))).json()
    assert own["document_number"] == "烟市监罚〔2026〕1号"
    assert "versions" not in own
    assert (await credit_sqlite.get(url, as_=enterprise(code(2)))).status_code == 404
    assert (await credit_sqlite.get(url, as_=department("nothing"))).status_code == 404
    assert (await credit_sqlite.get(f"{URL}/nothing", as_=UNIT)).status_code == 404


async def test_the_calendar_publishes_on_the_last_day_and_ends_in_time(credit: Harness) -> None:
    receipt = await push(credit, 1, penalty_kinds=["fine"])
    url = f"{URL}/{receipt['violation_id']}"
    credit.clock.advance(days=23)  # 2026-12-17
    assert await sweep.once(credit.platform) == 0
    credit.clock.advance(days=1)  # 2026-12-18, the last day
    assert await sweep.once(credit.platform) == 1
    assert await sweep.once(credit.platform) == 0
    (told,) = credit.published(ViolationPublished)
    assert told.expires_on == date(2027, 12, 17)
    credit.clock.advance(days=364)  # 2027-12-17, the last day that it is shown
    assert (await credit.get(url)).status_code == 200
    assert await sweep.once(credit.platform) == 0
    credit.clock.advance(days=1)
    # computed from dates: not shown even before the calendar's work is done
    assert (await credit.get(url)).status_code == 404
    assert await sweep.once(credit.platform) == 1
    assert await sweep.once(credit.platform) == 0
    (ended,) = credit.published(ViolationPublicationEnded)
    assert (ended.ended_on, ended.reason) == (date(2027, 12, 18), "expired")


async def test_what_fell_due_while_the_service_was_down_is_done_once_after_a_restart(backend: Backend) -> None:
    async with running(create_app, Settings, backend, sweep_seconds=3600) as first:
        receipt = await push(first, 1, penalty_kinds=["criticism"])
        await publish(first, receipt["violation_id"])
        url, clock = first.platform.db.url.render_as_string(hide_password=False), first.clock
    clock.advance(days=200)
    for _ in range(2):
        async with running(create_app, Settings, backend, clock=clock, url=url, sweep_seconds=3600) as again:
            await again.until(lambda: bool(again.published(ViolationPublicationEnded)), "the end of publication")
            await sweep.once(again.platform)
            (ended,) = again.published(ViolationPublicationEnded)
    assert ended.ended_on == date(2027, 2, 24)


async def test_two_workers_do_each_thing_once(backend: Backend) -> None:
    async with running(create_app, Settings, backend, sweep_seconds=3600, sweep_limit=7) as one:
        url = one.platform.db.url.render_as_string(hide_password=False)
        items = [violation(n, penalty_kinds=["criticism"]) for n in range(60)]
        await one.post(f"{URL}:batch", json={"items": items}, as_=UNIT)
        async with running(
            create_app, Settings, backend, clock=one.clock, url=url, sweep_seconds=3600, sweep_limit=7, worker_id="1"
        ) as two:
            for days in (30, 100):
                one.clock.advance(days=days)
                await asyncio.gather(*(sweep.once(each.platform) for each in (one, two, one, two)))
            for kind in (ViolationPublished, ViolationPublicationEnded):
                told = [event.violation_id for event in one.published(kind)]
                assert len(told) == len(set(told)) == 60


@pytest.mark.parametrize(("setting", "published"), [("at_once", 1), ("never", 0)])
async def test_when_publication_is_automatic_is_a_setting(
    sqlite_backend: Backend, setting: str, published: int
) -> None:
    async with running(create_app, Settings, sqlite_backend, sweep_seconds=3600, auto_publish=setting) as credit:
        await push(credit, 1)
        await sweep.once(credit.platform)
        assert len(credit.published(ViolationPublished)) == published
        credit.clock.advance(days=60)
        await sweep.once(credit.platform)
        assert len(credit.published(ViolationPublished)) == published


async def test_more_than_one_transaction_of_the_sweep(sqlite_backend: Backend) -> None:
    async with running(
        create_app, Settings, sqlite_backend, sweep_seconds=3600, auto_publish="at_once", sweep_limit=3
    ) as credit:
        items = [violation(n) for n in range(10)]
        await credit.post(f"{URL}:batch", json={"items": items}, as_=UNIT)
        assert await sweep.once(credit.platform) == 10
        assert len(credit.published(ViolationPublished)) == 10


async def test_a_correction_is_a_new_version_that_reaches_who_was_told(credit: Harness) -> None:
    receipt = await push(credit, 1, penalty_kinds=["fine"])
    await publish(credit, receipt["violation_id"])
    url = f"{URL}/{receipt['violation_id']}"
    credit.clock.advance(days=1)
    body = {"version": 1, "reason": "罚款金额录入有误", "changes": {"fine_fen": 300, "facts": "更正后的事实"}}
    answer = await credit.post(f"{url}/corrections", json=body, as_=UNIT)
    assert answer.status_code == 201
    corrected = answer.json()
    assert (corrected["version"], corrected["status"]) == (2, "corrected")
    assert corrected["id"] != receipt["id"]
    shown = (await credit.get(url)).json()
    assert (shown["fine_fen"], shown["version"], shown["published_on"]) == (300, 2, "2026-11-24")
    (told,) = credit.published(ViolationCorrected)
    assert (told.version, told.fine_fen, told.reason) == (2, 300, "罚款金额录入有误")
    assert [event.version for event in credit.published(ViolationPublished)] == [1, 2]
    file = (await credit.get(url, as_=UNIT)).json()
    assert [(v["version"], v["body"]["fine_fen"]) for v in file["versions"]] == [(1, 5_000_000), (2, 300)]
    assert file["versions"][0]["known_to"] == file["versions"][1]["known_from"]
    # The first push still has its first receipt, and the version that was corrected is not the one in force.
    again = await credit.post(URL, json=violation(1, penalty_kinds=["fine"]), as_=UNIT)
    assert (again.status_code, again.json()["id"]) == (200, receipt["id"])
    stale = await credit.post(f"{url}/corrections", json=body, as_=UNIT)
    assert (stale.status_code, stale.json()["code"], stale.json()["version"]) == (409, "version", 2)
    same = await credit.post(f"{url}/corrections", json=body | {"version": 2}, as_=UNIT)
    assert (same.status_code, same.json()["code"]) == (409, "no_change")
    latest = await credit.get("/v1/credit/receipts", params={"external_id": "CASE-1"}, as_=UNIT)
    assert latest.content == answer.content


async def test_a_correction_is_judged_like_a_new_record(credit_sqlite: Harness) -> None:
    receipt = await push(credit_sqlite, 1)
    url = f"{URL}/{receipt['violation_id']}/corrections"
    changes = {"uscc": code(2), "document_number": "x", "decision_date": "2030-01-01", "surprise": 1, "fine_fen": -1}
    wrong = await credit_sqlite.post(url, json={"version": 1, "reason": "r", "changes": changes}, as_=UNIT)
    assert wrong.status_code == 422
    assert pointers(wrong) == {
        "/changes/uscc": "violation.identity",
        "/changes/document_number": "violation.identity",
        "/changes/decision_date": "violation.decision_date",
        "/changes/surprise": "extra_forbidden",
        "/changes/fine_fen": "greater_than_equal",
    }
    body = {"version": 1, "reason": "r", "changes": {"fine_fen": 1}}
    for who, problem_code in ((OTHER_UNIT, "department"), (ELSEWHERE, "area")):
        refused = await credit_sqlite.post(url, json=body, as_=who)
        assert (refused.status_code, refused.json()["code"]) == (403, problem_code)
    moved = body | {"changes": {"area_code": "370613"}}
    assert (await credit_sqlite.post(url, json=moved, as_=COUNTY)).status_code == 403
    assert (await credit_sqlite.post(url, json=body, as_=OFFICER)).status_code == 201


async def test_a_correction_that_the_law_keeps_back_ends_the_publication(credit_sqlite: Harness) -> None:
    receipt = await push(credit_sqlite, 1)
    await publish(credit_sqlite, receipt["violation_id"])
    url = f"{URL}/{receipt['violation_id']}"
    changes = {"penalty_kinds": ["warning"], "fine_fen": None}
    body = {"version": 1, "reason": "r", "changes": changes}
    assert (await credit_sqlite.post(f"{url}/corrections", json=body, as_=UNIT)).status_code == 201
    assert (await credit_sqlite.get(url)).status_code == 404
    (ended,) = credit_sqlite.published(ViolationPublicationEnded)
    assert ended.reason == "withdrawn"
    back = {"version": 2, "reason": "r", "changes": {"penalty_kinds": ["fine"]}}
    receipt = (await credit_sqlite.post(f"{url}/corrections", json=back, as_=UNIT)).json()
    assert receipt["publish_by"] == "2026-12-18"
    credit_sqlite.clock.advance(days=40)
    await sweep.once(credit_sqlite.platform)
    assert (await credit_sqlite.get(url)).status_code == 200


async def test_a_withdrawal_takes_everything_with_it_at_once(credit: Harness) -> None:
    listing, violation_id = await blacklist(credit, 1)
    await publish(credit, violation_id)
    url = f"{URL}/{violation_id}"
    answer = await credit.post(f"{url}/withdrawal", json=WITHDRAWAL, as_=UNIT)
    assert answer.status_code == 201
    receipt = answer.json()
    assert (receipt["status"], receipt["version"], receipt["publishable"]) == ("withdrawn", 2, False)
    stop, delist = receipt["next"]
    assert stop["by"] == delist["by"] == "2026-11-27"  # three working days
    assert "第45号" in stop["rule"]["order"]
    assert "第44号" in delist["rule"]["order"]
    assert listing in delist["zh"]
    assert (await credit.get(url)).status_code == 404
    assert (await credit.get("/v1/credit/lists/black")).json()["items"] == []
    assert credit.published(ViolationWithdrawn)[0].version == 2
    assert credit.published(ViolationPublicationEnded)[0].reason == "withdrawn"
    (removed,) = credit.published(ListingRemoved)
    assert (removed.listing_id, removed.reason, removed.removed_on) == (listing, "revoked", date(2026, 11, 24))
    assert "复议撤销" in removed.detail
    for act, body in (
        ("withdrawal", WITHDRAWAL),
        ("corrections", {"version": 2, "reason": "r", "changes": {"fine_fen": 1}}),
    ):
        refused = await credit.post(f"{url}/{act}", json=body, as_=UNIT)
        assert (refused.status_code, refused.json()["code"]) == (409, "violation_state")
    assert (await credit.post(f"{url}/publication", json={}, as_=PUBLISHER)).status_code == 409
    # Pushing it again is the old record with its old receipt, not a new one.
    assert (await credit.post(URL, json=violation(1), as_=UNIT)).status_code == 200


async def test_a_withdrawal_ends_a_procedure_that_runs(credit_sqlite: Harness) -> None:
    listing = await propose(credit_sqlite, 1)
    file = (await credit_sqlite.get(f"/v1/credit/listings/{listing}", as_=OFFICER)).json()
    url = f"{URL}/{file['violation_id']}/withdrawal"
    assert pointers(await credit_sqlite.post(url, json=WITHDRAWAL | {"annulled_on": "2027-01-01"}, as_=UNIT)) == {
        "/annulled_on": "violation.date"
    }
    assert pointers(await credit_sqlite.post(url, json=WITHDRAWAL | {"annulled_on": "2026-01-01"}, as_=UNIT)) == {
        "/annulled_on": "violation.date"
    }
    assert (await credit_sqlite.post(url, json=WITHDRAWAL, as_=OTHER_UNIT)).status_code == 403
    assert (await credit_sqlite.post(url, json=WITHDRAWAL, as_=UNIT)).status_code == 201
    file = (await credit_sqlite.get(f"/v1/credit/listings/{listing}", as_=OFFICER)).json()
    assert (file["state"], file["next"]) == ("rejected", None)
    assert credit_sqlite.published(ListingRemoved) == []


async def test_a_correction_to_a_lighter_penalty_revokes_the_listing(credit_sqlite: Harness) -> None:
    listing, violation_id = await blacklist(credit_sqlite, 1)
    body = {"version": 1, "reason": "变更处罚", "changes": {"penalty_kinds": ["fine"]}}
    answer = await credit_sqlite.post(f"{URL}/{violation_id}/corrections", json=body, as_=UNIT)
    assert answer.status_code == 201
    (removed,) = credit_sqlite.published(ListingRemoved)
    assert removed.listing_id == listing


async def test_unknown_records(credit_sqlite: Harness) -> None:
    for act, body, who in (
        ("corrections", {"version": 1, "reason": "r", "changes": {"fine_fen": 1}}, UNIT),
        ("withdrawal", WITHDRAWAL, UNIT),
        ("publication", {}, PUBLISHER),
    ):
        assert (await credit_sqlite.post(f"{URL}/nothing/{act}", json=body, as_=who)).status_code == 404
