"""Digital Link paths: a page, the verdict, a linkset, or the way to one link."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import quote

import pytest

from services.gateway.app import create_app
from services.gateway.links import rules
from services.gateway.settings import Settings
from shared.events.gateway import ScansRecorded
from tests.gateway import samples as s
from tests.gateway.conftest import down
from tests.gateway.servers import Upstream, serving
from tests.support.app import Harness, running
from tests.support.databases import Backend

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
JSON = {"Accept": "application/json"}
LINKSET = {
    "linkset": [
        {
            "anchor": f"http://127.0.0.1:8000{s.CODE}",
            "https://gs1.org/voc/pip": [{"href": f"http://127.0.0.1:8000{s.CODE}", "type": "text/html"}],
            "https://gs1.org/voc/recallStatus": [{"href": "/v1/recalls?q=x#a", "type": "application/json"}],
        }
    ]
}


@pytest.fixture
async def resolver(sqlite_backend: Backend) -> AsyncIterator[Harness]:
    upstream = Upstream("traceability")
    for path in (s.CODE, f"/01/{s.APPLE}/10/A%2FB"):
        upstream.answers[f"/v1/traceability/codes/https://id.gs1.org{path}/linkset"] = LINKSET
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(upstream))
        settings = {**down(), "traceability_url": url}
        yield await stack.enter_async_context(running(create_app, Settings, sqlite_backend, **settings))


@pytest.mark.parametrize("tail", ["", f"/10/{s.LOT}", f"/10/{s.LOT}/21/7", "/21/7"])
async def test_every_form_answers_an_app_and_a_browser(gateway_sqlite: Harness, tail: str) -> None:
    await gateway_sqlite.deliver(s.product(), s.lot())
    path = f"/01/{s.APPLE}{tail}"
    app = await gateway_sqlite.get(path, headers=JSON)
    assert (app.status_code, app.json()["verdict"]) == (200, "safe" if "/10/" in tail else "unknown")
    assert "Accept" in app.headers["vary"]
    assert app.headers["link"] == f'<{path}?linkType=linkset>; rel="linkset"; type="application/linkset+json"'
    assert app.headers["access-control-allow-origin"] == "*"
    page = await gateway_sqlite.get(path, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert "栖霞红富士苹果" in page.text
    await gateway_sqlite.until(
        lambda: sum(len(batch.scans) for batch in gateway_sqlite.published(ScansRecorded)) == 2, "both scans"
    )


EVIL = "%3E%3B%20rel=%22canonical%22,%20%3Chttps:%2F%2Fevil.example%3E%3B%20rel=%22linkset%22,%3C"


@pytest.mark.parametrize("before", ["%E5%BA%97", "%E2%80%AE", EVIL, '">,<//evil.example', "%ff", "a//"])
async def test_links_are_those_of_the_code_whatever_stands_before_it(gateway_sqlite: Harness, before: str) -> None:
    """An address of any kind may lead to a code; what it holds besides is nobody's link."""
    for tail in (s.LOT, "A%22%3E%3C%3B", "A%2FB"):
        path = f"/01/{s.APPLE}/10/{tail}"
        for ask in (gateway_sqlite.get, gateway_sqlite.head):
            answer = await ask(f"/01/{before}{path}", headers=JSON)
            assert answer.status_code == 200, answer.text
            assert answer.headers["link"] == f'<{path}?linkType=linkset>; rel="linkset"; type="{rules.LINKSET}"'
            assert "x-evil" not in answer.headers


async def test_the_name_of_a_file_is_no_header_of_its_own(gateway_sqlite: Harness) -> None:
    await gateway_sqlite.deliver(s.target())
    for area in ("店", '";x="', "a\r\nb: c"):
        address = f"/targets/agri_sampling_pass_rate/series.csv?area={quote(area)}"
        answer = await gateway_sqlite.get(address, headers=BROWSER)
        assert answer.status_code == 503  # nobody can be asked for the series
        name = f"agri_sampling_pass_rate-{''.join(char for char in area if char.isprintable())}.csv"
        assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{quote(name, safe='')}"


async def test_a_slash_too_many_leads_to_the_same_page(gateway_sqlite: Harness) -> None:
    for asked, target in (
        ("/lists/black/?q=%22&a=<", "/lists/black?q=%22&a=%3C"),
        ("/%E5%BA%97/", "/%E5%BA%97"),
        ("/a%2520b%3F/", "/a%2520b%3F"),  # as it was sent, not decoded once
        ('/a"<>/', "/a%22%3C%3E"),
        ("/a%2F/", "/a%2F"),
    ):
        answer = await gateway_sqlite.get(asked, headers=BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (308, target)
    for asked in ("/a%2F", "//evil.example/", "/%2Fevil.example/", "/%09/evil.example/"):
        assert (await gateway_sqlite.get(f"http://test{asked}", headers=BROWSER)).status_code == 404


async def test_head_is_answered_as_get(gateway_sqlite: Harness) -> None:
    await gateway_sqlite.deliver(s.lot())
    for headers in (JSON, BROWSER):
        head, get = (
            await gateway_sqlite.head(s.CODE, headers=headers),
            await gateway_sqlite.get(s.CODE, headers=headers),
        )
        assert (head.status_code, head.headers["content-type"]) == (200, get.headers["content-type"])


async def test_a_wrong_code_is_told_to_both(gateway_sqlite: Harness) -> None:
    path = f"/01/{s.APPLE[:-1]}7/10/A"
    app = await gateway_sqlite.get(path, headers=JSON)
    assert (app.status_code, app.json()["position"]) == (400, 14)
    page = await gateway_sqlite.get(path, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (400, "text/html")
    assert "第 14 位应为 1" in page.text


async def test_a_linkset_comes_from_traceability(resolver: Harness) -> None:
    for headers, query in ((JSON, "?linkType=linkset"), (BROWSER, "?linkType=all"), ({"Accept": rules.LINKSET}, "")):
        answer = await resolver.get(s.CODE + query, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/linkset+json"
        assert answer.json()["linkset"][0]["anchor"] == f"http://127.0.0.1:8000{s.CODE}"
    slashed = await resolver.get(f"/01/{s.APPLE}/10/A%2FB?linkType=linkset")
    assert slashed.status_code == 200


async def test_another_link_type_leads_there_and_passes_the_query_on(resolver: Harness) -> None:
    for link_type in ("gs1:recallStatus", "recallStatus", "https://ref.gs1.org/voc/recallStatus"):
        answer = await resolver.get(f"{s.CODE}?linkType={quote(link_type)}&17=270416", headers=BROWSER)
        assert answer.status_code == 307
        assert answer.headers["location"] == "http://test/v1/recalls?q=x&17=270416#a"
    missing = await resolver.get(f"{s.CODE}?linkType=gs1:promotion")
    assert (missing.status_code, missing.json()["code"]) == (404, "link_type")


async def test_no_linkset_while_traceability_is_away(gateway_sqlite: Harness) -> None:
    answer = await gateway_sqlite.get(f"{s.CODE}?linkType=linkset")
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert (await gateway_sqlite.get(s.CODE, headers=JSON)).status_code == 200


async def test_description_of_the_resolver(gateway_sqlite: Harness) -> None:
    body = (await gateway_sqlite.get("/.well-known/gs1resolver")).json()
    assert (body["resolverRoot"], body["supportedPrimaryKeys"]) == ("http://test", ["01"])


@pytest.mark.parametrize(
    ("accept", "link_type", "wanted"),
    [
        ("", None, "verdict"),
        ("*/*", None, "verdict"),
        ("text/html", None, "page"),
        ("application/json, text/html", None, "verdict"),
        ("application/json;q=0.5, text/html", None, "page"),
        ("text/html;q=0, application/json;q=0.1", None, "verdict"),
        ("application/linkset+json", None, "linkset"),
        ("text/html", "linkset", "linkset"),
        ("text/html", "gs1:pip", "link"),
        ("text/html;q=much", None, "verdict"),
    ],
)
def test_what_is_wanted(accept: str, link_type: str | None, wanted: str) -> None:
    assert rules.wanted(accept, link_type) == wanted
