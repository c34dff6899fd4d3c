"""Who may see a file that is not public.

An enterprise: what it put there. An authority whose token belongs to the service (a scope of it or of attachments, or a
role in its office): what its own department put there, what authorities of its area, or of one that its own lies in,
put there, and what an enterprise put there that it supervises. Each service says who supervises (`supervise`).
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from shared.auth.principal import Principal
from shared.db.session import AsyncSession

Homes = Mapping[str, Collection[str]]
"""USCC -> the areas whose authorities supervise the enterprise."""
HomesOf = Callable[[AsyncSession, Collection[str]], Awaitable[Homes]]

_homes_of: dict[str, HomesOf] = {}


def supervise(service: str, homes_of: HomesOf) -> None:
    """Say how the service knows who supervises an enterprise; called when its app is made."""
    _homes_of[service] = homes_of


async def seen(session: AsyncSession, service: str, principal: Principal, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Those of the rows that the principal may see."""
    asked = {row.uscc for row in rows if row.uscc is not None}
    homes_of = _homes_of.get(service)
    if homes_of is None:  # a service that knows no enterprises
        homes: Homes | None = None
    else:
        homes = await homes_of(session, asked) if asked and _works_here(principal, service) else {}
    return [row for row in rows if _may_see(principal, service, row, homes)]


def _works_here(principal: Principal, service: str) -> bool:
    """Whether an authority's token has to do with the service at all."""
    if principal.kind == "department":
        return any(scope.startswith((f"{service}:", "attachments:")) for scope in principal.scopes)
    return principal.kind == "staff" and bool(principal.roles - {"administrator"})


def _may_see(principal: Principal, service: str, row: Row[Any], homes: Homes | None) -> bool:
    if row.visibility == "public" or principal.kind == "system":
        return True
    if principal.kind == "enterprise":
        return row.owner == principal.id or (row.uscc is not None and row.uscc == principal.uscc)
    if not _works_here(principal, service):
        return False
    if row.owner == principal.id or (row.department is not None and row.department == principal.department):
        return True
    if row.uscc is not None:
        return homes is None or any(principal.may_in(code) for code in homes.get(row.uscc, ()))
    return principal.may_in(row.area) or _below(principal, row.area)


def _below(principal: Principal, area: str | None) -> bool:
    """Whether the file comes from an authority above: a county works with the papers of its city."""
    import shared.reference.areas as areas

    return area is not None and principal.area is not None and areas.is_within(principal.area, area)
