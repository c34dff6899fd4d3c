"""The pages over HTTP: statuses, headers, errors, downloads, and what a program gets instead of a page."""

import csv
import io
import re
import sqlite3
from contextlib import closing

import httpx
import pytest

from services.gateway.app import create_app
from services.gateway.portal.assets import ASSETS, compact
from services.gateway.portal.rendering import CSP
from services.gateway.settings import Settings
from tests.browser import world
from tests.browser.world import APPLES, BLACK, PEANUTS
from tests.gateway.conftest import down
from tests.support.app import Harness, running
from tests.support.databases import Backend

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def heading(answer: httpx.Response) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", answer.text, re.S)
    assert found
    return re.sub(r"<[^>]+>", "", found[1]).strip()


async def test_a_page_carries_the_policy_and_is_asked_for_again(portal: Harness) -> None:
    answer = await portal.get("/", headers=BROWSER)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-language"] == "zh-CN"
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert (await portal.head("/", headers=BROWSER)).content == b""


async def test_the_language_is_the_path_not_the_header(portal: Harness) -> None:
    chinese = await portal.get("/", headers={**BROWSER, "accept-language": "en"})
    english = await portal.get("/en/", headers={**BROWSER, "accept-language": "zh-CN"})
    assert heading(chinese) == "质量目标进展"
    assert heading(english) == "Progress of the quality targets"
    assert heading(await portal.get("/en", headers=BROWSER)) == "Progress of the quality targets"


async def test_an_empty_city_says_what_is_missing(bare: Harness) -> None:
    for path in ("/", "/lists/black", "/lists/red", "/recalls", "/state", "/scan", "/en/", "/en/recalls"):
        answer = await bare.get(path, headers=BROWSER)
        assert answer.status_code == 200
        assert "演示数据" not in answer.text
        assert "Demonstration" not in answer.text
    assert "黑榜中没有企业" in (await bare.get("/lists/black", headers=BROWSER)).text


async def test_the_demo_says_that_it_is_one(portal: Harness) -> None:
    assert "演示数据：企业与案件为虚构，不是真实统计" in (await portal.get("/", headers=BROWSER)).text


async def test_all_wrong_parameters_are_told_at_once_in_both_languages(portal: Harness) -> None:
    path = "/?as_of=2018-02-30&light=green&area=" + "9" * 13
    chinese = await portal.get(path, headers=BROWSER)
    assert chinese.status_code == 422
    for part in ("“2018-02-30”不是日期", "不能是“green”", "最多 12 个字符"):
        assert part in chinese.text
    english = await portal.get("/en" + path, headers=BROWSER)
    for part in ("“2018-02-30” is not a day", "cannot be “green”", "at most 12 characters"):
        assert part in english.text
    future = await portal.get("/?as_of=2026-11-25", headers=BROWSER)
    assert "日期不能晚于今天" in future.text
    assert (await portal.get("/?as_of=2026-11-24", headers=BROWSER)).status_code == 200


@pytest.mark.parametrize("day", ["0001-01-01", "1948-12-31", "2026-W01-1x", "20", "2018-12-31T00:00"])
async def test_a_day_that_is_none_is_told(portal: Harness, day: str) -> None:
    for path in ("/", "/targets/agri_sampling_pass_rate", f"/enterprises/{BLACK}"):
        assert (await portal.get(path, params={"as_of": day}, headers=BROWSER)).status_code == 422


async def test_what_no_name_can_hold_finds_nothing_and_breaks_nothing(portal: Harness) -> None:
    for path in ("/recalls/%00", "/targets/%00%1b", "/enterprises/%00", "/%00"):
        assert (await portal.get(path, headers=BROWSER)).status_code == 404
    for path in ("/lists/black?q=%00", "/recalls?q=%1b%00", "/?dept=%00", "/lists/red?area=%00"):
        assert (await portal.get(path, headers=BROWSER)).status_code == 200
    assert (await portal.get("/scan?code=%00%00", headers=BROWSER)).status_code == 200


async def test_a_database_that_fails_is_a_page_that_says_when_to_come_back(portal: Harness) -> None:
    with closing(sqlite3.connect(portal.platform.db.url.database or "", timeout=60)) as connection:
        connection.execute("ALTER TABLE listing_view RENAME TO gone")
        connection.commit()
    answer = await portal.get("/lists/black", headers=BROWSER)
    assert answer.status_code == 503
    assert heading(answer) == "服务暂时不可用"
    assert f"大约 {answer.headers['retry-after']} 秒" in answer.text
    assert "12345" in answer.text
    assert answer.headers["x-request-id"] in answer.text


async def test_a_printed_page_names_the_public_address(sqlite_backend: Backend) -> None:
    settings = {"public_url": "https://zhiliang.example", **down()}
    async with running(create_app, Settings, sqlite_backend, **settings) as harness:
        await harness.deliver(*world.credit())
        answer = await harness.get(f"/enterprises/{BLACK}?kind=listing", headers={**BROWSER, "host": "evil.example"})
        assert f"https://zhiliang.example/enterprises/{BLACK}?kind=listing" in answer.text
        assert "evil.example" not in answer.text


async def test_what_is_not_there_is_a_page_with_a_way_on(portal: Harness) -> None:
    for path, title, guess in (
        ("/no/such/页面", "没有这个页面", "页面"),
        ("/targets/no_such", "没有这项目标", "no_such"),
        ("/recalls/R9", "没有这个召回", "R9"),
        ("/enterprises/91370602MA3DEM027", "没有这家企业的公开信息", "91370602MA3DEM027"),
        ("/en/targets/no_such", "There is no such target", "no_such"),
    ):
        answer = await portal.get(path, headers=BROWSER)
        assert answer.status_code == 404
        assert heading(answer) == title
        assert f'value="{guess}"' in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"] in answer.text


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/lists?q=果业", "/lists/black?q=%E6%9E%9C%E4%B8%9A"),
        ("/en/lists", "/en/lists/black"),
        ("/recalls/", "/recalls"),
        ("/en/lists/black/?q=a", "/en/lists/black?q=a"),
    ],
)
async def test_an_address_that_is_almost_right_leads_there(portal: Harness, path: str, there: str) -> None:
    answer = await portal.get(path, headers=BROWSER)
    assert answer.status_code in (307, 308)
    assert answer.headers["location"] == there


@pytest.mark.parametrize("path", ["//evil.example/", "///evil.example/x/", "/%2F/evil.example/", "/\\evil.example/"])
async def test_no_address_leads_away(portal: Harness, path: str) -> None:
    answer = await portal.get("http://test" + path, headers=BROWSER)
    location = answer.headers.get("location", "/")
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


async def test_a_program_keeps_its_problem_document(portal: Harness) -> None:
    for path, headers in (
        ("/nothing", {"accept": "application/json"}),
        ("/v1/nothing", BROWSER),
        ("/static/x.css", BROWSER),
    ):
        answer = await portal.get(path, headers=headers)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await portal.post("/nothing", headers=BROWSER)).status_code in (404, 405)


async def test_markup_in_what_people_enter_stays_text(portal: Harness) -> None:
    attack = '"><script>alert(1)</script>'
    for path in ("/lists/black", "/recalls", "/scan"):
        name = "code" if path == "/scan" else "q"
        answer = await portal.get(path, params={name: attack}, headers=BROWSER)
        assert "<script" not in answer.text
        assert "&lt;script&gt;" in answer.text
    for path in ("/enterprises/%3Cscript%3E", "/targets/%3Cscript%3E", "/%3Cscript%3E"):
        assert "<script" not in (await portal.get(path, headers=BROWSER)).text
    odd = await portal.get("/?dept=" + attack, headers=BROWSER)
    assert "<script" not in odd.text


async def test_an_invalid_code_is_400_and_says_which_character(portal: Harness) -> None:
    answer = await portal.get("/scan?code=06901234567899", headers=BROWSER)
    assert answer.status_code == 400
    assert re.search(r"14.*应为 ?2.*9", answer.text)
    link = await portal.get("/01/06901234567899/10/X", headers={**BROWSER, "accept-language": "en"})
    assert link.status_code == 400
    assert link.headers["content-language"] == "en"


async def test_the_page_of_a_digital_link_is_the_page_of_its_code(portal: Harness) -> None:
    path = f"/01/{PEANUTS}/10/HS261030"
    printed = await portal.get(path, headers={**BROWSER, "accept-language": "zh-CN"})
    entered = await portal.get("/scan", params={"code": path}, headers=BROWSER)
    assert heading(printed) == heading(entered) == "正在召回，请勿食用"
    assert "Accept-Language" in printed.headers["vary"]
    app = await portal.get(path, headers={"accept": "application/json"})
    assert app.json()["verdict"] == "recalled"


async def test_the_verdict_does_not_wait_for_the_counts(portal: Harness) -> None:
    """Traceability is down in this world: the verdict stands, the counts are left out."""
    answer = await portal.get("/scan", params={"code": f"/01/{APPLES}/10/QX261018A"}, headers=BROWSER)
    assert heading(answer) == "未发现问题"
    assert "被扫过" not in answer.text


async def test_a_past_day_gives_the_same_bytes_another_day(portal: Harness) -> None:
    path = f"/enterprises/{BLACK}?as_of=2026-10-01"
    first = await portal.get(path, headers=BROWSER)
    assert "您在看 2026年10月1日 的情况" in first.text
    again = await portal.get(path, headers=BROWSER)
    assert again.content == first.content


async def test_a_series_that_cannot_be_had_is_no_empty_file(portal: Harness) -> None:
    answer = await portal.get("/targets/agri_sampling_pass_rate/series.csv")
    assert answer.status_code == 503
    assert (await portal.get("/targets/none/series.csv", headers=BROWSER)).status_code == 404


def test_a_series_reads_back_from_its_csv() -> None:
    from services.gateway.portal.city_pages import to_csv

    point = {
        "period": "2018Q3", "area_code": "370600", "value": "97.01", "n": 34699, "passed": 33660, "low": "96.82",
        "high": "97.18", "source": "=市农业局", "provisional": False,
    }  # fmt: skip
    (row,) = csv.DictReader(io.StringIO(to_csv([point]).decode("utf-8-sig")))  # type: ignore[list-item]
    assert row["n"] == "34699"
    assert row["source"] == "'=市农业局"


async def test_a_stylesheet_keeps_for_ever_under_its_version(portal: Harness) -> None:
    answer = await portal.get(f"/static/base.css?v={ASSETS['base.css'].version}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert (await portal.get("/static/..%2Fpages.py")).status_code == 404


@pytest.mark.parametrize(
    ("css", "small"),
    [
        ("/* why */\n.a { color: red; }\n", ".a{color:red}"),
        (".a, .b > c { left: calc(var(--s4) + 15px); }", ".a,.b > c{left:calc(var(--s4) + 15px)}"),
        ("@media (min-width: 768px) { .a { margin: 0 1px; } }", "@media (min-width:768px){.a{margin:0 1px}}"),
        ('.rail li::before { content: ""; }', '.rail li::before{content:""}'),
    ],
)
def test_a_stylesheet_is_sent_without_what_the_phone_does_not_need(css: str, small: str) -> None:
    assert compact(css) == small
