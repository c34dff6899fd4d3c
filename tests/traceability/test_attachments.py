"""Files of the traceability service: test reports and certificates, named by the records that they prove."""

from hashlib import sha256
from typing import Any

import pytest

from tests.support.app import Harness, department, enterprise
from tests.support.callers import Caller
from tests.traceability import food
from tests.traceability.food import COOP, WHOLESALE, ok, places, refused, report
from tests.unit.attachments.samples import JPEG, PDF, PNG

FILES = "/v1/traceability/attachments"
TESTS = "/v1/traceability/tests"
NOWHERE = "0" * 64
laboratory = department("attachments:write", "traceability:tests:write", "traceability:tests:read")


async def keep(service: Harness, data: bytes, who: Caller, **query: str) -> str:
    digest = str(ok(await service.post(FILES, content=data, params=query, as_=who), 201)["sha256"])
    assert digest == sha256(data).hexdigest()
    return digest


async def recorded(service: Harness, who: Caller, **more: Any) -> str:
    return str(ok(await service.post(TESTS, json=report(**more), as_=who), 201)["test_id"])


async def test_a_report_names_its_file_and_a_correction_another(traceability: Harness) -> None:
    await food.register(traceability)
    first = await keep(traceability, PDF, laboratory, name="SP-2026-10482.pdf", visibility="public")
    test_id = await recorded(traceability, laboratory, attachment=first)
    assert await recorded(traceability, laboratory, attachment=first) == test_id
    shown = ok(await traceability.get(f"{TESTS}/{test_id}", as_=laboratory))
    assert shown["attachment"] == {
        "sha256": first,
        "size": len(PDF),
        "media_type": "application/pdf",
        "name": "SP-2026-10482.pdf",
        "visibility": "public",
        "href": f"{FILES}/{first}",
    }
    assert (await traceability.get(shown["attachment"]["href"])).content == PDF

    second = await keep(traceability, PNG, laboratory, name="更正报告.png")
    names = ("kind", "category", "sampled_on", "tested_on", "items", "result")
    body = {name: report()[name] for name in names} | {"reason": "检验机构更正", "attachment": second}
    ok(await traceability.put(f"{TESTS}/{test_id}", json=body, as_=laboratory))
    assert ok(await traceability.put(f"{TESTS}/{test_id}", json=body, as_=laboratory))["version"] == 2
    versions = ok(await traceability.get(f"{TESTS}/{test_id}/versions", as_=laboratory))
    assert [version["attachment"]["sha256"] for version in versions] == [first, second]
    (listed,) = ok(await traceability.get(TESTS, as_=laboratory))["items"]
    assert listed["attachment"]["name"] == "更正报告.png"


async def test_the_same_report_with_another_file_is_a_conflict(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    await recorded(on_sqlite, laboratory)
    digest = await keep(on_sqlite, PDF, laboratory)
    answer = await on_sqlite.post(TESTS, json=report(attachment=digest), as_=laboratory)
    assert "attachment" in refused(answer, 409, "test.exists")["detail"]


async def test_an_enterprise_names_and_sees_its_own_files(traceability: Harness) -> None:
    await food.register(traceability)
    own = await keep(traceability, PDF, food.coop)
    foreign = await keep(traceability, PNG, food.wholesale)
    official = await keep(traceability, JPEG, laboratory)
    test_id = await recorded(traceability, food.coop, kind="self", attachment=own)
    for caller in (food.coop, laboratory):
        shown = ok(await traceability.get(f"{TESTS}/{test_id}", as_=caller))
        assert shown["attachment"]["sha256"] == own
    for digest in (foreign, official, NOWHERE):
        body = report(number="S-2", kind="self", attachment=digest)
        answer = await traceability.post(TESTS, json=body, as_=food.coop)
        assert places(answer) == [("/attachment", "attachment.unknown")]
    # A departmental file behind a report on its lot: the enterprise reads the report, not the file.
    supervision = await recorded(traceability, laboratory, number="SP-3", attachment=official)
    assert ok(await traceability.get(f"{TESTS}/{supervision}", as_=food.coop))["attachment"] is None
    for who, status in ((food.coop, 200), (food.wholesale, 404), (enterprise(WHOLESALE), 404), (None, 404)):
        assert (await traceability.get(f"{FILES}/{own}", as_=who)).status_code == status
    assert (await traceability.get(f"{FILES}/{official}", as_=enterprise(COOP))).status_code == 404
    assert (await traceability.get(f"{FILES}/{official}", as_=food.inspector)).content == JPEG


async def test_wrong_files_are_told_with_everything_else_that_is_wrong(on_sqlite: Harness) -> None:
    await food.register(on_sqlite)
    body = report(lot_id="09521101530018.NEVER", attachment=NOWHERE, result="fail") | {"tested_on": "2027-01-01"}
    body["items"] = [item | {"result": "pass"} for item in body["items"]]
    assert set(places(await on_sqlite.post(TESTS, json=body, as_=laboratory))) == {
        ("/attachment", "attachment.unknown"),
        ("/lot_id", "lot.unknown"),
        ("/result", "test.result_contradicts_items"),
        ("/tested_on", "test.tested_in_future"),
    }
    test_id = await recorded(on_sqlite, laboratory)
    for wrong in ("", "x", "A" * 64, 7, [NOWHERE]):
        answer = await on_sqlite.post(TESTS, json=report(number="S-9", attachment=wrong), as_=laboratory)
        assert {pointer for pointer, _ in places(answer)} == {"/attachment"}
        names = ("kind", "category", "sampled_on", "tested_on", "items", "result")
        correction = {name: report()[name] for name in names} | {"reason": "检验机构更正", "attachment": wrong}
        answer = await on_sqlite.put(f"{TESTS}/{test_id}", json=correction, as_=laboratory)
        assert {pointer for pointer, _ in places(answer)} == {"/attachment"}
    correction["attachment"] = NOWHERE
    answer = await on_sqlite.put(f"{TESTS}/{test_id}", json=correction, as_=laboratory)
    assert places(answer) == [("/attachment", "attachment.unknown")]
    english = await on_sqlite.put(
        f"{TESTS}/{test_id}", json=correction, as_=laboratory, headers={"Accept-Language": "en"}
    )
    assert english.json()["errors"][0]["detail"].endswith(f"upload it first: POST {FILES}")


@pytest.mark.parametrize(
    ("status", "problem", "options"),
    [
        (422, "invalid", {"content": b""}),
        (415, "attachment.type", {"content": b"PK\x03\x04 an archive"}),
        (413, "attachment.size", {"content": b"x" * (8 * 1024 * 1024 + 1)}),
        (413, None, {"content": b"x" * (10 * 1024 * 1024 + 1)}),
        (422, "invalid", {"files": {"other": ("a.pdf", PDF)}}),
        (400, None, {"content": b"--", "headers": {"Content-Type": "multipart/form-data"}}),
        (422, "invalid", {"content": PDF, "params": {"visibility": "secret"}}),
        (422, "invalid", {"content": PDF, "params": {"name": "x" * 201}}),
        (403, "attachment.public", {"content": PDF, "params": {"visibility": "public"}}),
    ],
)
async def test_what_is_no_file_is_refused(
    on_sqlite: Harness, status: int, problem: str | None, options: dict[str, Any]
) -> None:
    answer = await on_sqlite.post(FILES, as_=food.coop, **options)
    assert answer.status_code == status, answer.text
    assert problem in (None, answer.json()["code"])
    assert on_sqlite.rows("SELECT count(*) FROM attachment") == [(0,)]


async def test_who_may_upload(on_sqlite: Harness) -> None:
    assert (await on_sqlite.post(FILES, content=PDF)).status_code == 401
    for who in (food.laboratory, department("credit:violations:write")):
        assert (await on_sqlite.post(FILES, content=PDF, as_=who)).status_code == 403
