"""Files through the gateway: the real services behind it, on real sockets, raw and as a form."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest

from services.credit.app import create_app as credit_app
from services.credit.settings import Settings as CreditSettings
from services.gateway.app import create_app
from services.gateway.documents import follow as documents
from services.gateway.settings import Settings
from services.traceability.app import create_app as traceability_app
from services.traceability.settings import Settings as TraceabilitySettings
from tests.gateway.conftest import down
from tests.gateway.servers import serving
from tests.support.app import Harness, department, running
from tests.support.databases import Backend
from tests.unit.attachments.samples import PDF, PNG

CLERK = department("attachments:write")


@dataclass
class City:
    door: httpx.AsyncClient
    gateway: Harness

    def token(self) -> dict[str, str]:
        return CLERK.headers(self.gateway.clock.now())


@pytest.fixture
async def city(sqlite_backend: Backend) -> AsyncIterator[City]:
    async with AsyncExitStack() as stack:
        credit = await stack.enter_async_context(running(credit_app, CreditSettings, sqlite_backend))
        chain = await stack.enter_async_context(running(traceability_app, TraceabilitySettings, sqlite_backend))
        urls = {
            "credit_url": await stack.enter_async_context(serving(credit.app)),
            "traceability_url": await stack.enter_async_context(serving(chain.app)),
        }
        gateway = await stack.enter_async_context(running(create_app, Settings, sqlite_backend, **down() | urls))
        base = await stack.enter_async_context(serving(gateway.app))
        door = await stack.enter_async_context(httpx.AsyncClient(base_url=base))
        yield City(door, gateway)


@pytest.mark.parametrize("service", ["credit", "traceability"])
async def test_files_pass_raw_and_as_a_form(city: City, service: str) -> None:
    path = f"/v1/{service}/attachments"
    query = {"visibility": "public", "name": "决定书.pdf"}
    raw = await city.door.post(path, content=PDF, params=query, headers=city.token())
    assert (raw.status_code, raw.headers["location"]) == (201, raw.json()["href"])
    form = await city.door.post(path, files={"file": ("照片.png", PNG)}, headers=city.token())
    assert (form.status_code, form.json()["name"]) == (201, "照片.png")
    shown = await city.door.get(raw.json()["href"])
    assert (shown.content, shown.headers["content-type"]) == (PDF, "application/pdf")
    assert "sandbox" in shown.headers["content-security-policy"]
    tag = {"If-None-Match": shown.headers["etag"]}
    assert (await city.door.get(raw.json()["href"], headers=tag)).status_code == 304
    assert (await city.door.get(form.json()["href"])).status_code == 404
    assert (await city.door.get(form.json()["href"], headers=city.token())).content == PNG
    assert (await city.door.post(path, content=PDF)).status_code == 401
    refused = await city.door.post(path, content=b"MZ\x90\x00", headers=city.token())
    assert (refused.status_code, refused.json()["code"]) == (415, "attachment.type")


async def test_the_merged_document_shows_them(city: City) -> None:
    for service in ("credit", "traceability"):
        await documents.fetch(city.gateway.platform, service)
    document = (await city.door.get("/openapi.json")).json()
    for service in ("credit", "traceability"):
        body = document["paths"][f"/v1/{service}/attachments"]["post"]["requestBody"]
        assert set(body["content"]) == {"multipart/form-data", "application/octet-stream"}
        assert "get" in document["paths"][f"/v1/{service}/attachments/{{sha256}}"]
    page = (await city.door.get("/docs")).text
    assert "/v1/credit/attachments" in page
    assert "/v1/traceability/attachments/{sha256}" in page
