"""What every service's HTTP keeps: problems, policies, idempotency keys, audit, paging, entity tags, hot reads."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from shared import audit
from shared.auth import Staff
from shared.clock import FixedClock
from shared.db import metadata_of, tables
from shared.events.credit import EnterpriseUpdated
from shared.logs import configure_logging
from shared.web import Keyset, Router, allow
from tests.contract.shop import GOOD, SEEN, WRITER, Table, start
from tests.support.app import NOW, Harness, department, enterprise, staff
from tests.support.databases import Backend
from tests.support.lifespan import Lifespan


@pytest.fixture
async def service(backend: Backend) -> AsyncIterator[Harness]:
    harness = await start(backend, backend.bare(metadata_of(Table)), FixedClock(NOW))
    async with Lifespan(harness.app):
        yield harness
    await harness.close()


async def test_everything_wrong_is_told_at_once_with_its_place_in_both_languages(service: Harness) -> None:
    wrong = {"id": "x", "name": "Wow!", "nam": 1, "opened_on": "yesterday", "tags": [1, "two"]}
    answer = await service.post("/v1/credit/shops", json=wrong, as_=WRITER)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    places = {each["pointer"]: each for each in answer.json()["errors"]}
    assert set(places) == {"/id", "/name", "/nam", "/opened_on", "/tags/1", "/area_code"}
    assert places["/name"] == {"pointer": "/name", "code": "name.bang", "detail": "名称不能有感叹号"}
    english = await service.post("/v1/credit/shops", json=wrong, as_=WRITER, headers={"Accept-Language": "en"})
    words = {each["pointer"]: each["detail"] for each in english.json()["errors"]}
    assert words["/name"] == "A name has no exclamation mark"
    assert words["/area_code"] == "Required"


async def test_bad_input_never_gets_a_500(service: Harness) -> None:
    post = "/v1/credit/shops"
    json = {"content-type": "application/json"}
    cases: list[tuple[int, dict[str, Any]]] = [
        (400, {"content": b"{", "headers": json}),
        (400, {"content": b"\xff\xfe", "headers": json}),
        (422, {"content": b"[]", "headers": json}),
        (422, {"content": b"null", "headers": json}),
        (422, {"content": b""}),
        (415, {"content": b"a=b", "headers": {"content-type": "text/plain"}}),
        (415, {"content": b"{}"}),
        (413, {"content": b"[" * 20_000, "headers": json}),
        (422, {"json": GOOD, "headers": {"Idempotency-Key": "k" * 201}}),
    ]
    for status, options in cases:
        answer = await service.post(post, as_=WRITER, **options)
        assert answer.status_code == status, (options, answer.text)
        assert answer.json()["code"]
    assert (await service.get("/nowhere")).status_code == 404
    assert (await service.delete(post, as_=WRITER)).status_code == 405
    assert (await service.get("/v1/credit/shops?limit=0")).status_code == 422
    assert (await service.get("/v1/credit/shops?cursor=rubbish")).json()["errors"][0]["pointer"] == "?cursor"


async def test_a_body_that_announces_no_length_is_bounded_too(service: Harness) -> None:
    """The limit is met while FastAPI reads the body, which calls every failure there a body that cannot be read."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 1_000

    answer = await service.post(
        "/v1/credit/shops", content=pieces(), as_=WRITER, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_size")


async def test_deeply_nested_json_is_refused(service: Harness) -> None:
    answer = await service.post(
        "/v1/credit/shops", content=b"[" * 9_000, as_=WRITER, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400


async def test_an_unknown_error_tells_nothing_of_the_inside(service: Harness) -> None:
    answer = await service.get("/v1/credit/broken")
    assert answer.status_code == 500
    assert "inside" not in answer.json()["detail"].replace("inside; it was recorded", "")
    assert "house" not in answer.text
    assert (await service.get("/v1/credit/hot/explodes")).status_code == 500


async def test_permission_comes_before_the_body(service: Harness) -> None:
    rubbish = {"content": b"{", "headers": {"content-type": "application/json"}}
    assert (await service.post("/v1/credit/shops", **rubbish)).status_code == 401
    assert (await service.post("/v1/credit/shops", as_=department("other:write"), **rubbish)).status_code == 403
    assert (await service.post("/v1/credit/shops", as_=staff("auditor"), **rubbish)).status_code == 403
    assert (await service.post("/v1/credit/shops", as_=staff("case_officer"), **rubbish)).status_code == 400


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": 1}, "token.expired"),
        ({"aud": "elsewhere"}, "token.audience"),
        ({"iss": "http://elsewhere"}, "token.issuer"),
        ({"kind": "god"}, "token.claims"),
        ({"nbf": 99999999999}, "token.not_yet"),
        ({"nbf": None}, "token.not_yet"),
        ({"exp": None}, "token.expired"),
        ({"exp": True}, "token.expired"),
        ({"exp": "9999999999"}, "token.expired"),
        ({"exp": 10**400}, "token.expired"),
        ({"sub": "x" * 121}, "token.claims"),
        ({"sub": ["a"]}, "token.claims"),
        ({"kind": ["department"]}, "token.claims"),
        ({"name": 5}, "token.claims"),
        ({"department": {"a": 1}}, "token.claims"),
        ({"department": "x" * 61}, "token.claims"),
        ({"area": 370600}, "token.claims"),
        ({"uscc": []}, "token.claims"),
        ({"roles": None}, "token.claims"),
        ({"roles": "administrator"}, "token.claims"),
        ({"roles": [["administrator"]]}, "token.claims"),
        ({"scope": ["shops:write"]}, "token.claims"),
        ({"scope": None}, "token.claims"),
    ],
)
async def test_tokens_that_do_not_hold(service: Harness, changes: dict[str, Any], code: str) -> None:
    answer = await service.post("/v1/credit/shops", json=GOOD, as_=WRITER.but(**changes))
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_a_forged_token_is_refused(service: Harness) -> None:
    by_another_key = WRITER.but(kid="stranger")
    assert (await service.post("/v1/credit/shops", json=GOOD, as_=by_another_key)).status_code == 401
    token = WRITER.token(service.clock.now()) or ""
    head, payload, _signature = token.split(".")
    for forged in (f"{head}.{payload}.", f"eyJhbGciOiJub25lIn0.{payload}.", "rubbish", f"{head}.{payload}.AAAA"):
        answer = await service.post("/v1/credit/shops", json=GOOD, headers={"Authorization": f"Bearer {forged}"})
        assert answer.status_code == 401
    basic = await service.get("/v1/credit/shops", headers={"Authorization": "Basic YTpi"})
    assert basic.status_code == 401


async def test_the_area_rule_covers_the_areas_below_and_no_other(service: Harness) -> None:
    for code, status in (("370600", 201), ("370602", 201), ("370602001", 201), ("140200", 403), ("370000", 403)):
        body = GOOD | {"id": f"s{code}", "area_code": code}
        assert (await service.post("/v1/credit/shops", json=body, as_=WRITER)).status_code == status, code


async def test_an_idempotency_key_gives_the_first_answer_again(service: Harness) -> None:
    key = {"Idempotency-Key": "k1"}
    first = await service.post("/v1/credit/shops", json=GOOD, as_=WRITER, headers=key)
    again = await service.post("/v1/credit/shops", json=GOOD, as_=WRITER, headers=key)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    other = await service.post("/v1/credit/shops", json=GOOD | {"id": "s2"}, as_=WRITER, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    somebody = department("shops:write", client="somebody")
    assert (
        await service.post("/v1/credit/shops", json=GOOD | {"id": "s3"}, as_=somebody, headers=key)
    ).status_code == 201
    assert len(service.published(EnterpriseUpdated)) == 2


async def test_the_same_key_at_the_same_time_is_written_once(service: Harness) -> None:
    async def send() -> Any:
        return await service.post("/v1/credit/shops", json=GOOD, as_=WRITER, headers={"Idempotency-Key": "k"})

    answers = await asyncio.gather(*(send() for _ in range(8)))
    assert {(answer.status_code, answer.content) for answer in answers if answer.status_code == 201}
    assert all(answer.status_code in (201, 409) for answer in answers)
    assert len(service.published(EnterpriseUpdated)) == 1


async def test_a_refused_write_leaves_nothing(service: Harness) -> None:
    await service.post("/v1/credit/shops", json=GOOD, as_=WRITER)
    again = await service.post("/v1/credit/shops", json=GOOD, as_=WRITER, headers={"Idempotency-Key": "k2"})
    assert again.json()["code"] == "shop.exists"
    assert len(service.published(EnterpriseUpdated)) == 1
    assert service.rows("SELECT count(*) FROM audit_entry WHERE action = $1", "shop.add") == [(1,)]


async def test_pages_are_stable_while_rows_come(service: Harness) -> None:
    for number in range(7):
        body = GOOD | {"id": f"p{number}"}
        assert (await service.post("/v1/credit/shops", json=body, as_=WRITER)).status_code == 201
    seen, cursor = [], ""
    while True:
        answer = await service.get(f"/v1/credit/shops?limit=3{cursor}")
        page = answer.json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            assert "link" not in answer.headers
            break
        assert answer.headers["link"] == f'</v1/credit/shops?limit=3&cursor={page["next"]}>; rel="next"'
        await service.post("/v1/credit/shops", json=GOOD | {"id": f"a{len(seen)}"}, as_=WRITER)
        cursor = f"&cursor={page['next']}"
    assert seen == [f"p{number}" for number in range(7)]


async def test_entity_tags(service: Harness) -> None:
    first = await service.get("/v1/credit/shops")
    again = await service.get("/v1/credit/shops", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    await service.post("/v1/credit/shops", json=GOOD, as_=WRITER)
    fresh = await service.get("/v1/credit/shops", headers={"If-None-Match": first.headers["etag"]})
    assert fresh.status_code == 200


async def test_head_is_answered_wherever_get_is(service: Harness) -> None:
    got, head = await service.get("/v1/credit/shops"), await service.head("/v1/credit/shops")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-length"] == got.headers["content-length"]
    assert (await service.head("/nowhere")).status_code == 404


async def test_reads_of_private_data_are_on_the_audit_log_with_their_purpose(service: Harness) -> None:
    own = enterprise("91370602MA3DEM027K")
    path = "/v1/credit/file/91370602MA3DEM027K"
    assert (await service.get(path, as_=own, headers={"Purpose": "tender 7"})).status_code == 200
    assert (await service.get(path, as_=enterprise("someone else"))).status_code == 403
    assert service.rows("SELECT principal, action, subject, purpose FROM audit_entry") == [
        (own.id, "read", path, "tender 7")
    ]


async def test_the_audit_chain_shows_a_change(service: Harness) -> None:
    for number in range(3):
        await service.post("/v1/credit/shops", json=GOOD | {"id": f"s{number}"}, as_=WRITER)
    assert await audit.seal(service.platform) == 3
    await service.post("/v1/credit/shops", json=GOOD | {"id": "s9"}, as_=WRITER)
    assert await audit.seal(service.platform) == 1
    async with service.platform.read() as session:
        assert await audit.verify(session) == (4, None)
    async with service.platform.system_unit_of_work() as uow:
        entries = tables.audit_entry
        await uow.session.execute(entries.update().where(entries.c.subject == "s1").values(detail="{}"))
    async with service.platform.read() as session:
        count, wrong = await audit.verify(session)
    assert (count, wrong) == (0, "batch 1: an entry was changed after sealing")
    async with service.platform.system_unit_of_work() as uow:
        await uow.session.execute(tables.audit_batch.delete().where(tables.audit_batch.c.batch == 1))
    async with service.platform.read() as session:
        assert (await audit.verify(session))[1] == "batch 2: the batch before it was changed or removed"


async def test_requests_beside_each_other_share_transactions_and_fail_alone(service: Harness) -> None:
    async def send(number: int) -> tuple[int, Any]:
        answer = await service.post(f"/v1/credit/shops:together?n={number}")
        return answer.status_code, answer.json()

    answers = await asyncio.gather(*(send(number) for number in range(20)), send(-1))
    assert [body for _, body in answers[:13]] == [{"n": number} for number in range(13)]
    assert answers[13][0] == 500
    assert [body for _, body in answers[14:20]] == [{"n": number} for number in range(14, 20)]
    assert (answers[20][0], answers[20][1]["code"]) == (409, "negative")
    stored = service.rows("SELECT count(*) FROM shop WHERE name = $1", "x")
    assert stored == [(19,)]
    assert max(SEEN.of(service.platform).batches) > 1, "some of them shared a transaction"


@pytest.mark.parametrize("path", ["/v1/credit/shops", "/v1/credit/hot/s1"])
async def test_a_client_that_has_the_answer_gets_304_however_it_says_so(service: Harness, path: str) -> None:
    tag = (await service.get(path)).headers["etag"]
    bare = tag.removeprefix("W/")
    for value in (tag, f"W/{bare}", bare, "*", f'"other", {tag}', f'W/"other",{bare} , "more"'):
        answer = await service.get(path, headers={"If-None-Match": value})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag), value
    for value in ('"other"', bare.strip('"'), f'"{bare}', '"*"'):
        assert (await service.get(path, headers={"If-None-Match": value})).status_code == 200, value


async def test_a_hot_read_is_a_request_like_any_other(
    sqlite_backend: Backend, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its id, its headers, its line in the log, and its count under the route that declares it."""
    path, labels = "/v1/credit/hot/s77", {"service": "credit", "method": "GET", "route": "/v1/credit/hot/{shop_id}"}

    def counted(status: str) -> float:
        return REGISTRY.get_sample_value("pinzhi_http_requests_total", labels | {"status": status}) or 0.0

    service = await start(sqlite_backend, sqlite_backend.bare(metadata_of(Table)), FixedClock(NOW), log_level="info")
    async with Lifespan(service.app):
        before = counted("200"), counted("304"), counted("500")
        for _ in range(2):  # made, and kept
            answer = await service.get(path, headers={"X-Request-Id": "from-outside"})
            assert (answer.headers["x-request-id"], answer.headers["x-content-type-options"]) == (
                "from-outside",
                "nosniff",
            )
        await service.get(path, headers={"If-None-Match": answer.headers["etag"]})
        broken = await service.get("/v1/credit/hot/explodes")
        assert (broken.status_code, broken.json()["code"]) == (500, "internal")
        assert broken.json()["instance"].endswith(broken.headers["x-request-id"])
        assert (counted("200"), counted("304"), counted("500")) == (before[0] + 2, before[1] + 1, before[2] + 1)
    await service.close()
    configure_logging("credit", level="error", form="json")
    lines = [orjson.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    mine = [line for line in lines if line.get("path") == path]
    assert [(line["method"], line["status"]) for line in mine] == [("GET", 200), ("GET", 200), ("GET", 304)]
    assert mine[0]["request_id"] == "from-outside"


async def test_hot_reads_are_kept_until_they_change(service: Harness) -> None:
    seen = SEEN.of(service.platform)
    path = "/v1/credit/hot/s1"
    assert (await service.get(path)).json() == {"name": None, "lang": "zh"}
    await service.get(path)
    assert seen.reads == 1
    assert (await service.get(path, headers={"Accept-Language": "en"})).json()["lang"] == "en"
    await service.post("/v1/credit/shops", json=GOOD, as_=WRITER)
    fresh = await service.get(path)
    assert fresh.json()["name"] == "店"
    assert (await service.get(path, headers={"If-None-Match": fresh.headers["etag"]})).status_code == 304
    assert (await service.head(path)).content == b""
    for other in ("/v1/credit/hot/slow-path", f"{path}?debug=1"):
        assert (await service.get(other)).json()["path"] == "fastapi"


async def test_another_process_drops_its_hot_answer_too(backend: Backend) -> None:
    url, clock = backend.bare(metadata_of(Table)), FixedClock(NOW)
    one, two = await start(backend, url, clock), await start(backend, url, clock, worker="1")
    async with Lifespan(one.app), Lifespan(two.app):
        path = "/v1/credit/hot/s1"
        assert (await two.get(path)).json()["name"] is None
        await one.post("/v1/credit/shops", json=GOOD, as_=WRITER)
        async with asyncio.timeout(10):
            while (await two.get(path)).json()["name"] is None:
                await asyncio.sleep(0.01)
        await one.close()
        await two.close()


async def test_readiness_names_what_is_down(service: Harness) -> None:
    ready = await service.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.json()["warnings"] == {}
    service.platform.failing["consumer"] = "the broker is away"
    red = await service.get("/readyz")
    assert (red.status_code, red.json()["reasons"]) == (503, {"consumer": "the broker is away"})
    assert (await service.get("/healthz")).status_code == 200
    told = await service.get("/metrics", as_=staff("administrator"))
    assert "pinzhi_outbox_pending" in told.text
    scraper = await service.get("/metrics", as_=department("operations:metrics:read"))
    assert (scraper.status_code, scraper.headers["content-type"]) == (200, told.headers["content-type"])
    assert (await service.get("/metrics")).status_code == 401
    assert (await service.get("/metrics", as_=staff("case_officer"))).status_code == 403


async def test_operators_alone_see_and_move_dead_letters(service: Harness) -> None:
    paths = ("/v1/credit/events/lag", "/v1/credit/events/dead-letters")
    for path in paths:
        assert (await service.get(path)).status_code == 401
        assert (await service.get(path, as_=staff("case_officer"))).status_code == 403
        assert (await service.get(path, as_=staff("administrator"))).status_code == 200
    missing = await service.post("/v1/credit/events/dead-letters/none:retry", as_=staff("administrator"))
    assert missing.status_code == 404


def test_a_route_without_a_policy_cannot_be_built() -> None:
    async def forgotten() -> dict[str, str]:
        return {}

    with pytest.raises(TypeError, match="declares no policy"):
        Router().get("/x")(forgotten)
    with pytest.raises(ValueError, match="deny is the default"):
        allow()
    with pytest.raises(ValueError, match="unknown roles"):
        Staff("king")


async def test_a_cursor_of_another_list_is_wrong_input(service: Harness) -> None:
    """It is well made as a cursor; only the list knows what its own hold."""
    operator = staff("administrator")
    letters = Keyset("dead-letters")
    good = letters.cursor("2026-11-24T04:00:00+00:00", "id")
    assert (await service.get(f"/v1/credit/events/dead-letters?cursor={good}", as_=operator)).status_code == 200
    wrong = [(), ("a",), ("2026-11-24T04:00:00", "no offset"), ("a", "b"), ("2026-11-24T04:00:00Z", "\0")]
    for cursor in (Keyset("shops").cursor("2026-11-24T04:00:00Z", "id"), *(letters.cursor(*key) for key in wrong)):
        answer = await service.get(f"/v1/credit/events/dead-letters?cursor={cursor}", as_=operator)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "?cursor")
