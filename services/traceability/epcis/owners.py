"""Who may capture which event. Pure.

A supervising department captures what concerns its area. An enterprise captures

- at its own places (bizLocation, or readPoint where there is none), at places that nobody registered (yet), and never
  at a registered place of another unless it is the source or destination party there;
- at no place, when it is the source or destination party, or all products in the event are its own.

What the event then does to objects of others is another matter: `rights/rules.py`.

Event ids and error declarations are each capturing party's own: see `callers.captured_by`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.auth import Principal
from shared.errors import FieldError


@dataclass(frozen=True, slots=True)
class Concerns:
    """What of the register an event touches, by USCC; places and products that nobody registered are left out."""

    place: str | None
    parties: frozenset[str]
    products: Mapping[str, str]
    """GTIN -> owner, of all registered products in the event."""
    unregistered: bool
    """Whether it names a GTIN that nobody has registered."""
    somewhere: bool
    """Whether it names a place at all."""
    area_code: str | None


def refusal(principal: Principal, concerns: Concerns, pointer: str) -> FieldError | None:
    """Why the caller may not capture the event, with the way out; None when it may."""
    if principal.kind == "department":
        return _outside_area(principal, concerns, pointer)
    if principal.kind != "enterprise":
        return None
    own = principal.uscc
    involved = own in concerns.parties
    if concerns.place is not None:
        if concerns.place == own or involved:
            return None
        return FieldError(
            f"{pointer}/bizLocation",
            "epcis.owner.place",
            f"该场所由 {concerns.place} 登记。企业只能报送自己场所的事件，或自己是来源方、去向方的事件",
            f"The place is registered to {concerns.place}. An enterprise captures events at its own places, or those "
            "in which it is the source or destination party",
        )
    owners = set(concerns.products.values())
    if involved or concerns.somewhere or (owners == {own} and not concerns.unregistered):
        return None
    return FieldError(
        f"{pointer}/readPoint",
        "epcis.owner.unknown",
        f"看不出该事件与您（{own}）有关：请登记场所的 GLN，或写明来源方、去向方，或只涉及自己登记的商品",
        f"Nothing ties this event to you ({own}): register the GLN of the place, name yourself as source or "
        "destination party, or report products of your own only",
    )


def _outside_area(principal: Principal, concerns: Concerns, pointer: str) -> FieldError | None:
    if concerns.area_code is None or principal.may_in(concerns.area_code):
        return None
    return FieldError(
        f"{pointer}/bizLocation",
        "area",
        f"只能报送本地区（{principal.area}）及其下级地区的事件，{concerns.area_code} 不在其内",
        f"You may capture events of your own area ({principal.area}) and those below it; "
        f"{concerns.area_code} is outside",
    )
