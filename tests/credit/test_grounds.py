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
