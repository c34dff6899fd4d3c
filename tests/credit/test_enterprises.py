"""Subjects: statements, batches, the search, the file on two time axes, what each reader sees."""

import asyncio
from typing import Any

import pytest

from shared.events.credit import EnterpriseUpdated
from tests.credit.samples import (
    COUNTY,
    ELSEWHERE,
    OFFICER,
    PUBLISHER,
    UNIT,
    blacklist,
    code,
    pointers,
    propose,
    push,
    violation,
)
from tests.support.app import Harness, department, enterprise, staff
from tests.support.callers import Caller

URL = "/v1/credit/enterprises"


def statement(**changes: Any) -> dict[str, Any]:
    return {"name": "烟台苹果汁有限公司", "area_code": "370602", "industry_code": "C15"} | changes


async def put(credit: Harness, number: int = 1, **changes: Any) -> dict[str, Any]:
    answer = await credit.put(f"{URL}/{code(number)}", json=statement(**changes), as_=UNIT)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def found(credit: Harness, q: str, **params: Any) -> list[str]:
    answer = await credit.get(URL, params={"q": q, **params})
    assert answer.status_code == 200, answer.text
    return [item["uscc"] for item in answer.json()["items"]]


async def test_a_statement_is_kept_told_and_shown(credit: Harness) -> None:
    receipt = await put(credit, 1, chief_quality_officer=True)
    assert (receipt["version"], receipt["changed"]) == (1, True)
    (told,) = credit.published(EnterpriseUpdated)
    assert (told.uscc, told.industry_code, told.chief_quality_officer) == (code(1), "C15", True)
    file = (await credit.get(f"{URL}/{code(1)}")).json()
    assert (file["area"], file["industry"], file["state"]) == ("芝罘区", "酒、饮料和精制茶制造业", "active")
    assert (file["listings"], file["violations"], file["recalls"]) == ([], [], [])
    assert not {"unpublished", "procedures", "leads", "source"} & file.keys()
    again = await put(credit, 1, chief_quality_officer=True)
    assert (again["version"], again["changed"]) == (1, False)
    assert len(credit.published(EnterpriseUpdated)) == 1


async def test_names_that_were_left_are_former_names(credit: Harness) -> None:
    await put(credit, 1)
    await put(credit, 1, name="烟台果汁股份有限公司")
    await put(credit, 1, name="烟台果汁集团", former_names=["栖霞果汁厂"])
    file = (await credit.get(f"{URL}/{code(1)}")).json()
    assert file["name"] == "烟台果汁集团"
    assert file["former_names"] == ["烟台苹果汁有限公司", "烟台果汁股份有限公司", "栖霞果汁厂"]
    assert await found(credit, "苹果") == [code(1)]
    assert await found(credit, "栖霞果汁") == [code(1)]


async def test_the_search(credit: Harness) -> None:
    await put(credit, 1, name="烟台苹果汁有限公司")
    await put(credit, 2, name="福建一建集团有限公司")
    await put(credit, 3, name="福建二建集团有限公司")
    await put(credit, 4, name="ＡＢＣ 食品（烟台）有限公司")
    await put(credit, 5, name="3M中国有限公司")
    assert await found(credit, "苹果") == [code(1)]
    assert await found(credit, "福建一建") == [code(2)]
    assert await found(credit, "建一") == [code(2)]
    assert await found(credit, "福建三建") == []
    assert await found(credit, "abc食品") == [code(4)]
    assert await found(credit, "食品(烟台)") == [code(4)]
    assert await found(credit, "福") == [code(2), code(3)]
    assert await found(credit, "3m") == [code(5)]
    assert await found(credit, "有限公司") == [code(n) for n in range(1, 6)]
    assert await found(credit, code(3)) == [code(3)]
    assert await found(credit, code(3)[:8].lower()) == [code(n) for n in range(1, 6)]
    assert await found(credit, "苹果%") == [code(1)]
    assert await found(credit, "_建") == await found(credit, "建")
    assert len(await found(credit, "")) == 5
    page = (await credit.get(URL, params={"q": "有限公司", "limit": 2})).json()
    rest = (await credit.get(URL, params={"q": "有限公司", "limit": 9, "cursor": page["next"]})).json()
    assert [item["uscc"] for item in page["items"] + rest["items"]] == [code(n) for n in range(1, 6)]
    assert rest["next"] is None


async def test_two_time_axes_of_a_statement(credit: Harness) -> None:
    await put(credit, 1, name="甲公司", valid_from="2026-01-01")
    credit.clock.advance(days=10)
    await put(credit, 1, name="乙公司", valid_from="2026-06-01")

    async def name(**params: str) -> str | None:
        answer = await credit.get(f"{URL}/{code(1)}", params=params)
        return str(answer.json()["name"]) if answer.status_code == 200 else None

    assert await name() == "乙公司"
    assert await name(valid_at="2026-05-31") == "甲公司"
    assert await name(valid_at="2026-06-01") == "乙公司"
    assert await name(valid_at="2025-12-31") is None
    assert await name(valid_at="2026-07-01", known_at="2026-11-30") == "甲公司"
    assert await name(as_of="2026-11-23") is None


async def test_the_file_as_of_a_day(credit: Harness) -> None:
    await put(credit, 1, valid_from="2026-01-01")
    _, violation_id = await blacklist(credit, 1)
    credit.clock.advance(days=1)
    await credit.post(f"/v1/credit/violations/{violation_id}/publication", json={}, as_=PUBLISHER)

    async def file(**params: str) -> tuple[int, int]:
        body = (await credit.get(f"{URL}/{code(1)}", params=params)).json()
        return len(body["listings"]), len(body["violations"])

    assert await file() == (1, 1)
    assert await file(as_of="2026-11-24") == (1, 0)
    assert await file(valid_at="2026-11-24") == (1, 0)
    assert await file(valid_at="2029-11-24") == (0, 1)
    assert await file(valid_at="2029-11-25") == (0, 0)
    (shown,) = (await credit.get(f"{URL}/{code(1)}")).json()["violations"]
    assert (shown["published_on"], shown["expires_on"]) == ("2026-11-25", "2029-11-24")


async def test_departments_see_more(credit_sqlite: Harness) -> None:
    await propose(credit_sqlite, 1)
    url = f"{URL}/{code(1)}"
    for who in (UNIT, OFFICER, department("credit:read")):
        file = (await credit_sqlite.get(url, as_=who)).json()
        assert file["source"] == "violation"
        assert [record["document_number"] for record in file["unpublished"]] == ["烟市监罚〔2026〕1号"]
        assert [(case["colour"], case["state"]) for case in file["procedures"]] == [("black", "proposed")]
    for who in (enterprise(code(1)), department("other:scope"), staff("administrator")):
        assert "unpublished" not in (await credit_sqlite.get(url, as_=who)).json()
    reads = credit_sqlite.rows("SELECT principal FROM audit_entry WHERE action = 'read' AND subject = $1", url)
    assert ("client:yt-scjg",) in reads


async def test_who_may_state_what(credit_sqlite: Harness) -> None:
    credit = credit_sqlite
    url = f"{URL}/{code(1)}"
    assert (await credit.put(url, json=statement())).status_code == 401
    for who in (department("credit:violations:write"), enterprise(code(1)), staff("publisher")):
        assert (await credit.put(url, json=statement(), as_=who)).status_code == 403
    assert (await credit.put(url, json=statement(area_code="370613"), as_=COUNTY)).json()["code"] == "area"
    assert (await credit.put(url, json=statement(), as_=COUNTY)).status_code == 200
    # another area may not take it over, unless it was stated to have moved out
    taken = statement(area_code="511902")
    assert (await credit.put(url, json=taken, as_=ELSEWHERE)).status_code == 403
    assert (await credit.put(url, json=statement(state="moved_out"), as_=COUNTY)).status_code == 200
    assert (await credit.put(url, json=taken, as_=ELSEWHERE)).status_code == 200
    # what only a violation said is no word of the register: its code says who registered it
    await push(credit, 2)
    assert (await credit.put(f"{URL}/{code(2)}", json=taken, as_=ELSEWHERE)).status_code == 403
    assert (await credit.put(f"{URL}/{code(2)}", json=statement(), as_=COUNTY)).status_code == 200


async def test_everything_wrong_with_a_statement_is_told_at_once(credit_sqlite: Harness) -> None:
    body = {"name": "", "area_code": "37", "industry_code": "13", "state": "asleep", "valid_from": "2027-01-01", "x": 1}
    answer = await credit_sqlite.put(f"{URL}/{code(1)[:17]}", json=body, as_=UNIT)
    assert answer.status_code == 422
    assert pointers(answer) == {
        "{uscc}": "uscc.length",
        "/name": "string_too_short",
        "/area_code": "area.code",
        "/industry_code": "string_pattern_mismatch",
        "/state": "literal_error",
        "/valid_from": "enterprise.valid_from",
        "/x": "extra_forbidden",
    }
    for content in (b"", b"nope", b"[1]"):
        answer = await credit_sqlite.put(
            f"{URL}/{code(1)}", content=content, headers={"Content-Type": "application/json"}, as_=UNIT
        )
        assert answer.status_code in (400, 422)


async def test_a_code_that_fails_its_check_needs_evidence(credit_sqlite: Harness) -> None:
    odd = code(1)[:17] + ("A" if code(1)[17] != "A" else "B")
    assert (await credit_sqlite.put(f"{URL}/{odd}", json=statement(), as_=UNIT)).status_code == 422
    vouched = statement(register_evidence="登记机关书面证明")
    assert (await credit_sqlite.put(f"{URL}/{odd}", json=vouched, as_=UNIT)).status_code == 200
    assert (await credit_sqlite.get(f"{URL}/{odd}")).json()["uscc"] == odd


async def test_a_batch(credit: Harness) -> None:
    await put(credit, 3)
    items: list[Any] = [statement(uscc=code(n)) for n in range(1, 5)]
    items[1] = statement(uscc="12345", area_code="x")
    items += [
        statement(uscc=code(1), name="乙公司"),
        "nonsense",
        statement(),
        statement(uscc=code(9), area_code="511902"),
    ]
    answer = await credit.post(f"{URL}:batch", json={"items": items}, as_=UNIT)
    body = answer.json()
    assert [receipt["status"] for receipt in body["receipts"]] == [
        "recorded", "refused", "unchanged", "recorded", "recorded", "refused", "refused", "refused",
    ]  # fmt: skip
    assert (body["recorded"], body["unchanged"], body["refused"]) == (3, 1, 4)
    wrong = {error["pointer"] for error in body["receipts"][1]["problem"]["errors"]}
    assert wrong == {"/uscc", "/area_code"}
    assert {error["pointer"] for error in body["receipts"][6]["problem"]["errors"]} == {"/uscc"}
    assert body["receipts"][7]["problem"]["code"] == "area"
    file = (await credit.get(f"{URL}/{code(1)}")).json()
    assert (file["name"], file["former_names"]) == ("乙公司", ["烟台苹果汁有限公司"])
    told = [(event.uscc, event.name) for event in credit.published(EnterpriseUpdated)]
    assert sorted(told) == sorted(
        [(code(3), "烟台苹果汁有限公司"), (code(1), "乙公司"), (code(4), "烟台苹果汁有限公司")]
    )
    many = [statement(uscc=code(n), name=f"第{n}号公司") for n in range(100, 1100)]
    assert (await credit.post(f"{URL}:batch", json={"items": many}, as_=UNIT)).json()["recorded"] == 1000
    assert await found(credit, "第777号") == [code(777)]
    for items in ([], None, [{}] * 1001):  # type: ignore[assignment]
        assert (await credit.post(f"{URL}:batch", json={"items": items}, as_=UNIT)).status_code == 422


@pytest.mark.parametrize("text", ["x", "1" * 18, "9" * 40, "…"])
async def test_unknown_and_impossible_codes(credit_sqlite: Harness, text: str) -> None:
    answer = await credit_sqlite.get(f"{URL}/{text}")
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_first_statements_beside_each_other(credit: Harness) -> None:
    """Two departments state a new subject while violations register it: versions follow each other, nothing fails."""
    puts = [credit.put(f"{URL}/{code(1)}", json=statement(name=f"第{n}次名称"), as_=UNIT) for n in range(6)]
    records = [violation(1, external_id=f"E{n}", document_number=f"文{n}号") for n in range(6)]
    batches = [{"items": [record]} for record in records]
    pushes = [credit.post("/v1/credit/violations:batch", json=batch, as_=UNIT) for batch in batches]
    answers = await asyncio.gather(*(call for pair in zip(puts, pushes, strict=True) for call in pair))
    assert [answer.status_code for answer in answers] == [200] * 12
    versions = credit.rows("SELECT version FROM enterprise_version WHERE uscc = $1 ORDER BY version", code(1))
    assert versions == [(n,) for n in range(1, len(versions) + 1)]
    assert len(versions) in (6, 7)  # the violation came first, or a department did
    file = (await credit.get(f"{URL}/{code(1)}", as_=UNIT)).json()
    assert (file["version"], file["source"]) == (len(versions), "register")


BEIJING = department("credit:enterprises:write", area="110101", client="bj")
SHANDONG = department("credit:enterprises:write", area="370000", client="sd")


@pytest.mark.parametrize(
    ("division", "who", "area", "status"),
    [
        ("370686", BEIJING, "110101", 403),
        ("370000", BEIJING, "110101", 403),
        ("100000", BEIJING, "110101", 200),
        ("110101", BEIJING, "110101", 200),
        ("110000", BEIJING, "110101", 200),
        ("370686", SHANDONG, "371002", 200),
        ("370602", COUNTY, "370602", 200),
        ("370600", COUNTY, "370602", 200),
        ("370686", COUNTY, "370602", 403),
        ("370684", UNIT, "370614", 200),  # 蓬莱市, which 蓬莱区 succeeded
    ],
)
async def test_the_first_word_on_a_subject_is_that_of_where_it_was_registered(
    credit_sqlite: Harness, division: str, who: Caller, area: str, status: int
) -> None:
    """Also where a unit pushed a violation first."""
    known = code(2, division)
    pushed = violation(1, uscc=known)
    assert (await credit_sqlite.post("/v1/credit/violations", json=pushed, as_=UNIT)).status_code == 201
    for subject in (code(1, division), known):
        answer = await credit_sqlite.put(f"{URL}/{subject}", json=statement(area_code=area), as_=who)
        assert answer.status_code == status, answer.text
    if status == 403:
        assert division in answer.json()["detail"]
        right = department("credit:enterprises:write", area=division)
        for subject in (code(1, division), known):
            assert (
                await credit_sqlite.put(f"{URL}/{subject}", json=statement(area_code=division), as_=right)
            ).status_code == 200
            moved = statement(area_code=division, state="moved_out")
            assert (await credit_sqlite.put(f"{URL}/{subject}", json=moved, as_=right)).status_code == 200
            after = await credit_sqlite.put(f"{URL}/{subject}", json=statement(area_code=area), as_=who)
            assert after.status_code == 200, after.text
