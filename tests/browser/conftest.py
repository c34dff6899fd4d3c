"""One gateway and one Chromium for all browser tests, in one event loop; contexts are opened once and reused."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, Response, async_playwright

from services.gateway.app import create_app
from services.gateway.settings import Settings
from tests.browser import world
from tests.gateway.conftest import down
from tests.support.app import Harness, running
from tests.support.databases import Backend, Databases

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
Scheme = Literal["light", "dark"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in item.nodeid:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@dataclass
class Site:
    """The running gateway: its address, and its harness for events and the clock."""

    base: str
    harness: Harness


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    backend = Backend("sqlite", databases, tmp_path_factory.mktemp("site"), None)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        harness = await stack.enter_async_context(running(create_app, Settings, backend, demo=True, **down()))
        await harness.deliver(*world.events())
        server = uvicorn.Server(uvicorn.Config(harness.app, lifespan="off", log_config=None, access_log=False))
        server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield Site(base, harness)
        server.should_exit = True
        await serving
    backend.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is missing: apt-get install -y chromium fonts-noto-cjk")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        await launched.close()


@dataclass
class Visit:
    """One loaded page and all that happened since it was asked for."""

    page: Page
    response: Response
    requests: list[str]
    console: list[str]


@dataclass
class Tab:
    """A page that is used again and again, and what it reports."""

    context: BrowserContext
    page: Page
    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))


class Visitor:
    """Opens pages like a person: with a language, a width, a colour scheme, with or without JavaScript."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self.browser, self.site = browser, site
        self._tabs: dict[tuple[str, bool], Tab] = {}

    async def open(
        self,
        path: str,
        *,
        width: int = 1440,
        height: int = 900,
        scheme: Scheme = "light",
        js: bool = True,
        lang: str = "zh-CN",
        media: Literal["screen", "print"] = "screen",
        **emulate: Any,
    ) -> Visit:
        tab = await self._tab(lang, js)
        await tab.page.set_viewport_size({"width": width, "height": height})
        quiet: dict[str, Any] = {"forced_colors": "none", "reduced_motion": "no-preference"}
        await tab.page.emulate_media(color_scheme=scheme, media=media, **(quiet | emulate))
        tab.requests.clear()
        tab.console.clear()
        response = await tab.page.goto(path if path.startswith("http") else self.site.base + path)
        if response is None:  # only the fragment changed
            response = await tab.page.reload()
        assert response is not None
        return Visit(tab.page, response, tab.requests, tab.console)

    async def _tab(self, lang: str, js: bool) -> Tab:
        if (lang, js) not in self._tabs:
            context = await self.browser.new_context(locale=lang, java_script_enabled=js)
            self._tabs[lang, js] = Tab(context, await context.new_page())
            self._tabs[lang, js].listen()
        return self._tabs[lang, js]

    async def close(self) -> None:
        for tab in self._tabs.values():
            await tab.context.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def visitor(browser: Browser, site: Site) -> AsyncIterator[Visitor]:
    made = Visitor(browser, site)
    yield made
    await made.close()
