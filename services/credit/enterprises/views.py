"""A subject as everybody may see it."""

from typing import Any

from services.credit.enterprises.models import Enterprise, EnterpriseVersion
from services.credit.enterprises.schemas import EnterpriseOut
from shared.reference import areas, industries


def fields(row: Enterprise | EnterpriseVersion) -> dict[str, Any]:
    area = areas.get(row.area_code)
    industry = industries.get(row.industry_code) if row.industry_code else None
    return {
        "uscc": row.uscc,
        "name": row.name,
        "former_names": row.former_names,
        "area_code": row.area_code,
        "area": area.name if area else None,
        "industry_code": row.industry_code,
        "industry": industry.name_zh if industry else None,
        "state": row.state,
        "chief_quality_officer": row.chief_quality_officer,
    }


def summary(row: Enterprise) -> EnterpriseOut:
    return EnterpriseOut(**fields(row))
