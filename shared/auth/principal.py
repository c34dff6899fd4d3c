"""Who is asking. One kind for each kind of token; everybody without a token is `public`."""

from dataclasses import dataclass
from typing import Literal

from shared.errors import Forbidden

Kind = Literal["public", "department", "enterprise", "staff", "system"]
ROLE_NAMES = {
    "inspector": "检查员",
    "case_officer": "案件承办人",
    "reviewer": "审核人",
    "publisher": "公示人",
    "quality_office": "质量办",
    "auditor": "审计员",
    "administrator": "管理员",
}
ROLES = tuple(ROLE_NAMES)


@dataclass(frozen=True, slots=True)
class Principal:
    kind: Kind
    id: str
    """`client:<id>` or `user:<id>`; `public`; `system:<service>` for work that the platform does by itself."""
    name: str = ""
    department: str | None = None
    area: str | None = None
    uscc: str | None = None
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()

    def may_in(self, area_code: str | None) -> bool:
        """Whether the area is the principal's own or below it (市、县、乡、村)."""
        import shared.reference.areas as areas

        return self.kind == "system" or (
            self.area is not None and area_code is not None and areas.is_within(area_code, self.area)
        )

    def require_area(self, area_code: str | None) -> None:
        """Raise unless the principal's area covers `area_code`."""
        if not self.may_in(area_code):
            raise Forbidden(
                "area",
                zh=f"只能写入本地区（{self.area or '无'}）及其下级地区，{area_code or '未给地区'} 不在其内",
                en=f"You may write inside your own area ({self.area or 'none'}) and those below it; "
                f"{area_code or 'no area'} is outside",
            )

    def require_owner(self, uscc: str) -> None:
        """Raise unless an enterprise principal owns `uscc`; staff and departments are not bound by this."""
        if self.kind == "enterprise" and self.uscc != uscc:
            raise Forbidden(
                "owner",
                zh=f"企业只能处理自己的记录（{self.uscc}），{uscc} 属于别的企业",
                en=f"An enterprise handles its own records ({self.uscc}); {uscc} belongs to another",
            )


PUBLIC = Principal("public", "public", name="public")


def system(service: str) -> Principal:
    return Principal("system", f"system:{service}", name=service)
