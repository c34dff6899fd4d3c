"""The dashboard from events."""

from datetime import UTC, datetime

from pydantic import TypeAdapter

from services.gateway.schemas import CityView, TargetView
from services.gateway.upstreams.clients import UPSTREAMS
from services.gateway.views import city_view, target_view
from tests.gateway import samples as s
from tests.support.app import Harness


async def view_of(gateway: Harness, **options: str) -> CityView:
    view = await city_view(gateway.platform, **options)  # type: ignore[arg-type]
    TypeAdapter(CityView).validate_python(view, strict=True)
    return view


async def some_targets(gateway: Harness) -> None:
    await gateway.deliver(
        s.target("c", 3, section="二(一)", lead_departments=["市质监局"], has_figure=False),
        s.target("a", 1),
        s.target("b", 2, departments=["市卫计委"]),
        s.light("a"),
        s.light("b", light="off_track", value=None),
        s.light("a", "370686", light="met", value="99.01"),
    )


async def test_lights_by_section_in_the_order_of_the_plan(gateway: Harness) -> None:
    await some_targets(gateway)
    view = await view_of(gateway)
    assert [target["target_id"] for target in view["targets"]] == ["a", "b", "c"]
    assert [(part["section"], len(part["targets"])) for part in view["sections"]] == [("一(二)", 2), ("二(一)", 1)]
    assert (view["total"], view["with_figure"], sum(view["lights"].values())) == (3, 2, 3)
    assert {key: n for key, n in view["lights"].items() if n} == {"breached": 1, "off_track": 1, "no_data": 1}
    assert len(view["lights"]) == 8
    assert [target["target_id"] for target in view["attention"]] == ["a", "b"]
    assert view["departments"] == ["市农业局", "市质监局"]
    assert [area["area_code"] for area in view["areas"]] == ["370600", "370686"]


async def test_filters_narrow_the_targets_only(gateway: Harness) -> None:
    await some_targets(gateway)
    assert [t["target_id"] for t in (await view_of(gateway, light="off_track"))["targets"]] == ["b"]
    assert [t["target_id"] for t in (await view_of(gateway, dept="市卫计委"))["targets"]] == ["b"]
    assert (await view_of(gateway, light="off_track"))["total"] == 3
    county = await view_of(gateway, area="370686")
    assert [(t["light"], t["value"]) for t in county["targets"]] == [
        ("met", "99.01"),
        ("no_data", None),
        ("no_data", None),
    ]
    assert county["area_name"] == "栖霞市"


async def test_hot_overview_follows_lights_lists_recalls_and_feed(gateway: Harness) -> None:
    await some_targets(gateway)

    async def overview() -> CityView:
        answer = await gateway.get("/v1/overview")
        assert answer.status_code == 200
        body: CityView = answer.json()
        return body

    assert (await overview())["black"] == 0
    await gateway.deliver(s.listed())
    after = await overview()
    assert (after["black"], after["latest"][0]["kind"]) == (1, "listing_published")
    await gateway.deliver(s.recall_opened())
    assert (await overview())["open_recalls"] == 1
    await gateway.deliver(s.light("a", light="met", value="98.50"))
    assert (await overview())["lights"]["met"] == 1
    assert (await gateway.get("/v1/overview?area=370686")).json()["lights"]["met"] == 1


async def test_a_newer_light_replaces_the_older_one(gateway: Harness) -> None:
    await gateway.deliver(s.target("a"), s.light("a"), s.light("a", light="met", value="98.20"))
    assert (await view_of(gateway))["targets"][0]["value"] == "98.20"
    await gateway.deliver(s.target("a", goal="保持在98.5%以上", version=2))
    assert (await view_of(gateway))["targets"][0]["goal"] == "保持在98.5%以上"


async def test_past_day_without_indicators_says_so(gateway: Harness) -> None:
    await some_targets(gateway)
    answer = await gateway.get("/v1/overview?as_of=2018-09-30")
    body = answer.json()
    assert (answer.status_code, body["complete"]) == (200, False)
    assert [(error["part"], error["code"], error["retryable"]) for error in body["errors"]] == [
        ("indicators", "unavailable", True)
    ]
    assert body["lights"]["no_data"] == 3
    assert answer.headers["cache-control"] == "no-store"


async def test_target_with_its_areas_when_the_series_is_away(gateway: Harness) -> None:
    await some_targets(gateway)
    view = await target_view(gateway.platform, "a")
    assert view is not None
    TypeAdapter(TargetView).validate_python(view, strict=True)
    assert [(area["area_code"], area["light"]) for area in view["areas"]] == [("370600", "breached"), ("370686", "met")]
    assert (view["series"], [error["part"] for error in view["errors"]]) == (None, ["series"])
    assert await target_view(gateway.platform, "z") is None
    assert (await gateway.get("/v1/targets/z")).status_code == 404


async def test_bad_questions(gateway_sqlite: Harness) -> None:
    for query in ("area=12", "as_of=yesterday", "light=green", "area=1&area=2&as_of=x"):
        assert (await gateway_sqlite.get(f"/v1/overview?{query}")).status_code == 422, query
    assert (await gateway_sqlite.get("/v1/targets/a?as_of=2018-13-01")).status_code == 422


async def test_state_names_who_is_away(gateway: Harness) -> None:
    monitor = UPSTREAMS.of(gateway.platform).monitor
    await gateway.until(lambda: all(seen.state == "down" for seen in monitor.seen.values()), "a look at all")
    body = (await gateway.get("/v1/state")).json()
    assert {service["name"]: service["state"] for service in body["services"]} == {
        "gateway": "up",
        "indicators": "down",
        "credit": "down",
        "traceability": "down",
    }
    assert body["ok"] is False
    assert datetime.fromisoformat(body["at"]).astimezone(UTC) == gateway.clock.now()
