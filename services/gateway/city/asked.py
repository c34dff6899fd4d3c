"""What the projections cannot answer is asked from indicators: lights as of a past day, and series."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

from services.gateway.schemas import SeriesPoint
from services.gateway.upstreams.client import Deadline, UpstreamError
from shared.i18n import Lang

if TYPE_CHECKING:
    from services.gateway.upstreams.clients import Upstreams

Light = dict[str, Any]
"""The fields of `LightChanged`."""


async def lights(upstreams: "Upstreams", area: str, as_of: date, deadline: Deadline, lang: Lang) -> dict[str, Light]:
    """Target id -> its light in `area` as of the end of a day. Raises UpstreamError."""
    query = urlencode({"area": area, "as_of": as_of.isoformat()})
    body = await _ask(upstreams, f"/v1/indicators/dashboard?{query}", deadline, lang)
    with _readable():
        return {item["target_id"]: _light(item, as_of) for item in body["items"]}


async def series(
    upstreams: "Upstreams", target_id: str, area: str, as_of: date | None, deadline: Deadline, lang: Lang
) -> list[SeriesPoint]:
    """Values of a target in `area` by period, oldest first. Raises UpstreamError."""
    asked = {"area": area} | ({"as_of": as_of.isoformat()} if as_of else {})
    path = f"/v1/indicators/targets/{quote(target_id, safe='')}/series?{urlencode(asked)}"
    body = await _ask(upstreams, path, deadline, lang)
    with _readable():
        return [_point(item, area) for item in body["items"]]


async def _ask(upstreams: "Upstreams", path: str, deadline: Deadline, lang: Lang) -> Any:
    headers = {"accept": "application/json", "accept-language": "en" if lang == "en" else "zh-CN"}
    body = await upstreams.clients["indicators"].get_json(path, deadline=deadline.part(), headers=headers)
    if body is None:
        raise UpstreamError("indicators", "refused", status=404)
    return body


class _readable:
    """Turns what a body has not into an error of its part."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, KeyError | TypeError | AttributeError):
            raise UpstreamError("indicators", "bad_answer") from error


def _light(item: Mapping[str, Any], as_of: date) -> Light:
    return {"as_of": as_of.isoformat(), **{key: item.get(key) for key in _LIGHT}, "light": item["light"]}


_LIGHT = (
    "sentence", "sentence_en", "value", "n", "passed", "low", "high", "period", "source", "provisional", "rule_version",
)  # fmt: skip


def _point(item: Mapping[str, Any], area: str) -> SeriesPoint:
    fields = ("value", "n", "passed", "low", "high", "source")
    return cast(
        SeriesPoint,
        {key: item.get(key) for key in fields}
        | {
            "period": item["period"],
            "area_code": item.get("area_code") or area,
            "provisional": bool(item.get("provisional")),
        },
    )
