"""Grounds that the plan names by their field: each leads through the whole procedure to a list where it is found."""

import pytest

from tests.credit.samples import (
    DECISION,
    NOTICE,
    OFFICER,
    PUBLISHER,
    REVIEWER,
    UNIT,
    WAIVER,
    code,
    pointers,
    proposal,
    push,
    step,
)
from tests.support.app import Harness

URL = "/v1/credit/listings"


@pytest.mark.parametrize(
    ("ground", "field", "firm"),
    [
        ("drugs.counterfeit", "drugs", "烟台样例药业有限公司"),
        ("testing.false_report", "testing", "烟台样例检测有限公司"),
        ("construction.false_test_report", "construction", "烟台样例建设工程质量检测有限公司"),
        ("tourism.serious_dishonesty", "tourism", "烟台样例旅行社有限公司"),
        ("trademark.infringement", "trademarks", "烟台样例商贸有限公司"),
    ],
)
async def test_a_black_listing_on_each_ground(credit_sqlite: Harness, ground: str, field: str, firm: str) -> None:
    credit = credit_sqlite
    receipt = await push(credit, 1, field=field, party_name=firm, penalty_kinds=["licence_revoked"])
    body = proposal(1, ground_code=ground, violation_id=receipt["violation_id"])
    answer = await credit.post(URL, json=body, as_=OFFICER)
    assert answer.status_code == 201, answer.text
    listing = answer.json()["listing_id"]
    await step(credit, listing, "notice", NOTICE, OFFICER)
    await step(credit, listing, "hearing", WAIVER, OFFICER)
    await step(credit, listing, "decision", DECISION, REVIEWER)
    await step(credit, listing, "publication", {}, PUBLISHER)
    (item,) = (await credit.get("/v1/credit/lists/black", params={"ground": ground})).json()["items"]
    assert (item["uscc"], item["party_name"]) == (code(1), firm)
    assert any(measure["field"] == "procurement" for measure in item["measures"])


async def test_a_ground_of_another_field_is_refused_with_those_that_fit(credit_sqlite: Harness) -> None:
    credit = credit_sqlite
    receipt = await push(credit, 1, field="metrology")
    body = proposal(1, ground_code="tourism.serious_dishonesty", violation_id=receipt["violation_id"])
    wrong = await credit.post(URL, json=body, as_=OFFICER)
    assert wrong.status_code == 422
    assert pointers(wrong) == {"/ground_code": "listing.ground_field"}
    assert wrong.json()["errors"][0]["detail"] == (
        "事由属于“旅游”领域，所依据的处罚属于“计量”领域，两者不符；"
        "可用事由：metrology.cheating_instrument、any.obstruction、any.refusal_to_perform"
    )
    english = await credit.post(URL, json=body, as_=OFFICER, headers={"Accept-Language": "en"})
    assert english.json()["errors"][0]["detail"].startswith("The ground is one of the field Tourism, the penalty")
    answer = await credit.post(URL, json=body | {"ground_code": "any.obstruction"}, as_=OFFICER)
    assert answer.status_code == 201, answer.text


async def test_a_penalty_corrected_to_another_field_no_longer_carries_the_ground(credit_sqlite: Harness) -> None:
    credit = credit_sqlite
    receipt = await push(credit, 1)
    answer = await credit.post(URL, json=proposal(1, violation_id=receipt["violation_id"]), as_=OFFICER)
    listing = answer.json()["listing_id"]
    await step(credit, listing, "notice", NOTICE, OFFICER)
    await step(credit, listing, "hearing", WAIVER, OFFICER)
    correction = {"version": 1, "reason": "领域登记有误", "changes": {"field": "tourism"}}
    corrected = await credit.post(
        f"/v1/credit/violations/{receipt['violation_id']}/corrections", json=correction, as_=UNIT
    )
    assert corrected.status_code == 201, corrected.text
    refused = await step(credit, listing, "decision", DECISION, REVIEWER, 409)
    assert (refused["code"], "tourism.serious_dishonesty" in refused["detail"]) == ("due_process", True)
    rejected = await step(credit, listing, "decision", DECISION | {"outcome": "reject"}, REVIEWER)
    assert rejected["state"] == "rejected"


@pytest.mark.parametrize("ground", ["red.benchmark", "red.standard_front_runner", "red.brand"])
async def test_a_red_listing_on_each_ground(credit_sqlite: Harness, ground: str) -> None:
    credit = credit_sqlite
    statement = {"name": "烟台样例标杆有限公司", "area_code": "370602"}
    await credit.put(f"/v1/credit/enterprises/{code(1)}", json=statement, as_=UNIT)
    body = {
        "colour": "red",
        "uscc": code(1),
        "ground_code": ground,
        "facts": "公布文件所列",
        "valid_until": "2028-12-31",
    }
    answer = await credit.post(URL, json=body, as_=OFFICER)
    assert answer.status_code == 201, answer.text
    listing = answer.json()["listing_id"]
    await step(credit, listing, "notice", {"served_on": "2026-11-24", "method": "announcement"}, OFFICER)
    credit.clock.advance(days=8)
    await step(credit, listing, "hearing", {"how": "period_passed", "on": "2026-12-02"}, OFFICER)
    await step(credit, listing, "decision", DECISION | {"decided_on": "2026-12-02"}, REVIEWER)
    await step(credit, listing, "publication", {}, PUBLISHER)
    (item,) = (await credit.get("/v1/credit/lists/red", params={"ground": ground})).json()["items"]
    assert item["uscc"] == code(1)
    assert {"procurement", "finance", "trade"} <= {measure["field"] for measure in item["measures"]}
    others = {"red.benchmark", "red.standard_front_runner", "red.brand"} - {ground}
    for other in others:
        assert (await credit.get("/v1/credit/lists/red", params={"ground": other})).json()["items"] == []
