"""Pushing penalty decisions: what is stored, repeated, refused; one, many, beside each other."""

import asyncio
from typing import Any

import pytest

from shared.events.credit import EnterpriseUpdated, ViolationRecorded
from tests.credit.samples import COUNTY, ELSEWHERE, OFFICER, OTHER_UNIT, UNIT, code, pointers, push, violation
from tests.support.app import Harness, department, enterprise, public, staff

URL = "/v1/credit/violations"


async def test_a_receipt_says_what_happens_next_and_when_and_under_which_rule(credit: Harness) -> None:
    receipt = await push(credit, 1)
    assert receipt["version"] == 1
    assert receipt["status"] == "recorded"
    assert receipt["external_id"] == "CASE-1"
    # 20 working days after Friday 2026-11-20; no public holiday falls between.
    assert receipt["publish_by"] == "2026-12-18"
    publish, end = receipt["next"]
    assert (publish["act"], publish["by"]) == ("publish", "2026-12-18")
    assert "2026年12月18日" in publish["zh"]
    assert "第45号" in publish["rule"]["order"]
    assert publish["rule"]["status"] == "verified"
    # a serious penalty: three years by Order 107; Order 45 says the same, so only the NDRC's other clock is named
    assert receipt["gravity"] == "serious"
    assert (end["act"], end["by"], receipt["expires_on"]) == ("end", "2029-12-17", "2029-12-17")
    assert "第107号" in end["rule"]["order"]
    assert [rule["clock"] for rule in end["rule"]["not_applied"]] == ["document"]
    assert credit.published(ViolationRecorded)[0].model_dump(include={"violation_id", "uscc", "publishable"}) == {
        "violation_id": receipt["violation_id"],
        "uscc": code(1),
        "publishable": True,
    }


async def test_where_rules_disagree_the_answer_names_both_and_which_was_applied(credit_sqlite: Harness) -> None:
    receipt = await push(credit_sqlite, 1, penalty_kinds=["fine"])
    rule = receipt["next"][1]["rule"]
    assert receipt["gravity"] == "general"
    assert receipt["expires_on"] == "2027-12-17"
    assert (rule["number"], rule["unit"]) == (1, "year")
    assert "新的规定" in rule["why"]
    named = {(other["number"], other["unit"], other["clock"]) for other in rule["not_applied"]}
    assert named == {(3, "year", "publication"), (12, "month", "document")}


async def test_repeating_a_push_gives_the_same_bytes(credit: Harness) -> None:
    first = await credit.post(URL, json=violation(1), as_=UNIT)
    credit.clock.advance(days=30)
    again = await credit.post(URL, json=violation(1), as_=UNIT)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    assert len(credit.published(ViolationRecorded)) == 1
    # The same document written in another way is the same document: told apart by content, not stored twice.
    other = await credit.post(URL, json=violation(1, document_number="烟市监罚[2026] 1号"), as_=UNIT)
    assert other.status_code == 409
    assert other.json()["differing"] == ["document_number"]


async def test_the_same_key_with_other_content_names_the_fields_and_the_way_out(credit: Harness) -> None:
    receipt = await push(credit, 1)
    answer = await credit.post(URL, json=violation(1, fine_fen=1, facts="另一事实"), as_=UNIT)
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["code"] == "violation_exists"
    assert problem["differing"] == ["facts", "fine_fen"]
    assert set(pointers(answer)) == {"/facts", "/fine_fen"}
    assert problem["correction"] == f"{URL}/{receipt['violation_id']}/corrections"
    by_external = await credit.post(URL, json=violation(2, external_id="CASE-1"), as_=UNIT)
    assert by_external.status_code == 409
    assert {"uscc", "document_number"} <= set(by_external.json()["differing"])


async def test_everything_wrong_is_told_at_once_with_its_place(credit_sqlite: Harness) -> None:
    good = code(1)
    wrong_code = good[:17] + ("A" if good[17] != "A" else "B")
    body: dict[str, Any] = violation(1, uscc=wrong_code, colour="blue", decision_date="2026-11-25", field="weather")
    body |= {"penalty_kinds": ["fine", "flogging"], "evidence": [{"sha256": "xyz"}], "gtins": ["6901234567890"]}
    del body["document_number"]
    answer = await credit_sqlite.post(URL, json=body, as_=UNIT)
    assert answer.status_code == 422
    assert pointers(answer) == {
        "/uscc": "uscc.check_digit",
        "/colour": "extra_forbidden",
        "/document_number": "missing",
        "/decision_date": "violation.decision_date",
        "/field": "violation.field",
        "/penalty_kinds/1": "violation.penalty_kind",
        "/evidence/0/sha256": "string_pattern_mismatch",
        "/gtins/0": "gtin.check_digit",
    }
    words = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert f"应为 {good[17]}" in words["/uscc"]
    assert words["/decision_date"] == "决定日期不能晚于今天"
    english = await credit_sqlite.post(URL, json=body, as_=UNIT, headers={"Accept-Language": "en"})
    words = {error["pointer"]: error["detail"] for error in english.json()["errors"]}
    assert words["/decision_date"] == "The decision date cannot be after today"
    assert f"should be {good[17]}" in words["/uscc"]


@pytest.mark.parametrize(
    ("content", "media", "status", "problem_code"),
    [
        (b"{", "application/json", 400, "json"),
        (b"\xff\xfe", "application/json", 400, "json"),
        (b"", "application/json", 400, "json"),
        (b"[]", "application/json", 422, "invalid"),
        (b'"x"', "application/json", 422, "invalid"),
        (b"null", "application/json", 422, "invalid"),
        (b"<a/>", "application/xml", 415, "media_type"),
        (b"[" * 90_000, "application/json", 400, "json_depth"),
        (b"[" * 200_000, "application/json", 413, "json_values"),
    ],
)
async def test_unreadable_bodies(
    credit_sqlite: Harness, content: bytes, media: str, status: int, problem_code: str
) -> None:
    for url in (URL, f"{URL}:batch"):
        answer = await credit_sqlite.post(url, content=content, headers={"Content-Type": media}, as_=UNIT)
        assert (answer.status_code, answer.json()["code"]) == (status, problem_code)


async def test_only_its_own_area_and_department(credit_sqlite: Harness) -> None:
    credit = credit_sqlite
    outside = await credit.post(URL, json=violation(1, area_code="511902"), as_=UNIT)
    assert (outside.status_code, outside.json()["code"]) == (403, "area")
    assert set(pointers(outside)) == {"/area_code"}
    assert (await credit.post(URL, json=violation(1, area_code="370613"), as_=COUNTY)).status_code == 403
    other = await credit.post(URL, json=violation(1, authority="yt-scjg"), as_=OTHER_UNIT)
    assert (other.status_code, other.json()["code"]) == (403, "department")
    # Within it, and below it: a town of the county.
    assert (await credit.post(URL, json=violation(1, area_code="370602001"), as_=COUNTY)).status_code == 201
    assert (await credit.post(URL, json=violation(2), as_=OFFICER)).status_code == 201
    for nobody in (public(), enterprise(code(1)), department("credit:read"), staff("publisher")):
        refused = await credit.post(URL, json=violation(3), as_=nobody)
        assert refused.status_code == (401 if nobody.claims is None else 403)


async def test_a_nonconforming_code_needs_the_registers_evidence(credit_sqlite: Harness) -> None:
    good = code(1)
    odd = good[:17] + ("A" if good[17] != "A" else "B")
    assert (await credit_sqlite.post(URL, json=violation(1, uscc=odd), as_=UNIT)).status_code == 422
    vouched = violation(1, uscc=odd, register_evidence="国家企业信用信息公示系统截图")
    assert (await credit_sqlite.post(URL, json=vouched, as_=UNIT)).status_code == 201


async def test_warnings_and_summary_procedure_are_kept_and_not_published(credit_sqlite: Harness) -> None:
    warned = await push(credit_sqlite, 1, penalty_kinds=["warning"], fine_fen=None)
    assert (warned["publishable"], warned["publish_by"], warned["expires_on"]) == (False, None, None)
    assert "仅受到警告" in warned["next"][0]["zh"]
    summary = await push(credit_sqlite, 2, summary_procedure=True)
    assert not summary["publishable"]
    both = await push(credit_sqlite, 3, penalty_kinds=["warning", "fine"])
    assert both["publishable"]
    wrong = await credit_sqlite.post(URL, json=violation(4, warning_only=True), as_=UNIT)
    assert pointers(wrong) == {"/warning_only": "violation.warning_only"}


async def test_a_party_of_another_province_is_sent_first(credit_sqlite: Harness) -> None:
    receipt = await push(credit_sqlite, 1, party_area_code="511902")
    acts = {act["act"]: act["by"] for act in receipt["next"]}
    assert (acts["send"], acts["publish"]) == ("2026-12-04", "2026-12-18")


async def test_an_unknown_party_is_registered_from_the_violation(credit: Harness) -> None:
    await push(credit, 1)
    (told,) = credit.published(EnterpriseUpdated)
    assert (told.uscc, told.name, told.state) == (code(1), "烟台样例食品1号有限公司", "active")
    await push(credit, 1, external_id="CASE-1b", document_number="烟市监罚〔2026〕99号")
    assert len(credit.published(EnterpriseUpdated)) == 1
    file = (await credit.get(f"/v1/credit/enterprises/{code(1)}", as_=UNIT)).json()
    assert file["source"] == "violation"
    assert len(file["unpublished"]) == 2


async def test_a_batch_gives_receipts_in_order_and_one_bad_item_loses_only_itself(credit: Harness) -> None:
    await push(credit, 3)
    items: list[Any] = [violation(n) for n in range(1, 6)]
    items[1] = violation(2) | {"uscc": "1", "surprise": True}
    items.append(violation(1))
    items.append(violation(1, fine_fen=7))
    items.append("nonsense")
    items.append(violation(9, area_code="511902"))
    answer = await credit.post(f"{URL}:batch", json={"items": items}, as_=UNIT)
    assert answer.status_code == 200
    body = answer.json()
    statuses = [receipt["status"] for receipt in body["receipts"]]
    assert statuses == [
        "recorded", "refused", "repeated", "recorded", "recorded", "repeated", "refused", "refused", "refused",
    ]  # fmt: skip
    assert (body["recorded"], body["repeated"], body["refused"]) == (3, 2, 4)
    assert [receipt["index"] for receipt in body["receipts"]] == list(range(9))
    problems = [receipt["problem"] for receipt in body["receipts"]]
    assert {error["pointer"] for error in problems[1]["errors"]} == {"/uscc", "/surprise"}
    assert [problems[index]["status"] for index in (1, 6, 7, 8)] == [422, 409, 422, 403]
    assert body["receipts"][5]["receipt"] == body["receipts"][0]["receipt"]
    assert len(credit.published(ViolationRecorded)) == 4
    again = await credit.post(f"{URL}:batch", json={"items": items[3:5]}, as_=UNIT)
    assert [r["receipt"] for r in again.json()["receipts"]] == [r["receipt"] for r in body["receipts"][3:5]]


async def test_an_atomic_batch_records_all_or_nothing(credit: Harness) -> None:
    items = [violation(1), violation(2) | {"uscc": "1"}, violation(3, decision_date="2099-01-01")]
    answer = await credit.post(f"{URL}:batch?atomic=true", json={"items": items}, as_=UNIT)
    assert (answer.status_code, answer.json()["code"]) == (422, "batch_refused")
    assert set(pointers(answer)) == {"/items/1/uscc", "/items/2/decision_date"}
    assert credit.rows("SELECT count(*) FROM violation") == [(0,)]
    # A conflict that only the register knows of takes the whole batch back too.
    await push(credit, 5)
    answer = await credit.post(
        f"{URL}:batch?atomic=true", json={"items": [violation(1), violation(5, fine_fen=1)]}, as_=UNIT
    )
    assert pointers(answer) == {"/items/1": "violation_exists"}
    assert credit.rows("SELECT count(*) FROM violation") == [(1,)]
    assert credit.rows("SELECT count(*) FROM enterprise") == [(1,)]
    good = await credit.post(f"{URL}:batch?atomic=true", json={"items": [violation(1), violation(2)]}, as_=UNIT)
    assert good.json()["recorded"] == 2


@pytest.mark.parametrize("items", [[], "x", None, [{}] * 1001])
async def test_a_wrong_envelope_is_refused(credit_sqlite: Harness, items: Any) -> None:
    answer = await credit_sqlite.post(f"{URL}:batch", json={"items": items}, as_=UNIT)
    assert answer.status_code == 422
    assert set(pointers(answer)) == {"/items"}


async def test_a_batch_of_a_thousand(credit: Harness) -> None:
    answer = await credit.post(f"{URL}:batch", json={"items": [violation(n) for n in range(1000)]}, as_=UNIT)
    assert answer.json()["recorded"] == 1000
    assert credit.rows("SELECT count(*) FROM violation") == [(1000,)]
    assert credit.rows("SELECT count(*) FROM enterprise") == [(1000,)]


async def test_pushes_beside_each_other_each_get_their_own_answer(credit: Harness) -> None:
    """32 singles, some repeated, one wrong: shared commits, separate answers."""
    bodies = [violation(n) for n in range(24)] + [violation(n) for n in range(7)] + [violation(3, fine_fen=1)]
    answers = await asyncio.gather(*(credit.post(URL, json=body, as_=UNIT) for body in bodies))
    for body, answer in zip(bodies[:31], answers, strict=False):
        assert answer.status_code in (200, 201)
        assert answer.json()["document_number"] == body["document_number"]
    assert answers[31].status_code == 409
    assert sum(answer.status_code == 201 for answer in answers) == 24
    assert {answers[n].content for n in range(7)} == {answers[24 + n].content for n in range(7)}
    assert credit.rows("SELECT count(*) FROM violation") == [(24,)]
    assert len(credit.published(ViolationRecorded)) == 24
    # fewer transactions than pushes: records of one commit carry one instant, which the fixed clock cannot show,
    # but the audit log says how many each commit took
    ((entries,),) = credit.rows("SELECT count(*) FROM audit_entry WHERE action = 'violation.record'")
    assert entries < 24


async def test_batches_beside_each_other_with_the_same_records_store_them_once(credit: Harness) -> None:
    there = [violation(n) for n in range(40)]
    back = list(reversed(there))
    answers = await asyncio.gather(
        *(credit.post(f"{URL}:batch", json={"items": items}, as_=UNIT) for items in (there, back, there, back))
    )
    receipts = [{r["receipt"]["document_number"]: r["receipt"] for r in a.json()["receipts"]} for a in answers]
    assert receipts[0] == receipts[1] == receipts[2] == receipts[3]
    assert sum(answer.json()["recorded"] for answer in answers) == 40
    assert credit.rows("SELECT count(*) FROM violation") == [(40,)]
    assert len(credit.published(ViolationRecorded)) == 40


async def test_an_idempotency_key_gives_the_first_answer_and_refuses_another_body(credit: Harness) -> None:
    key = {"Idempotency-Key": "k1"}
    first = await credit.post(URL, json=violation(1), as_=UNIT, headers=key)
    again = await credit.post(URL, json=violation(1), as_=UNIT, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await credit.post(URL, json=violation(2), as_=UNIT, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


async def test_receipts_are_found_again_by_their_own_department_only(credit: Harness) -> None:
    answer = await credit.post(URL, json=violation(1), as_=UNIT)
    receipt = answer.json()["id"]
    assert (await credit.get(f"/v1/credit/receipts/{receipt}", as_=UNIT)).content == answer.content
    found = await credit.get("/v1/credit/receipts", params={"external_id": "CASE-1"}, as_=UNIT)
    assert found.content == answer.content
    for other in (OTHER_UNIT,):
        assert (await credit.get(f"/v1/credit/receipts/{receipt}", as_=other)).status_code == 404
        found = await credit.get("/v1/credit/receipts", params={"external_id": "CASE-1"}, as_=other)
        assert found.status_code == 404
    for nonsense in ("x", "x.y", ".1", f"{receipt}9", "x.99999999999999999999"):
        assert (await credit.get(f"/v1/credit/receipts/{nonsense}", as_=UNIT)).status_code == 404
    assert (await credit.get(f"/v1/credit/receipts/{receipt}")).status_code == 401
    assert (await credit.post(URL, json=violation(2), as_=ELSEWHERE)).status_code == 403


async def test_control_characters_lose_only_their_own_item(credit: Harness) -> None:
    """PostgreSQL cannot hold U+0000: it is refused at its place before it could spoil the whole batch."""
    items = [
        violation(1),
        violation(2, party_name="甲\x00乙"),
        violation(3, facts="一\n二"),
        violation(4, lots=["\x07"]),
    ]
    receipts = (await credit.post(f"{URL}:batch", json={"items": items}, as_=UNIT)).json()["receipts"]
    assert [receipt["status"] for receipt in receipts] == ["recorded", "refused", "recorded", "refused"]
    (wrong,) = receipts[1]["problem"]["errors"]
    assert (wrong["pointer"], wrong["code"]) == ("/party_name", "text.control")
    assert "第 2 个字符" in wrong["detail"]
    assert receipts[3]["problem"]["errors"][0]["pointer"] == "/lots/0"
