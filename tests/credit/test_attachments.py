"""Files of the credit service: decision documents and notices, named by the steps that they prove."""

from hashlib import sha256
from typing import Any

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
    propose,
    push,
    step,
    violation,
)
from tests.support.app import Harness, department, enterprise, staff
from tests.support.callers import Caller
from tests.unit.attachments.samples import JPEG, PDF, PNG

FILES = "/v1/credit/attachments"
CLERK = department("attachments:write")
NOWHERE = "0" * 64


async def keep(credit: Harness, data: bytes, who: Caller = OFFICER, **query: str) -> str:
    answer = await credit.post(FILES, content=data, params=query, as_=who)
    assert answer.status_code == 201, answer.text
    digest = str(answer.json()["sha256"])
    assert digest == sha256(data).hexdigest()
    return digest


async def test_each_step_names_its_file_and_the_public_one_is_linked(credit: Harness) -> None:
    notice = await keep(credit, PDF, name="列入告知书.pdf")
    waiver = await keep(credit, PNG, name="放弃声明.png")
    decision = await keep(credit, JPEG, REVIEWER, name="列入决定书.jpg", visibility="public")
    listing = await propose(credit, 1)
    await step(credit, listing, "notice", NOTICE | {"attachment": notice}, OFFICER)
    await step(credit, listing, "hearing", WAIVER | {"attachment": waiver}, OFFICER)
    await step(credit, listing, "decision", DECISION | {"attachment": decision}, REVIEWER)
    published = await step(credit, listing, "publication", {}, PUBLISHER)
    files = {entry["kind"]: entry["attachment"] for entry in published["steps"]}
    assert files["proposal"] is files["publication"] is None
    assert [files[kind]["name"] for kind in ("notice", "hearing", "decision")] == [
        "列入告知书.pdf", "放弃声明.png", "列入决定书.jpg",
    ]  # fmt: skip
    assert files["notice"] == {
        "sha256": notice,
        "size": len(PDF),
        "media_type": "application/pdf",
        "name": "列入告知书.pdf",
        "visibility": "departmental",
        "href": f"{FILES}/{notice}",
    }
    read = (await credit.get(f"/v1/credit/listings/{listing}", as_=staff("auditor"))).json()
    assert read["steps"] == published["steps"]

    entry = (await credit.get(f"/v1/credit/listings/{listing}")).json()
    assert entry["decision_document"] == files["decision"]
    assert (await credit.get(entry["decision_document"]["href"])).content == JPEG
    assert notice not in str(entry)


async def test_a_departmental_decision_is_not_told_to_the_public(credit: Harness) -> None:
    decision = await keep(credit, PDF, REVIEWER)
    listing = await propose(credit, 1)
    await step(credit, listing, "notice", NOTICE, OFFICER)
    await step(credit, listing, "hearing", WAIVER, OFFICER)
    await step(credit, listing, "decision", DECISION | {"attachment": decision}, REVIEWER)
    await step(credit, listing, "publication", {}, PUBLISHER)
    entry = await credit.get(f"/v1/credit/listings/{listing}")
    assert entry.json()["decision_document"] is None
    assert decision not in entry.text
    # The office may publish it later, under its own name.
    await keep(credit, PDF, PUBLISHER, visibility="public", name="列入决定书.pdf")
    entry = await credit.get(f"/v1/credit/listings/{listing}")
    assert entry.json()["decision_document"]["name"] == "列入决定书.pdf"


async def test_who_sees_a_departmental_file(credit: Harness) -> None:
    digest = await keep(credit, PDF, CLERK)
    for who in (UNIT, OFFICER, department("credit:read", code="yt-nyj")):
        assert (await credit.get(f"{FILES}/{digest}", as_=who)).content == PDF
    for stranger in (None, enterprise(code(1))):
        hidden = await credit.get(f"{FILES}/{digest}", as_=stranger)
        absent = await credit.get(f"{FILES}/{NOWHERE}", as_=stranger)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "attachment")
        assert hidden.json()["detail"].replace(digest, "") == absent.json()["detail"].replace(NOWHERE, "")


@pytest.mark.parametrize("act", ["notice", "hearing", "decision"])
async def test_a_step_with_a_file_that_is_not_there_is_refused_at_its_place(credit_sqlite: Harness, act: str) -> None:
    credit = credit_sqlite
    listing = await propose(credit, 1)
    acts: list[tuple[str, dict[str, Any], Caller]] = [
        ("notice", NOTICE, OFFICER),
        ("hearing", WAIVER, OFFICER),
        ("decision", DECISION, REVIEWER),
    ]
    for name, body, who in acts:
        if name == act:
            url = f"/v1/credit/listings/{listing}/{act}"
            unknown = await credit.post(url, json=body | {"attachment": NOWHERE}, as_=who)
            assert unknown.status_code == 422
            assert pointers(unknown) == {"/attachment": "attachment.unknown"}
            assert f"POST {FILES}" in unknown.json()["errors"][0]["detail"]
            english = await credit.post(
                url, json=body | {"attachment": NOWHERE}, as_=who, headers={"Accept-Language": "en"}
            )
            assert english.json()["errors"][0]["detail"].startswith("There is no attachment 000")
            for wrong in ("", "x", NOWHERE[1:], "A" * 64, f"{NOWHERE}\n", 7, [NOWHERE]):
                answer = await credit.post(url, json=body | {"attachment": wrong}, as_=who)
                assert set(pointers(answer)) == {"/attachment"}, wrong
            file = (await credit.get(f"/v1/credit/listings/{listing}", as_=OFFICER)).json()
            assert act not in [entry["kind"] for entry in file["steps"]]
            return
        await step(credit, listing, name, body, who)


async def test_evidence_may_be_of_a_file_that_is_kept_elsewhere(credit_sqlite: Harness) -> None:
    digest = await keep(credit_sqlite, PNG, CLERK)
    evidence = [{"sha256": digest, "name": "现场照片"}, {"sha256": NOWHERE, "name": "存于办案单位"}]
    receipt = await push(credit_sqlite, 1, evidence=evidence)
    url = f"/v1/credit/violations/{receipt['violation_id']}"
    file = (await credit_sqlite.get(url, as_=UNIT)).json()
    assert file["versions"][0]["body"]["evidence"] == evidence
    assert (await credit_sqlite.get(f"{FILES}/{evidence[0]['sha256']}", as_=UNIT)).content == PNG
    wrong = await credit_sqlite.post("/v1/credit/violations", json=violation(2, evidence=[{"sha256": "x"}]), as_=UNIT)
    assert "/evidence/0/sha256" in pointers(wrong)


async def test_what_is_no_file_is_refused(credit: Harness) -> None:
    async def refused(status: int, problem: str, who: Caller | None = OFFICER, **options: Any) -> None:
        answer = await credit.post(FILES, as_=who, **options)
        assert (answer.status_code, answer.json()["code"]) == (status, problem), answer.text

    await refused(422, "invalid", content=b"")
    await refused(415, "attachment.type", content=b"MZ\x90\x00 a program")
    await refused(413, "attachment.size", content=b"x" * (8 * 1024 * 1024 + 1))
    await refused(422, "invalid", files={"other": ("a.pdf", PDF)})
    await refused(422, "invalid", content=PDF, params={"visibility": "secret"})
    await refused(401, "unauthenticated", None, content=PDF)
    await refused(403, "not_granted", UNIT, content=PDF)
    await refused(403, "attachment.public", enterprise(code(1)), content=PDF, params={"visibility": "public"})
    assert (await credit.get(f"{FILES}/x")).status_code == 422
    kept = await credit.post(FILES, files={"file": ("../决定书.pdf", PDF, "text/html")}, as_=CLERK)
    assert (kept.status_code, kept.json()["name"], kept.json()["media_type"]) == (201, "决定书.pdf", "application/pdf")
