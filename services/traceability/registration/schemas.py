"""Bodies of master data, in and out."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, StringConstraints, model_validator

from services.traceability.masterdata import rules
from shared.errors import field_error
from shared.identifiers import GLNStr, GTINStr, LotStr, USCCStr
from shared.reference.areas import AreaCode
from shared.texts import Name, Sentences
from shared.web import Body, Out

Role = Literal["producer", "processor", "storage", "carrier", "wholesale", "retail", "catering", "importer", "exporter"]
PlaceKind = Literal[
    "orchard",
    "farm",
    "aquafarm",
    "factory",
    "packhouse",
    "cold_store",
    "warehouse",
    "market",
    "shop",
    "restaurant",
    "port",
    "office",
]
Claim = Literal["pollution_free", "green_food", "organic", "geographical_indication", "same_line_standard_quality"]
Uom = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,3}$")]
"""UN/ECE Recommendation 20, common code."""
Quantity = Annotated[Decimal, Field(gt=0, lt=10**12, max_digits=15, decimal_places=3)]
Celsius = Annotated[Decimal, Field(ge=-273, le=200, decimal_places=2)]


class Licence(Body):
    """A licence such as 食品生产许可证 or 食品经营许可证."""

    number: Name
    kind: Name
    valid_from: date
    valid_until: date
    """Inclusive."""
    authority: Name | None = None

    @model_validator(mode="after")
    def _dates(self) -> Self:
        if self.valid_until < self.valid_from:
            raise field_error("licence.dates", "有效期止早于有效期起", "valid_until is before valid_from")
        return self


class PartyIn(Body):
    name: Name
    area_code: AreaCode
    roles: Annotated[list[Role], Field(min_length=1, max_length=9)]
    licences: Annotated[list[Licence], Field(max_length=50)] = Field(default_factory=list)
    reason: Sentences | None = None
    """Why a department changes the area; it must be given then, and goes to the audit log."""


class PlaceIn(Body):
    name: Name
    uscc: USCCStr
    """The party that runs the place."""
    area_code: AreaCode
    kind: PlaceKind
    address: Name | None = None
    reason: Sentences | None = None
    """Why a department changes the party or the area; it must be given then, and goes to the audit log."""


class ProductIn(Body):
    name: Name
    name_en: Name | None = None
    owner_uscc: USCCStr
    category: Name | None = None
    shelf_life_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    claims: Annotated[list[Claim], Field(max_length=5)] = Field(default_factory=list)
    min_celsius: Celsius | None = None
    max_celsius: Celsius | None = None
    state: Literal["active", "withdrawn"] = "active"
    reason: Sentences | None = None
    """Why a department gives the GTIN to another owner; it must be given then, and goes to the audit log."""

    @model_validator(mode="after")
    def _temperatures(self) -> Self:
        if self.min_celsius is not None and self.max_celsius is not None and self.min_celsius > self.max_celsius:
            raise field_error("product.temperatures", "最低温度高于最高温度", "min_celsius is above max_celsius")
        return self


class LotIn(Body):
    produced_on: date
    expires_on: date | None = None
    """Last day, inclusive. Empty: from the product's shelf life."""
    quantity: Quantity | None = None
    uom: Uom | None = None
    """Empty counts pieces."""
    origin_gln: GLNStr | None = None
    """A registered place."""
    origin: Name | None = None
    """Origin in words; empty: the area of the place."""

    @model_validator(mode="after")
    def _dates(self) -> Self:
        if self.expires_on is not None and self.expires_on < self.produced_on:
            raise field_error("lot.dates", "到期日早于生产日期", "expires_on is before produced_on")
        if self.uom is not None and self.quantity is None:
            raise field_error("lot.uom_alone", "有计量单位就要有数量", "A unit of measure needs a quantity")
        return self


class ProductItem(ProductIn):
    """One of a batch: the body of `PUT` with its key."""

    gtin: GTINStr


class LotItem(LotIn):
    gtin: GTINStr
    lot: LotStr


class BatchIn(Body):
    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1000)]
    """Each is checked by itself; its errors stand in its receipt."""


class RegisterReceipt(Out):
    """What became of one registration. `id` is the natural key."""

    id: str
    version: int
    status: Literal["created", "updated", "unchanged", "rejected"]
    links: dict[str, str] = Field(default_factory=dict)
    errors: list[dict[str, Any]] = Field(default_factory=list)


class MarkOut(Out):
    """A listing of the party that is in force: credit's decision, as this service heard of it."""

    listing_id: str
    colour: Literal["black", "red"]
    ground: str
    ground_en: str
    valid_from: date
    valid_until: date
    as_of: datetime


class PartyOut(Out):
    uscc: str
    name: str
    registered_name: str | None = None
    """As the credit register has it."""
    state: str | None = None
    area_code: str
    roles: list[str]
    licences: list[dict[str, Any]]
    marks: list[MarkOut]
    published_violations: int
    version: int
    updated_at: datetime


class PlaceOut(Out):
    gln: str
    name: str
    uscc: str
    area_code: str
    kind: str
    version: int
    updated_at: datetime


class ProductOut(Out):
    gtin: str
    name: str
    name_en: str | None
    owner_uscc: str
    owner_name: str | None
    category: str | None
    shelf_life_days: int | None
    claims: list[str]
    min_celsius: Decimal | None
    max_celsius: Decimal | None
    state: str
    version: int
    updated_at: datetime


class LotOut(Out):
    lot_id: str
    gtin: str
    lot: str
    owner_uscc: str
    produced_on: date | None
    expires_on: date | None
    quantity: Decimal | None
    uom: str | None
    origin_gln: str | None
    origin: str | None
    first_seen_at: datetime
    registered_at: datetime | None
    version: int


assert set(rules.PARTY_ROLES) == set(get_args(Role))
assert set(rules.PLACE_KINDS) == set(get_args(PlaceKind))
assert set(rules.CLAIMS) == set(get_args(Claim))
