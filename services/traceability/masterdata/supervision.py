"""Who supervises a firm: whoever's area covers the one that it is registered in here, or the one that credit's register
has for it. Both count, so that what a firm says of itself takes nobody's right away and harms only itself.

An area is claimed once, at the first registration: in the city whose authority registered the firm (its code shows it),
unless credit's register states another. After that it changes only by an authority of the old *and* the new
one: a department that covers both, or, where none does, by two: the old area states in credit's register that the
firm moved out, the new one takes it over there, and its department then changes it here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select, union
from sqlmodel import col

from services.traceability.masterdata import repository
from services.traceability.masterdata.models import Party, PartyEnterprise
from shared.area_scope import within
from shared.auth import Principal
from shared.auth.reading import Reading
from shared.db import AsyncSession
from shared.errors import Forbidden
from shared.identifiers.uscc import USCC
from shared.reference import areas


@dataclass(frozen=True, slots=True)
class Supervision:
    uscc: str
    area_code: str | None = None
    """Where it is registered here; None for a firm that is not."""
    register: str | None = None
    """Where credit's register has it."""
    stated: bool = False
    """Whether an authority stated the register's area; else it was taken from a violation."""

    def by(self, principal: Principal) -> bool:
        return any(principal.may_in(code) for code in (self.area_code, self.register) if code is not None)

    def shown(self, reading: Reading, principal: Principal) -> bool:
        """Whether it may see a record of this kind of the firm."""
        return reading.shows(principal, self.area_code, self.register)

    def require(self, principal: Principal) -> None:
        if self.by(principal):
            return
        known = list(dict.fromkeys(code for code in (self.area_code, self.register) if code is not None))
        raise Forbidden(
            "area",
            zh=f"{self.uscc} 由 {'、'.join(known) or '未登记的地区'} 的部门监管，"
            f"不在您的地区（{principal.area or '无'}）内",
            en=f"{self.uscc} is supervised by the departments of {', '.join(known) or 'no known area'}, outside your "
            f"area ({principal.area or 'none'})",
        )

    def require_area(self, principal: Principal, area_code: str) -> None:
        """Raise unless the principal may register the firm under `area_code`."""
        if principal.kind == "enterprise":
            self._own(area_code)
            return
        principal.require_area(area_code)
        former = self.area_code is not None and principal.may_in(self.area_code)
        stated = self.register is not None and self.stated
        if stated and self.register is not None:
            former = former or principal.may_in(self.register)
            if self.area_code is None:
                former = former or areas.is_within(area_code, self.register)
        elif self.area_code is None:
            former = areas.registered_near(self.uscc, area_code) or principal.may_in(USCC(self.uscc).area_code)
        if not former:
            raise _moving(self.uscc, self.area_code or self.register or USCC(self.uscc).area_code, area_code)

    def _own(self, area_code: str) -> None:
        if self.area_code is not None:
            if area_code != self.area_code:
                raise _moving(self.uscc, self.area_code, area_code)
        elif self.stated and self.register is not None:
            if not areas.is_within(area_code, self.register):
                raise _moving(self.uscc, self.register, area_code)
        elif not areas.registered_near(self.uscc, area_code):
            raise _moving(self.uscc, USCC(self.uscc).area_code, area_code)


def _moving(uscc: str, old: str | None, new: str) -> Forbidden:
    return Forbidden(
        "party.area",
        zh=f"{uscc} 登记在 {old}，监管地区不能由一方改为 {new}：请由同时管辖两地的部门变更"
        f"（PUT /v1/traceability/parties/{uscc}）；没有这样的部门时，先在信用登记中由原地区登记迁出、新地区迁入"
        f"（PUT /v1/credit/enterprises/{uscc}），再由新地区的部门在此变更",
        en=f"{uscc} is registered in {old}; one side alone cannot make it {new}. A department that covers both changes "
        f"it (PUT /v1/traceability/parties/{uscc}); where there is none, the old area states moved_out and the new one "
        f"takes it over in the credit register (PUT /v1/credit/enterprises/{uscc}), then its department does it here",
    )


async def of(session: AsyncSession, usccs: Iterable[str]) -> dict[str, Supervision]:
    """One for each of the firms, known or not."""
    wanted = set(usccs)
    parties = await repository.by_key(session, Party, wanted)
    register = await repository.by_key(session, PartyEnterprise, wanted)
    return {
        uscc: Supervision(
            uscc,
            parties[uscc].area_code if uscc in parties else None,
            register[uscc].area_code if uscc in register else None,
            uscc in register and register[uscc].source == "register",
        )
        for uscc in wanted
    }


async def homes(session: AsyncSession, usccs: Iterable[str]) -> dict[str, list[str]]:
    """The areas whose authorities supervise each of the firms."""
    known = await of(session, usccs)
    return {uscc: [code for code in (one.area_code, one.register) if code is not None] for uscc, one in known.items()}


async def require(session: AsyncSession, principal: Principal, uscc: str) -> None:
    """Raise Forbidden unless the principal's area supervises the firm."""
    (await of(session, [uscc]))[uscc].require(principal)


def supervised(principal: Principal) -> Select[Any]:
    """The USCCs of the firms that the principal's area supervises, for a list."""
    here = select(col(Party.uscc)).where(within(col(Party.area_code), principal.area))
    register = select(col(PartyEnterprise.uscc)).where(within(col(PartyEnterprise.area_code), principal.area))
    return select(union(here, register).subquery().c.uscc)
