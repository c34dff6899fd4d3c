"""Targets and lights put together. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from services.gateway.schemas import AreaLight, Section, TargetLight
from shared.events.indicators import Light

LIGHTS: tuple[str, ...] = get_args(Light)
URGENT = ("breached", "off_track", "at_risk", "cannot_tell")
"""Worst first: what needs action."""

_LIGHT_FIELDS = (
    "light", "sentence", "sentence_en", "value", "n", "passed", "low", "high", "period", "source", "provisional",
    "rule_version",
)  # fmt: skip
_NO_LIGHT: dict[str, Any] = {
    **dict.fromkeys(_LIGHT_FIELDS),
    "light": "no_data",
    "sentence": "还没有数据",
    "sentence_en": "No data yet",
    "provisional": False,
    "lit_as_of": None,
}


def target_light(target: Mapping[str, Any], light: Mapping[str, Any] | None) -> TargetLight:
    """Bodies of `TargetChanged` and `LightChanged` as one row; `no_data` without a light."""
    kept = {key: value for key, value in target.items() if key != "version"}
    return cast(TargetLight, kept | _light(light))


def with_light(target: TargetLight, light: Mapping[str, Any] | None) -> TargetLight:
    """The same target with another light."""
    return cast(TargetLight, dict(target) | _light(light))


def _light(light: Mapping[str, Any] | None) -> dict[str, Any]:
    if light is None:
        return _NO_LIGHT
    return {key: light.get(key) for key in _LIGHT_FIELDS} | {"lit_as_of": light["as_of"]}


def area_light(light: Mapping[str, Any], area_name: str | None) -> AreaLight:
    fields = ("area_code", "light", "value", "n", "passed", "low", "high", "period", "source")
    return cast(
        AreaLight,
        {key: light[key] for key in fields} | {"area_name": area_name, "lit_as_of": light["as_of"]},
    )


def counts(targets: Sequence[TargetLight]) -> dict[str, int]:
    found = dict.fromkeys(LIGHTS, 0)
    for target in targets:
        found[target["light"]] += 1
    return found


def filtered(targets: Sequence[TargetLight], light: str | None, dept: str | None) -> list[TargetLight]:
    return [
        target
        for target in targets
        if (light is None or target["light"] == light)
        and (dept is None or dept in target["lead_departments"] or dept in target["departments"])
    ]


def sections(targets: Sequence[TargetLight]) -> list[Section]:
    """By section, in the order in which the plan comes to them."""
    found: dict[str, list[TargetLight]] = {}
    for target in targets:
        found.setdefault(target["section"], []).append(target)
    return [{"section": name, "targets": rows} for name, rows in found.items()]


def attention(targets: Sequence[TargetLight]) -> list[TargetLight]:
    urgent = [target for target in targets if target["light"] in URGENT]
    return sorted(urgent, key=lambda target: (URGENT.index(target["light"]), target["position"]))


def departments(targets: Sequence[TargetLight]) -> list[str]:
    return sorted({name for target in targets for name in target["lead_departments"]})
