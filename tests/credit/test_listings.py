"""The listing procedure over HTTP: steps, who may take them, what each answer says, what becomes public."""

import asyncio
from datetime import date
from typing import Any

import pytest

from services.credit.calendar import sweep
from shared.events.credit import ListingProposed, ListingPublished, ListingRemoved
from tests.credit.samples import (
    BOTH,
    DECISION,
    NOTICE,
    OFFICER,
    PUBLISHER,
    REVIEWER,
    UNIT,
    WAIVER,
    blacklist,
    code,
    pointers,
    proposal,
    propose,
    push,
    step,
)
from tests.support.app import Harness, enterprise, staff

URL = "/v1/credit/listings"
RED = {"colour": "red", "ground_code": "red.benchmark", "facts": "市级质量标杆", "valid_until": "2028-12-31"}


async def redlist(credit: Harness, number: int = 1) -> str:
    """An enterprise on the red list: announced, no objections, decided, published. Moves the clock to 2 December."""
    await credit.put(
        f"/v1/credit/enterprises/{code(number)}", json={"name": f"标杆{number}号公司", "area_code": "370602"}, as_=UNIT
    )
    answer = await credit.post(URL, json=RED | {"uscc": code(number)}, as_=OFFICER)
    assert answer.status_code == 201, answer.text
    listing = str(answer.json()["listing_id"])
    await step(credit, listing, "notice", {"served_on": "2026-11-24", "method": "announcement"}, OFFICER)
    credit.clock.advance(days=8)
    await step(credit, listing, "hearing", {"how": "period_passed", "on": "2026-12-02"}, OFFICER)
    await step(credit, listing, "decision", DECISION | {"decided_on": "2026-12-02"}, REVIEWER)
    await step(credit, listing, "publication", {}, PUBLISHER)
    return listing


async def test_the_whole_procedure(credit: Harness) -> None:
    listing = await propose(credit, 1)
    assert credit.published(ListingProposed)[0].listing_id == listing
    url = f"{URL}/{listing}"
    assert (await credit.get(url)).status_code == 404
    file = (await credit.get(url, as_=OFFICER)).json()
    assert (file["state"], file["next"]["act"], file["next"]["by"]) == ("proposed", "notice", "2026-12-08")

    noticed = await step(credit, listing, "notice", NOTICE, OFFICER)
    assert (noticed["state"], noticed["hearing_until"], noticed["next"]["act"]) == ("notified", "2026-12-01", "hearing")
    heard = await step(credit, listing, "hearing", WAIVER, OFFICER)
    assert (heard["state"], heard["next"]["act"]) == ("heard", "decision")
    decided = await step(credit, listing, "decision", DECISION, REVIEWER)
    assert (decided["state"], decided["document_number"]) == ("decided", DECISION["document_number"])
    assert (await credit.get(url)).status_code == 404
    assert (await credit.get("/v1/credit/lists/black")).json()["items"] == []

    published = await step(credit, listing, "publication", {}, PUBLISHER)
    assert (published["state"], published["next"]) == ("published", None)
    period = (published["valid_from"], published["valid_until"], published["removable_from"])
    assert period == ("2026-11-24", "2029-11-23", "2027-11-24")
    assert [entry["kind"] for entry in published["steps"]] == [
        "proposal", "notice", "hearing", "decision", "publication",
    ]  # fmt: skip
    assert [entry["by"] for entry in published["steps"]] == ["user:li", "user:li", "user:li", "user:wang", "user:sun"]
    assert published["steps"][1]["document"] == NOTICE["document_number"]

    shown = (await credit.get(url)).json()
    assert "steps" not in shown
    assert shown["ground"].startswith("生产经营致病性微生物")
    assert "第44号" in shown["article"]
    assert shown["authority_name"] == "烟台市市场监督管理局"
    assert "行政复议" in shown["remedies"]
    assert "政府采购" in "".join(measure["field_zh"] for measure in shown["measures"])
    assert any(measure["zh"] == "依法限制参加政府采购活动" for measure in shown["measures"])
    (told,) = credit.published(ListingPublished)
    assert (told.valid_until, told.removable_from, told.party_name) == (
        date(2029, 11, 23),
        date(2027, 11, 24),
        "烟台样例食品1号有限公司",
    )
    assert "依法限制参加政府采购活动" in told.measures


async def test_every_skip_is_refused_with_the_article(credit: Harness) -> None:
    listing = await propose(credit, 1)

    async def refused(act: str, body: dict[str, Any], who: Any, words: str) -> None:
        problem = await step(credit, listing, act, body, who, 409)
        assert problem["code"] == "due_process"
        assert problem["detail"] == words
        assert problem["article"]
        assert problem["rule"]["status"] in ("verified", "to be verified")

    await refused("decision", DECISION, REVIEWER, "未送达告知书，不能作出决定")
    await refused("hearing", WAIVER, OFFICER, "未送达告知书，不能记录听取意见")
    await refused("publication", {}, PUBLISHER, "未送达告知书，不能公布")
    removal = {"reason": "revoked", "detail": "x", "document_number": "x"}
    await refused("removal", removal, REVIEWER, "未送达告知书，不能移出")
    await step(credit, listing, "notice", NOTICE, OFFICER)
    await refused("decision", DECISION, REVIEWER, "尚未听取当事人意见，不能作出决定")
    await refused("publication", {}, PUBLISHER, "尚未听取当事人意见，不能公布")
    passed = {"how": "period_passed", "on": "2026-11-24"}
    await refused("hearing", passed, OFFICER, "听取意见的期限到2026-12-01才届满")
    await step(credit, listing, "hearing", WAIVER, OFFICER)
    await refused("publication", {}, PUBLISHER, "尚未作出决定，不能公布")
    await step(credit, listing, "decision", DECISION, REVIEWER)
    await refused("removal", removal, REVIEWER, "尚未公布，不能移出")
    again = await step(credit, listing, "decision", DECISION, REVIEWER, 409)
    assert again["code"] == "listing_state"
    english = await credit.post(
        f"{URL}/{listing}/removal", json=removal, as_=REVIEWER, headers={"Accept-Language": "en"}
    )
    assert english.json()["detail"] == "No removal before publication"


async def test_the_proposer_cannot_decide_whatever_roles_he_has(credit_sqlite: Harness) -> None:
    receipt = await push(credit_sqlite, 1)
    body = proposal(1, violation_id=receipt["violation_id"])
    listing = (await credit_sqlite.post(URL, json=body, as_=BOTH)).json()["listing_id"]
    await step(credit_sqlite, listing, "notice", NOTICE, OFFICER)
    await step(credit_sqlite, listing, "hearing", WAIVER, OFFICER)
    problem = await step(credit_sqlite, listing, "decision", DECISION, BOTH, 403)
    assert (problem["code"], problem["detail"]) == ("two_persons", "提议人不能作决定")
    problem = (
        await credit_sqlite.post(
            f"{URL}/{listing}/decision", json=DECISION, as_=BOTH, headers={"Accept-Language": "en"}
        )
    ).json()
    assert problem["detail"] == "The proposer cannot decide"
    await step(credit_sqlite, listing, "decision", DECISION, REVIEWER)


async def test_each_act_needs_its_role_and_the_area(credit_sqlite: Harness) -> None:
    listing = await propose(credit_sqlite, 1)
    acts: list[tuple[str, dict[str, Any], Any]] = [
        ("notice", NOTICE, OFFICER),
        ("hearing", WAIVER, OFFICER),
        ("decision", DECISION, REVIEWER),
        ("publication", {}, PUBLISHER),
    ]
    for act, body, who in acts:
        for wrong in (staff("inspector"), staff("auditor"), UNIT, enterprise(code(1))):
            await step(credit_sqlite, listing, act, body, wrong, 403)
        assert (await credit_sqlite.post(f"{URL}/{listing}/{act}", json=body)).status_code == 401
        role = who.claims["roles"][0]
        far = staff(role, user="far", area="511900")
        assert (await step(credit_sqlite, listing, act, body, far, 403))["code"] == "area"
        beside = staff(role, user="beside", department="yt-nyj")
        assert (await step(credit_sqlite, listing, act, body, beside, 403))["code"] == "department"
        await step(credit_sqlite, listing, act, body, who)
    far = staff("case_officer", user="far", area="511900")
    receipt = await push(credit_sqlite, 2)
    body = proposal(2, violation_id=receipt["violation_id"])
    beside = staff("case_officer", user="beside", department="yt-nyj")
    for who, problem_code in ((far, "area"), (beside, "department")):
        refused = await credit_sqlite.post(URL, json=body, as_=who)
        assert (refused.status_code, refused.json()["code"]) == (403, problem_code)


async def test_a_proposal_is_judged_by_law(credit_sqlite: Harness) -> None:
    credit = credit_sqlite
    heavy = await push(credit, 1)
    light = await push(credit, 2, penalty_kinds=["fine"])
    at_the_upper_end = await push(credit, 3, penalty_kinds=["fine"], aggravated=True)

    async def answer(number: int, **changes: Any) -> Any:
        return await credit.post(URL, json=proposal(number, **changes), as_=OFFICER)

    none = await answer(1)
    assert (none.status_code, none.json()["code"]) == (409, "due_process")
    assert "第二条" in none.json()["article"]
    assert (await answer(2, violation_id=light["violation_id"])).status_code == 409
    assert (await answer(1, violation_id="nothing")).status_code == 409
    assert (await answer(1, violation_id=at_the_upper_end["violation_id"])).status_code == 409
    assert (await answer(3, violation_id=at_the_upper_end["violation_id"])).status_code == 201
    wrong = await answer(1, violation_id=heavy["violation_id"], ground_code="red.benchmark")
    assert pointers(wrong) == {"/ground_code": "listing.ground"}
    assert "food.contaminated" in wrong.json()["errors"][0]["detail"]
    own_period = await answer(1, violation_id=heavy["violation_id"], valid_until="2030-01-01")
    assert pointers(own_period) == {"/valid_until": "listing.valid_until"}
    assert pointers(await answer(9)) == {"/uscc": "enterprise.unknown"}
    bad = await credit.post(URL, json={"colour": "grey", "uscc": "1", "extra": 1}, as_=OFFICER)
    assert pointers(bad) == {
        "/colour": "literal_error",
        "/uscc": "uscc.length",
        "/ground_code": "missing",
        "/facts": "missing",
        "/extra": "extra_forbidden",
    }
    first = await answer(1, violation_id=heavy["violation_id"])
    second = await answer(1, violation_id=heavy["violation_id"])
    assert (second.status_code, second.json()["code"]) == (409, "listing_exists")
    assert second.json()["listing_id"] == first.json()["listing_id"]


async def test_days_and_documents_are_asked_for_at_their_place(credit_sqlite: Harness) -> None:
    listing = await propose(credit_sqlite, 1)
    answer = await credit_sqlite.post(f"{URL}/{listing}/notice", json=NOTICE | {"served_on": "2026-11-25"}, as_=OFFICER)
    assert pointers(answer) == {"/served_on": "listing.date"}
    unwritten = await step(credit_sqlite, listing, "notice", {"served_on": "2026-11-24"}, OFFICER, 409)
    assert "书面" in unwritten["detail"]
    await step(credit_sqlite, listing, "notice", NOTICE, OFFICER)
    for how in ("held", "waived"):
        problem = await step(credit_sqlite, listing, "hearing", {"how": how, "on": "2026-11-24"}, OFFICER, 409)
        assert problem["code"] == "due_process"
    await step(credit_sqlite, listing, "hearing", WAIVER, OFFICER)
    answer = await credit_sqlite.post(
        f"{URL}/{listing}/decision", json=DECISION | {"decided_on": "2026-11-23"}, as_=REVIEWER
    )
    assert pointers(answer) == {"/decided_on": "listing.date"}
    without = {name: value for name, value in DECISION.items() if name != "document_number"}
    assert (await step(credit_sqlite, listing, "decision", without, REVIEWER, 409))["code"] == "due_process"
    assert (await credit_sqlite.post(f"{URL}/nothing/notice", json=NOTICE, as_=OFFICER)).status_code == 404


async def test_a_hearing_that_was_asked_for_is_held_and_may_disprove_intent(credit_sqlite: Harness) -> None:
    listing = await propose(credit_sqlite, 1)
    await step(credit_sqlite, listing, "notice", NOTICE, OFFICER)
    asked = await step(credit_sqlite, listing, "hearing", {"how": "asked", "on": "2026-11-24"}, OFFICER)
    assert asked["state"] == "notified"
    credit_sqlite.clock.advance(days=20)
    passed = {"how": "period_passed", "on": "2026-12-14"}
    assert (await step(credit_sqlite, listing, "hearing", passed, OFFICER, 409))["code"] == "due_process"
    held = {"how": "held", "on": "2026-12-14", "document_number": "听证笔录1号", "intent_disproved": True}
    await step(credit_sqlite, listing, "hearing", held, OFFICER)
    decision = DECISION | {"decided_on": "2026-12-14"}
    problem = await step(credit_sqlite, listing, "decision", decision, REVIEWER, 409)
    assert problem["article"].endswith("第十二条")
    rejected = await step(credit_sqlite, listing, "decision", decision | {"outcome": "reject"}, REVIEWER)
    assert (rejected["state"], rejected["next"]) == ("rejected", None)
    assert (await step(credit_sqlite, listing, "publication", {}, PUBLISHER, 409))["code"] == "listing_state"


async def test_the_unused_period_is_enough_once_it_has_passed(credit_sqlite: Harness) -> None:
    listing = await propose(credit_sqlite, 1)
    await step(credit_sqlite, listing, "notice", NOTICE, OFFICER)
    credit_sqlite.clock.advance(days=8)
    heard = await step(credit_sqlite, listing, "hearing", {"how": "period_passed", "on": "2026-12-02"}, OFFICER)
    assert (heard["state"], heard["steps"][-1]["on"]) == ("heard", "2026-12-02")


async def test_the_red_list(credit: Harness) -> None:
    listing = await redlist(credit, 1)
    shown = (await credit.get("/v1/credit/lists/red")).json()["items"]
    assert [item["listing_id"] for item in shown] == [listing]
    assert (shown[0]["valid_until"], shown[0]["removable_from"]) == ("2028-12-31", None)
    assert {measure["field"] for measure in shown[0]["measures"]} >= {"finance", "procurement"}
    for changes in ({"valid_until": "2026-12-02"}, {"valid_until": None}):
        wrong = await credit.post(URL, json=RED | {"uscc": code(1)} | changes, as_=OFFICER)
        assert pointers(wrong) == {"/valid_until": "listing.valid_until"}
    # A light violation leaves it; a serious one removes it at once, and says why.
    await push(credit, 1, penalty_kinds=["fine"])
    assert credit.published(ListingRemoved) == []
    receipt = await push(credit, 1, external_id="X", document_number="烟市监罚〔2026〕77号")
    (removed,) = credit.published(ListingRemoved)
    assert (removed.listing_id, removed.colour, removed.reason) == (listing, "red", "revoked")
    assert receipt["violation_id"] in removed.detail
    assert (await credit.get("/v1/credit/lists/red")).json()["items"] == []


async def test_the_red_list_waits_for_objections(credit_sqlite: Harness) -> None:
    await credit_sqlite.put(
        f"/v1/credit/enterprises/{code(1)}", json={"name": "甲公司", "area_code": "370602"}, as_=UNIT
    )
    listing = (await credit_sqlite.post(URL, json=RED | {"uscc": code(1)}, as_=OFFICER)).json()["listing_id"]
    problem = await step(credit_sqlite, listing, "decision", DECISION, REVIEWER, 409)
    assert problem["detail"] == "红榜提议尚未公示征求异议，不能作出决定"
    await step(credit_sqlite, listing, "notice", {"served_on": "2026-11-24"}, OFFICER)
    for how in ("period_passed", "held", "waived"):
        body = {"how": how, "on": "2026-11-24", "document_number": "x"}
        assert (await step(credit_sqlite, listing, "hearing", body, OFFICER, 409))["code"] == "due_process"


async def test_black_clears_red_and_black_listed_enterprises_get_no_red_proposal(credit_sqlite: Harness) -> None:
    credit = credit_sqlite
    red = await redlist(credit, 1)
    credit.clock.advance(days=-8)
    await blacklist(credit, 1)
    assert [removed.listing_id for removed in credit.published(ListingRemoved)] == [red]
    refused = await credit.post(URL, json=RED | {"uscc": code(1)}, as_=OFFICER)
    assert (refused.status_code, refused.json()["code"]) == (409, "black_listed")


async def test_removal_by_decision(credit: Harness) -> None:
    listing, _ = await blacklist(credit, 1)
    credit.clock.advance(days=10)
    body = {"reason": "revoked", "detail": "行政诉讼判决撤销列入决定", "document_number": "(2026)鲁06行终1号"}
    removed = await step(credit, listing, "removal", body, REVIEWER)
    assert (removed["state"], removed["valid_until"]) == ("removed", "2026-12-03")
    (told,) = credit.published(ListingRemoved)
    assert (told.removed_on, told.reason, told.detail) == (date(2026, 12, 4), "revoked", body["detail"])
    assert (await credit.get(f"{URL}/{listing}")).status_code == 404
    assert (await step(credit, listing, "removal", body, REVIEWER, 409))["code"] == "listing_state"
    early = await credit.post(f"{URL}/{listing}/removal", json=body | {"reason": "repaired"}, as_=REVIEWER)
    assert pointers(early) == {"/reason": "literal_error"}


async def test_expiry_is_told_once(credit: Harness) -> None:
    listing, _ = await blacklist(credit, 1)
    credit.clock.set(credit.clock.now().replace(year=2029, month=11, day=23))
    assert [i["listing_id"] for i in (await credit.get("/v1/credit/lists/black")).json()["items"]] == [listing]
    await sweep.once(credit.platform)
    assert credit.published(ListingRemoved) == []
    credit.clock.advance(days=1)
    assert (await credit.get("/v1/credit/lists/black")).json()["items"] == []
    await sweep.once(credit.platform)
    await sweep.once(credit.platform)
    (told,) = credit.published(ListingRemoved)
    assert (told.reason, told.removed_on) == ("expired", date(2029, 11, 24))
    file = (await credit.get(f"{URL}/{listing}", as_=OFFICER)).json()
    assert (file["state"], file["valid_until"]) == ("removed", "2029-11-23")


async def test_two_officers_at_the_same_moment_take_one_step(credit: Harness) -> None:
    listing = await propose(credit, 1)
    await step(credit, listing, "notice", NOTICE, OFFICER)
    await step(credit, listing, "hearing", WAIVER, OFFICER)
    reviewers = [staff("reviewer", user=f"reviewer-{n}") for n in range(4)]
    answers = await asyncio.gather(
        *(credit.post(f"{URL}/{listing}/decision", json=DECISION, as_=who) for who in reviewers)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    file = (await credit.get(f"{URL}/{listing}", as_=OFFICER)).json()
    assert [entry["kind"] for entry in file["steps"]].count("decision") == 1


@pytest.mark.parametrize("body", [{}, {"how": "maybe"}, {"how": "held", "on": "soon"}, {"how": "held", "on": 1}])
async def test_bad_bodies_of_steps(credit_sqlite: Harness, body: dict[str, Any]) -> None:
    listing = await propose(credit_sqlite, 1)
    answer = await credit_sqlite.post(f"{URL}/{listing}/hearing", json=body, as_=OFFICER)
    assert answer.status_code == 422
    assert pointers(answer)
