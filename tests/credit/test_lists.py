"""The public red and black list: what is in force when, as known when; filters, pages, CSV, hot reads."""

import csv
import io
from typing import Any

import pytest

from services.credit.listings.lists_api import COLUMNS
from tests.credit.samples import REVIEWER, UNIT, blacklist, code, pointers, step
from tests.support.app import Harness

URL = "/v1/credit/lists/black"
REVOKED = {"reason": "revoked", "detail": "判决撤销", "document_number": "(2026)鲁06行终1号"}


async def names(credit: Harness, **params: Any) -> list[str]:
    answer = await credit.get(URL, params=params)
    assert answer.status_code == 200, answer.text
    return [item["uscc"] for item in answer.json()["items"]]


async def test_two_time_axes(credit: Harness) -> None:
    """Listed on 24 November, revoked on 4 December: what was true, and what was known, at each day."""
    listing, _ = await blacklist(credit, 1)
    credit.clock.advance(days=10)
    await step(credit, listing, "removal", REVOKED, REVIEWER)
    credit.clock.advance(days=10)  # 14 December
    listed = [code(1)]
    assert await names(credit) == []
    assert await names(credit, valid_at="2026-11-23") == []
    assert await names(credit, valid_at="2026-11-24") == listed
    assert await names(credit, valid_at="2026-12-03") == listed
    assert await names(credit, valid_at="2026-12-04") == []
    # What the register knew on 1 December: listed until 2029.
    assert await names(credit, as_of="2026-12-01") == listed
    assert await names(credit, known_at="2026-12-01", valid_at="2028-01-01") == listed
    assert await names(credit, known_at="2026-12-01", valid_at="2029-11-24") == []
    assert await names(credit, known_at="2026-12-05", valid_at="2028-01-01") == []
    assert await names(credit, as_of="2026-11-23") == []
    # An instant: noon in Shanghai is when everything happened on both days.
    assert await names(credit, as_of="2026-11-24T11:59:59+08:00") == []
    assert await names(credit, as_of="2026-11-24T12:00:00+08:00") == listed
    page = (await credit.get(URL, params={"as_of": "2026-12-01"})).json()
    assert (page["valid_at"], page["known_at"]) == ("2026-12-01", "2026-12-01T15:59:59.999999Z")


@pytest.mark.parametrize(
    ("params", "places"),
    [
        ({"valid_at": "gestern"}, {"?valid_at"}),
        ({"known_at": "2026-13-01", "valid_at": "2026-02-30"}, {"?known_at", "?valid_at"}),
        ({"as_of": "2026-11-24T12:00:00"}, {"?as_of"}),
        ({"as_of": "0001-01-01T00:00:00+14:00"}, {"?as_of"}),
        ({"as_of": "2026-11-24", "valid_at": "2026-11-24"}, {"?as_of"}),
        ({"area": "Yantai"}, {"?area"}),
        ({"industry": "food"}, {"?industry"}),
        ({"limit": "0"}, {"?limit"}),
        ({"cursor": "%%%"}, {"?cursor"}),
        ({"cursor": "WzFd"}, {"?cursor"}),
        ({"format": "pdf"}, {"?format"}),
    ],
)
async def test_bad_questions(credit_sqlite: Harness, params: dict[str, str], places: set[str]) -> None:
    answer = await credit_sqlite.get(URL, params=params)
    assert answer.status_code == 422
    assert set(pointers(answer)) == places


async def test_filters(credit: Harness) -> None:
    for number, area, industry, name in (
        (1, "370602", "C13", "福建一建集团有限公司"),
        (2, "370611", "C14", "福建二建集团有限公司"),
        (3, "370602", "A01", "栖霞苹果合作社"),
    ):
        body = {"name": name, "area_code": area, "industry_code": industry}
        await credit.put(f"/v1/credit/enterprises/{code(number)}", json=body, as_=UNIT)
        await blacklist(credit, number)
    assert set(await names(credit)) == {code(1), code(2), code(3)}
    assert await names(credit, q="福建一建") == [code(1)]
    assert set(await names(credit, q="福建")) == {code(1), code(2)}
    assert await names(credit, q="苹果") == [code(3)]
    assert await names(credit, q="福建三建") == []
    assert await names(credit, q=code(2)) == [code(2)]
    assert await names(credit, q=code(2)[:17].lower()) == [code(2)]
    assert set(await names(credit, area="370602")) == {code(1), code(3)}
    assert len(await names(credit, area="370600")) == 3
    assert await names(credit, area="511900") == []
    assert await names(credit, industry="C") == [code(1), code(2)]
    assert await names(credit, industry="C14") == [code(2)]
    assert len(await names(credit, ground="food.contaminated")) == 3
    assert await names(credit, ground="drugs.counterfeit") == []
    assert (await credit.get("/v1/credit/lists/green")).status_code == 422
    # nothing in a question is a pattern
    assert await names(credit, q="%") == await names(credit)
    assert await names(credit, ground="food.%") == []


async def test_pages_are_stable_and_linked(credit_sqlite: Harness) -> None:
    for number in range(5):
        await blacklist(credit_sqlite, number)
        if number == 2:
            credit_sqlite.clock.advance(minutes=1)
    seen: list[str] = []
    url: str | None = f"{URL}?limit=2&q=样例"
    pages = 0
    while url:
        answer = await credit_sqlite.get(url)
        seen += [item["uscc"] for item in answer.json()["items"]]
        link = answer.headers.get("link")
        assert (link is None) == (answer.json()["next"] is None)
        url = link.split(";")[0].strip("<>") if link else None
        pages += 1
        if pages == 1:
            await blacklist(credit_sqlite, 9)  # a write between two pages moves nothing
    assert pages in (3, 4)
    assert len(seen) == len(set(seen))
    assert {code(n) for n in range(5)} <= set(seen)


async def test_csv_keeps_the_filters_and_runs_no_formula(credit_sqlite: Harness) -> None:
    evil = '=HYPERLINK("http://evil","x")'
    body = {"name": evil, "area_code": "370602"}
    await credit_sqlite.put(f"/v1/credit/enterprises/{code(1)}", json=body, as_=UNIT)
    await blacklist(credit_sqlite, 1)
    await blacklist(credit_sqlite, 2)
    answer = await credit_sqlite.get(URL, params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "black-list-2026-11-24.csv" in answer.headers["content-disposition"]
    assert answer.content.startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert tuple(rows[0]) == COLUMNS
    cells = {row["uscc"]: row for row in rows}
    assert cells[code(1)]["party_name"] == "'" + evil
    assert cells[code(2)]["valid_until"] == "2029-11-23"
    for row in rows:
        assert not any(cell[:1] in "=+-@" for cell in row.values() if cell)
    filtered = await credit_sqlite.get(URL, params={"format": "csv", "q": "样例食品2"})
    assert len(filtered.text.splitlines()) == 2


async def test_the_plain_list_is_a_hot_read_that_is_never_stale(credit: Harness) -> None:
    first = await credit.get(URL)
    assert first.json()["items"] == []
    # answered from memory, with a strong tag and 304
    again = await credit.get(URL, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    listing, _ = await blacklist(credit, 1)
    listed = await credit.get(URL)
    assert [item["listing_id"] for item in listed.json()["items"]] == [listing]
    assert listed.headers["etag"] != first.headers["etag"]
    # the same facts with a token and through a question that is not hot
    for other in (await credit.get(URL, as_=UNIT), await credit.get(URL, params={"limit": 50})):
        assert other.json()["items"] == listed.json()["items"]
    await step(credit, listing, "removal", REVOKED, REVIEWER)
    assert (await credit.get(URL)).json()["items"] == []


async def test_a_hot_answer_ends_at_midnight(credit_sqlite: Harness) -> None:
    await blacklist(credit_sqlite, 1)
    credit_sqlite.clock.set(credit_sqlite.clock.now().replace(year=2029, month=11, day=23, hour=15, minute=59))
    assert len((await credit_sqlite.get(URL)).json()["items"]) == 1
    credit_sqlite.clock.advance(minutes=1)  # midnight in Shanghai
    assert (await credit_sqlite.get(URL)).json()["items"] == []
