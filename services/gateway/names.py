"""Names of codes, from the registries that ship with the platform."""

from collections.abc import Iterable

from shared.reference import areas, industries


def area_name(code: str | None) -> str | None:
    area = areas.get(code) if code else None
    return area.name if area else None


def area_names(codes: Iterable[str]) -> dict[str, str]:
    found = {code: area_name(code) for code in set(codes)}
    return {code: name for code, name in found.items() if name}


def industry_name(code: str | None) -> str | None:
    industry = industries.get(code) if code else None
    return industry.name_zh if industry else None
