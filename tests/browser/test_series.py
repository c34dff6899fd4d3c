"""The chart of a target, with the real indicators service behind the gateway; and what stays when it is gone."""

import asyncio
import csv
import io
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import expect
from starlette.types import ASGIApp

from services.gateway.app import create_app as create_gateway
from services.gateway.settings import Settings as GatewaySettings
from services.gateway.upstreams.clients import UPSTREAMS
from services.indicators.app import create_app as create_indicators
from services.indicators.settings import Settings as IndicatorsSettings
from shared.bus.memory import MemoryBus
from tests.browser.conftest import Site, Visitor
from tests.gateway.conftest import down
from tests.support.app import Harness, department, running
from tests.support.databases import Backend, Databases

TARGET = "agri_sampling_pass_rate"
QUARTERS = [
    ("2017Q3", 31800, 31387),
    ("2017Q4", 32104, 31558),
    ("2018Q1", 33020, 32524),
    ("2018Q2", 34105, 33457),
    ("2018Q3", 34699, 33660),
]
"""The last one is published; the others are invented around it."""
OFFICE = department("indicators:observations:write", area="370600")


@asynccontextmanager
async def listening(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def bound(stack: AsyncExitStack) -> tuple[socket.socket, str]:
    listener = stack.enter_context(socket.socket())
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@dataclass
class Measured:
    gateway: Site
    indicators: Harness
    power: AsyncExitStack
    """Closing it takes the indicators service off the network."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def measured(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Measured]:
    bus = MemoryBus()
    async with AsyncExitStack() as stack:
        backends = [Backend("sqlite", databases, tmp_path_factory.mktemp(name), None) for name in ("figures", "door")]
        for backend in backends:
            stack.callback(backend.close)
        indicators = await stack.enter_async_context(
            running(create_indicators, IndicatorsSettings, backends[0], bus=bus)
        )
        power = await stack.enter_async_context(AsyncExitStack())
        listener, address = bound(power)
        await power.enter_async_context(listening(indicators.app, listener))
        gateway = await stack.enter_async_context(
            running(create_gateway, GatewaySettings, backends[1], bus=bus, **{**down(), "indicators_url": address})
        )
        door, base = bound(stack)
        await stack.enter_async_context(listening(gateway.app, door))
        items = [
            {"target_id": TARGET, "area_code": "370600", "period": p, "n": n, "passed": ok, "source": "检验结果汇总"}
            for p, n, ok in QUARTERS
        ]
        answer = await indicators.post("/v1/indicators/observations:batch", as_=OFFICE, json={"items": items})
        assert answer.status_code == 200, answer.text
        lit = "SELECT count(*) FROM light_view WHERE target_id = $1"
        await gateway.until(lambda: gateway.rows(lit, TARGET) != [(0,)], "the light of the target at the gateway")
        yield Measured(Site(base, gateway), indicators, power)


async def test_the_chart_its_table_and_its_file_say_the_same(visitor: Visitor, measured: Measured) -> None:
    visit = await visitor.open(measured.gateway.base + f"/targets/{TARGET}", js=False)
    page = visit.page
    figure = page.locator("section[aria-labelledby=trend]")
    chart = figure.locator(".chart.wide")
    await expect(chart).to_be_visible()
    name = await chart.get_attribute("aria-label")
    assert name == await figure.locator("h3").inner_text()
    assert "2017年三季度" in name
    assert name.endswith("97.01%")
    await expect(chart.locator("circle")).to_have_count(len(QUARTERS))
    rows = figure.locator("tbody tr")
    await expect(rows).to_have_count(len(QUARTERS))
    await expect(rows.first).to_contain_text("34,699")
    await expect(rows.first).to_contain_text("96.82%–97.18%")
    href = await figure.get_by_role("link", name="下载 CSV").get_attribute("href")
    download = await page.request.get(measured.gateway.base + (href or ""))
    body = list(csv.DictReader(io.StringIO((await download.body()).decode("utf-8-sig"))))
    assert [(r["period"], int(r["n"]), int(r["passed"])) for r in body] == QUARTERS


async def test_the_phone_has_a_drawing_whose_words_can_be_read(visitor: Visitor, measured: Measured) -> None:
    for width in (390, 320):
        page = (await visitor.open(measured.gateway.base + f"/en/targets/{TARGET}", width=width, lang="en")).page
        await expect(page.locator(".chart.wide").first).to_be_hidden()
        small = await page.evaluate(
            """() => [...document.querySelectorAll('.chart.phone text')].map(t => {
              const svg = t.ownerSVGElement, scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
              const box = t.getBBox(), view = svg.viewBox.baseVal;
              return {px: parseFloat(getComputedStyle(t).fontSize) * scale, text: t.textContent,
                      outside: box.x < -1 || box.x + box.width > view.width + 1};
            }).filter(t => t.px < 12 || t.outside)"""
        )
        assert small == []
        over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over == 0


async def test_a_current_part_says_nothing_of_its_age(visitor: Visitor, measured: Measured) -> None:
    gateway = measured.gateway.harness
    await gateway.until(
        lambda: UPSTREAMS.of(gateway.platform).monitor.current("indicators", gateway.clock.now()), "contact"
    )
    page = (await visitor.open(measured.gateway.base + f"/targets/{TARGET}")).page
    await expect(page.locator(".cut")).to_have_count(0)


async def test_the_page_stays_when_the_service_is_gone_and_says_so(visitor: Visitor, measured: Measured) -> None:
    """Last of this file: the indicators service goes off the network."""
    await measured.power.aclose()
    gateway = measured.gateway.harness
    gateway.clock.advance(minutes=18)
    monitor = UPSTREAMS.of(gateway.platform).monitor
    await gateway.until(lambda: monitor.seen["indicators"].state == "down", "the loss")
    visit = await visitor.open(measured.gateway.base + f"/targets/{TARGET}")
    assert visit.response.status == 200
    await expect(visit.page.locator(".answer")).to_contain_text("97.01%")
    await expect(visit.page.locator("main")).to_contain_text("这一部分是 18 分钟前的")
    await expect(visit.page.locator("section[aria-labelledby=trend]")).to_contain_text(
        "这一部分暂时取不到，其余不受影响"
    )
    city = await visitor.open(measured.gateway.base + "/")
    assert city.response.status == 200
    await expect(city.page.locator(".keys a", has_text="失守")).to_contain_text("1")
    state = await visitor.open(measured.gateway.base + "/state")
    await expect(state.page.locator("article", has_text="质量指标")).to_contain_text("不通")
