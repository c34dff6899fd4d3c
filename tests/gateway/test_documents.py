"""One OpenAPI document of four services."""

import re
from contextlib import AsyncExitStack

from services.gateway.app import create_app
from services.gateway.documents.follow import DOCUMENTS
from services.gateway.documents.merge import merge
from services.gateway.settings import Settings
from tests.gateway.conftest import down
from tests.gateway.servers import Upstream, serving
from tests.support.app import Harness, running
from tests.support.databases import Backend

THEIRS = {
    "openapi": "3.1.0",
    "paths": {
        "/healthz": {"get": {"summary": "theirs"}},
        "/v1/credit/violations": {"post": {"responses": {"201": {"schema": {"$ref": "#/components/schemas/Receipt"}}}}},
    },
    "components": {"schemas": {"Receipt": {"type": "object", "title": "theirs"}, "Same": {"type": "string"}}},
}


def test_names_that_clash_are_told_apart() -> None:
    own = {
        "openapi": "3.1.0",
        "paths": {"/healthz": {"get": {"summary": "ours"}}},
        "components": {"schemas": {"Receipt": {"type": "string"}, "Same": {"type": "string"}}, "securitySchemes": {}},
    }
    merged = merge(own, {"credit": THEIRS, "indicators": None})
    assert merged["paths"]["/healthz"]["get"]["summary"] == "ours"
    reference = merged["paths"]["/v1/credit/violations"]["post"]["responses"]["201"]["schema"]["$ref"]
    assert reference == "#/components/schemas/CreditReceipt"
    assert merged["components"]["schemas"]["CreditReceipt"]["title"] == "theirs"
    assert set(merged["components"]["schemas"]) == {"Receipt", "Same", "CreditReceipt"}
    assert merged["x-missing"] == ["indicators"]
    assert own["paths"].keys() == {"/healthz"}, "the documents that came in are left as they are"


async def test_the_document_is_merged_as_services_appear(sqlite_backend: Backend) -> None:
    upstream = Upstream("credit")
    upstream.answers["/openapi.json"] = THEIRS
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(upstream))
        settings = {**down(), "credit_url": url}
        gateway = await stack.enter_async_context(running(create_app, Settings, sqlite_backend, **settings))
        await gateway.until(lambda: "credit" in DOCUMENTS.of(gateway.platform), "credit's document")
        body = (await gateway.get("/openapi.json")).json()
    assert "/v1/credit/violations" in body["paths"]
    assert "/v1/scan/{code}" in body["paths"]
    assert body["x-missing"] == ["indicators", "traceability"]


async def test_every_route_of_ours_stands_in_it(gateway_sqlite: Harness) -> None:
    paths = (await gateway_sqlite.get("/openapi.json")).json()["paths"]
    wanted = {
        "/oauth/token",
        "/v1/overview",
        "/v1/targets/{target_id}",
        "/v1/enterprises/{uscc}",
        "/v1/lists/{colour}",
        "/v1/scan/{code}",
        "/v1/recalls",
        "/v1/feed",
        "/v1/state",
        "/01/{code}",
        "/.well-known/jwks.json",
        "/.well-known/gs1resolver",
    }
    assert wanted <= set(paths)
    document = (await gateway_sqlite.get("/asyncapi.json")).json()
    assert "pinzhi.gateway.v1" in str(document["channels"])


async def test_docs_load_nothing_and_escape_everything(gateway_sqlite: Harness) -> None:
    DOCUMENTS.of(gateway_sqlite.platform)["credit"] = {
        "paths": {"/v1/credit/<b>": {"get": {"tags": ["<i>"], "description": "<script>x</script>", "responses": {}}}}
    }
    answer = await gateway_sqlite.get("/docs", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", answer.text)
    assert "/v1/enterprises/{uscc}" in answer.text
