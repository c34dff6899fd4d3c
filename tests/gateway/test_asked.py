"""As-of questions: what the gateway's own copy cannot know is asked from the owner, and its absence is told."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import TypeAdapter

from services.gateway.app import create_app
from services.gateway.schemas import EnterpriseView, TargetView
from services.gateway.settings import Settings
from tests.gateway import samples as s
from tests.gateway.conftest import down
from tests.gateway.servers import Upstream, serving
from tests.support.app import Harness, running
from tests.support.databases import Backend


class Asked:
    def __init__(self, harness: Harness, credit: Upstream, indicators: Upstream) -> None:
        self.harness, self.credit, self.indicators = harness, credit, indicators


@pytest.fixture
async def asked(sqlite_backend: Backend) -> AsyncIterator[Asked]:
    credit, indicators = Upstream("credit"), Upstream("indicators")
    async with AsyncExitStack() as stack:
        urls = {
            "credit_url": await stack.enter_async_context(serving(credit)),
            "indicators_url": await stack.enter_async_context(serving(indicators)),
        }
        settings = {**down(), **urls}
        harness = await stack.enter_async_context(running(create_app, Settings, sqlite_backend, **settings))
        yield Asked(harness, credit, indicators)


def credit_file(**changed: Any) -> dict[str, Any]:
    """A public credit file as `/v1/credit/enterprises/{uscc}` answers it."""
    listing = s.listed().model_dump(mode="json")
    violation = s.published().model_dump(mode="json")
    return {
        "uscc": s.ORCHARD,
        "name": "旧名称",
        "former_names": [],
        "area_code": "370686",
        "area": "栖霞市",
        "industry_code": "C13",
        "industry": None,
        "state": "active",
        "chief_quality_officer": False,
        "valid_at": "2026-11-21",
        "known_at": "2026-11-21T15:59:59.999999Z",
        "listings": [listing | {"measures": [{"code": "m", "zh": "从严审查", "en": "Strict review"}]}],
        "violations": [violation | {"penalties_zh": "罚款 5 万元", "penalties_en": "fine"}],
        "recalls": [],
    } | changed


async def test_enterprise_as_of_a_past_day(asked: Asked) -> None:
    asked.credit.answers[f"/v1/credit/enterprises/{s.ORCHARD}"] = credit_file()
    await asked.harness.deliver(s.enterprise(), s.product(), s.recall_opened(), s.recall_closed())
    answer = await asked.harness.get(f"/v1/enterprises/{s.ORCHARD}?as_of=2026-11-23")
    view = answer.json()
    TypeAdapter(EnterpriseView).validate_python(view, strict=True)
    assert (view["as_of"], view["name"], view["credit"]["status"]) == ("2026-11-23", "旧名称", "black")
    assert view["credit"]["listings"][0]["measures"] == ["从严审查"]
    assert [one["document_number"] for one in view["violations"]] == ["烟市监处罚〔2026〕12号"]
    assert [(one["state"], one["closed_at"]) for one in view["recalls"]] == [("open", None)]
    (request,) = asked.credit.requests
    assert request["query"] == "as_of=2026-11-23"
    assert int(request["headers"]["x-request-deadline-ms"][0]) <= 8500
    early = (await asked.harness.get(f"/v1/enterprises/{s.ORCHARD}?as_of=2026-11-01")).json()
    assert early["recalls"] == []


async def test_credit_did_not_know_it_yet(asked: Asked) -> None:
    await asked.harness.deliver(s.enterprise(), s.listed())
    view = (await asked.harness.get(f"/v1/enterprises/{s.ORCHARD}?as_of=2020-01-01")).json()
    assert (view["complete"], view["credit"]["status"], view["violations"]) == (True, "none", [])


@pytest.mark.parametrize("body", [{"name": "half a file"}, []])
async def test_an_answer_that_cannot_be_read_is_a_missing_part(asked: Asked, body: Any) -> None:
    asked.credit.answers[f"/v1/credit/enterprises/{s.ORCHARD}"] = body
    await asked.harness.deliver(s.enterprise(), s.listed())
    view = (await asked.harness.get(f"/v1/enterprises/{s.ORCHARD}?as_of=2026-11-21")).json()
    assert (view["complete"], view["credit"], view["violations"]) == (False, None, [])
    assert [(error["part"], error["code"]) for error in view["errors"]] == [("credit", "bad_answer")]
    assert view["identity"]["area_name"] == "栖霞市"


def status(target_id: str, **changed: Any) -> dict[str, Any]:
    """One item of `/v1/indicators/dashboard`."""
    body = s.light(target_id).model_dump(mode="json")
    return {key: value for key, value in body.items() if key not in ("area_code", "as_of")} | changed


async def test_lights_and_series_as_of_a_past_day(asked: Asked) -> None:
    dashboard = {"items": [status("a", light="met", value="98.40"), status("unknown")]}
    asked.indicators.answers["/v1/indicators/dashboard"] = dashboard
    point = {"period": "2018Q2", "area_code": "370600", "value": "98.40", "n": 100, "passed": 98, "low": "93.0"}
    asked.indicators.answers["/v1/indicators/targets/a/series"] = {"items": [point]}
    await asked.harness.deliver(s.target("a"), s.target("b", 2), s.light("a"))
    city = (await asked.harness.get("/v1/overview?as_of=2018-06-30&area=370600")).json()
    assert [(one["target_id"], one["light"], one["lit_as_of"]) for one in city["targets"]] == [
        ("a", "met", "2018-06-30"),
        ("b", "no_data", None),
    ]
    assert (city["complete"], city["as_of"]) == (True, "2018-06-30")
    answer = await asked.harness.get("/v1/targets/a?as_of=2018-06-30", headers={"Accept-Language": "en"})
    view = answer.json()
    TypeAdapter(TargetView).validate_python(view, strict=True)
    assert (view["target"]["light"], view["complete"]) == ("met", True)
    assert [(one["period"], one["value"], one["source"]) for one in view["series"]] == [("2018Q2", "98.40", None)]
    assert asked.indicators.requests[-1]["query"] == "area=370600&as_of=2018-06-30"
    assert asked.indicators.requests[-1]["headers"]["accept-language"] == ["en"]


async def test_today_is_not_asked_for(asked: Asked) -> None:
    await asked.harness.deliver(s.enterprise(), s.target("a"))
    assert (await asked.harness.get(f"/v1/enterprises/{s.ORCHARD}?as_of=2026-11-24")).json()["complete"] is True
    assert (await asked.harness.get("/v1/overview?as_of=2026-11-24")).json()["complete"] is True
    assert asked.credit.requests == []
    assert asked.indicators.requests == []


@pytest.mark.parametrize("day", ["0", "20181231", "1e3", "2018-12-31T00:00:00", "2018-02-30", "2026-11-25", "昨天"])
async def test_days_that_are_none(asked: Asked, day: str) -> None:
    await asked.harness.deliver(s.enterprise(), s.target("a"))
    for path in ("/v1/overview", "/v1/targets/a", f"/v1/enterprises/{s.ORCHARD}"):
        answer = await asked.harness.get(f"{path}?as_of={day}")
        assert answer.status_code == 422, path
        assert answer.json()["errors"][0]["pointer"] == "?as_of"


async def test_a_past_day_in_time_or_not_at_all(asked: Asked) -> None:
    """The part's share of the client's deadline is all that a slow owner gets."""
    await asked.harness.deliver(s.enterprise())
    path = f"/v1/credit/enterprises/{s.ORCHARD}"
    asked.credit.answers.pop(path, None)
    asked.credit.delays[path] = 30.0
    url = f"/v1/enterprises/{s.ORCHARD}?as_of=2026-11-01"
    view = (await asked.harness.get(url, headers={"X-Request-Deadline-Ms": "300"})).json()
    assert [(error["code"], error["retryable"]) for error in view["errors"]] == [("timeout", True)]
