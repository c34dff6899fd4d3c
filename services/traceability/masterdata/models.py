"""Tables of master data. The row of a natural key is its present state; `master_version` keeps every version."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Field

from services.traceability.base import Table
from shared.auth import Principal
from shared.db.types import UTC, Fixed, Json


class MasterVersion(Table, table=True):
    """One version of a party, place, product or lot, as it was known from `known_from` until the next version."""

    __tablename__ = "master_version"

    kind: str = Field(primary_key=True)
    """`party | place | product | lot`."""
    key: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    body: dict[str, Any] = Field(sa_type=Json)
    known_from: datetime = Field(sa_type=UTC)
    recorded_by: str


class Party(Table, table=True):
    """A party of the food chain; the enterprise itself is credit's."""

    __tablename__ = "party"

    uscc: str = Field(primary_key=True)
    name: str
    area_code: str = Field(index=True)
    roles: list[str] = Field(sa_type=Json)
    """Of `rules.PARTY_ROLES`."""
    licences: list[dict[str, Any]] = Field(sa_type=Json)
    """`{number, kind, valid_from, valid_until, authority}`, dates as ISO text."""
    version: int = 1
    updated_at: datetime = Field(sa_type=UTC)


class Place(Table, table=True):
    """A place with a GLN (and, for EPCIS, all its extensions)."""

    __tablename__ = "place"

    gln: str = Field(primary_key=True)
    name: str
    uscc: str = Field(index=True)
    """The party that runs it."""
    area_code: str = Field(index=True)
    kind: str
    """One of `rules.PLACE_KINDS`."""
    address: str | None = None
    since: str
    """UUIDv7 of its registration by this party: events with record ids before it are not opened by it."""
    version: int = 1
    updated_at: datetime = Field(sa_type=UTC)


class Product(Table, table=True):
    __tablename__ = "product"

    gtin: str = Field(primary_key=True)
    """Always 14 digits."""
    name: str
    name_en: str | None = None
    owner_uscc: str = Field(index=True)
    area_code: str
    """Area of the owner."""
    since: str = ""
    """Record id: what events said of the GTIN from here on came after the owner's registration. Empty: from before this
    was kept, all of it."""
    category: str | None = None
    shelf_life_days: int | None = None
    claims: list[str] = Field(sa_type=Json)
    min_celsius: Decimal | None = Field(default=None, sa_type=Fixed(2))
    max_celsius: Decimal | None = Field(default=None, sa_type=Fixed(2))
    state: str = "active"
    """`active | withdrawn`."""
    version: int = 1
    updated_at: datetime = Field(sa_type=UTC)


class Lot(Table, table=True):
    """A lot of a registered product: registered by its owner, or only seen in an event (`registered_at` null)."""

    __tablename__ = "lot"

    lot_id: str = Field(primary_key=True)
    """`<gtin14>.<lot>`."""
    gtin: str = Field(index=True)
    lot: str
    owner_uscc: str = Field(index=True)
    """The product's owner: the producer that the verdict names."""
    produced_on: date | None = None
    expires_on: date | None = None
    """Last day on which the lot may be sold and eaten (inclusive)."""
    quantity: Decimal | None = Field(default=None, sa_type=Fixed(3))
    uom: str | None = None
    """UN/ECE Recommendation 20 code, e.g. `KGM`; null counts pieces."""
    origin_gln: str | None = None
    origin: str | None = None
    """Origin in words, e.g. `山东省烟台市栖霞市`."""
    first_seen_at: datetime = Field(sa_type=UTC)
    registered_at: datetime | None = Field(default=None, sa_type=UTC)
    acknowledged: bool = True
    """False for a lot that only others than its owner and those it was sent to have named."""
    version: int = 0
    """0 until it is registered."""
    updated_at: datetime = Field(sa_type=UTC)

    def shown_to(self, principal: Principal) -> bool:
        """A lot of which only others spoke is none for a firm that it is not: it would tell who has named it."""
        return self.acknowledged or principal.kind != "enterprise" or principal.uscc == self.owner_uscc


class PartyEnterprise(Table, table=True):
    """Projection of credit's `enterprise.updated`: the name and state that the register knows."""

    __tablename__ = "party_enterprise"

    uscc: str = Field(primary_key=True)
    name: str
    area_code: str | None = Field(index=True)
    """None where a record put it far from where its code shows that it is registered."""
    state: str
    source: str | None = None
    """`register`: an authority stated it; `violation`: taken from a record; null: from before this was told."""
    as_of: datetime = Field(sa_type=UTC)


class PartyMark(Table, table=True):
    """Projection of credit's listings: one row for each listing in force or past."""

    __tablename__ = "party_mark"

    listing_id: str = Field(primary_key=True)
    uscc: str = Field(index=True)
    colour: str
    """`black | red`."""
    ground: str
    ground_en: str
    valid_from: date
    valid_until: date
    removed_on: date | None = None
    as_of: datetime = Field(sa_type=UTC)
    """Time of the event behind the row."""


class PartyViolation(Table, table=True):
    """Projection of credit's published violations that are still published."""

    __tablename__ = "party_violation"

    violation_id: str = Field(primary_key=True)
    uscc: str = Field(index=True)
    violation_type: str
    field: str
    decision_date: date
    authority_name: str
    document_number: str
    published_on: date
    expires_on: date
    ended_on: date | None = None
    as_of: datetime = Field(sa_type=UTC)
