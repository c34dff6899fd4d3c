"""Two demo chains as EPCIS 2.0 documents: apples from the orchard to the shop, sea cucumbers with processing.

Days count back from `today`, so that lots are fresh whenever the demo is loaded. The document of one party holds only
what that party may capture.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from deploy.demo.cast import (
    APPLES,
    COLD_STORE,
    COOPERATIVE,
    DRIED_CUCUMBER,
    FERTILISER,
    FRUIT_BAGS,
    HARVEST,
    MARKET,
    NUT_FACTORY,
    NUTS,
    ORCHARD,
    PACKHOUSE,
    PEANUT_BUTTER,
    RAW_CUCUMBER,
    RETAILER,
    SEA_FACTORY,
    SEA_FARM,
    SEAFOOD,
    SHOP,
    WHOLESALER,
    Party,
    Place,
    Product,
)
from shared.clock import SHANGHAI

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"


@dataclass(frozen=True)
class Lot:
    """A lot as it is registered before its first event."""

    product: Product
    number: str
    produced_on: date
    quantity: str
    uom: str | None = None
    origin: Place | None = None

    @property
    def lot_id(self) -> str:
        return f"{self.product.gtin}.{self.number}"


@dataclass(frozen=True)
class Days:
    """The chains' days, from which the lot numbers follow."""

    today: date

    def ago(self, days: int) -> date:
        return self.today - timedelta(days=days)

    def number(self, prefix: str, days: int) -> str:
        return f"{prefix}{self.ago(days):%y%m%d}A"

    @property
    def apples(self) -> Lot:
        return Lot(APPLES, self.number("QX", 37), self.ago(37), "1200", origin=ORCHARD)

    @property
    def harvest(self) -> Lot:
        return Lot(HARVEST, self.number("QXH", 43), self.ago(43), "6400", "KGM", ORCHARD)

    @property
    def raw_cucumber(self) -> Lot:
        return Lot(RAW_CUCUMBER, self.number("HS", 25), self.ago(25), "900", "KGM", SEA_FARM)

    @property
    def dried_cucumber(self) -> Lot:
        return Lot(DRIED_CUCUMBER, self.number("HSG", 15), self.ago(15), "360", origin=SEA_FARM)

    @property
    def peanut_butter(self) -> Lot:
        return Lot(PEANUT_BUTTER, self.number("HSJ", 25), self.ago(25), "3000", origin=NUT_FACTORY)

    @property
    def lots(self) -> tuple[Lot, ...]:
        return (self.harvest, self.apples, self.raw_cucumber, self.dried_cucumber, self.peanut_butter)


def lot_class(gtin: str, number: str) -> str:
    return f"https://id.gs1.org/01/{gtin}/10/{number}"


def _quantity(lot: Lot, amount: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "epcClass": lot_class(lot.product.gtin, lot.number),
        "quantity": float(amount or lot.quantity),
    }
    return found | ({"uom": lot.uom} if lot.uom else {})


def _event(kind: str, day: date, hour: int, step: str, place: Place, **fields: Any) -> dict[str, Any]:
    at = datetime.combine(day, time(hour), SHANGHAI)
    location = {"id": f"https://id.gs1.org/414/{place.gln}"}
    return {
        "type": kind,
        "eventTime": at.isoformat(),
        "eventTimeZoneOffset": "+08:00",
        "bizStep": step,
        "readPoint": location,
        "bizLocation": location,
        **fields,
    }


def _transfer(source: Place, destination: Place) -> dict[str, Any]:
    def party(place: Place) -> str:
        return f"https://id.gs1.org/417/{place.gln}"

    return {
        "sourceList": [{"type": "possessing_party", "source": party(source)}],
        "destinationList": [{"type": "possessing_party", "destination": party(destination)}],
    }


def _document(events: list[dict[str, Any]], today: date) -> dict[str, Any]:
    created = datetime.combine(today, time(8), SHANGHAI)
    return {
        "@context": [CONTEXT],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": created.isoformat(),
        "epcisBody": {"eventList": events},
    }


def documents(today: date) -> list[tuple[Party, dict[str, Any]]]:
    """Who captures what, in the order in which it happened."""
    days = Days(today)
    return [
        (COOPERATIVE, _document(_orchard(days), today)),
        (WHOLESALER, _document(_wholesale(days), today)),
        (RETAILER, _document(_shop(days), today)),
        (SEAFOOD, _document(_sea(days), today)),
        (NUTS, _document(_nuts(days), today)),
    ]


def _orchard(days: Days) -> list[dict[str, Any]]:
    harvest, apples = days.harvest, days.apples
    inputs = [
        {"epcClass": lot_class(FERTILISER, "YJF-0312"), "quantity": 800.0, "uom": "KGM"},
        {"epcClass": lot_class(FRUIT_BAGS, "GD-0588"), "quantity": 42000.0},
    ]
    temperature = {
        "deviceID": "urn:demo:probe:qk-03",
        "time": datetime.combine(days.ago(34), time(6), SHANGHAI).isoformat(),
    }
    reports = [
        {"type": "Temperature", "minValue": 0.4, "maxValue": 2.1, "meanValue": 1.2, "uom": "CEL"},
        {"type": "RelativeHumidity", "meanValue": 91.0, "uom": "P1"},
    ]
    return [
        _event(
            "TransformationEvent",
            days.ago(43),
            16,
            "commissioning",
            ORCHARD,
            transformationID="urn:demo:transformation:harvest-7",
            inputQuantityList=inputs,
            outputQuantityList=[_quantity(harvest)],
        ),
        _event(
            "TransformationEvent",
            days.ago(37),
            10,
            "packing",
            PACKHOUSE,
            inputQuantityList=[_quantity(harvest, "6200")],
            outputQuantityList=[_quantity(apples)],
        ),
        _event(
            "ObjectEvent",
            days.ago(36),
            9,
            "storing",
            COLD_STORE,
            action="OBSERVE",
            disposition="in_progress",
            epcList=[],
            quantityList=[_quantity(apples)],
            sensorElementList=[{"sensorMetadata": temperature, "sensorReport": reports}],
        ),
        _event(
            "ObjectEvent",
            days.ago(33),
            5,
            "shipping",
            COLD_STORE,
            action="OBSERVE",
            disposition="in_transit",
            epcList=[],
            quantityList=[_quantity(apples, "1000")],
            **_transfer(COLD_STORE, MARKET),
        ),
    ]


def _wholesale(days: Days) -> list[dict[str, Any]]:
    def move(day: int, hour: int, step: str, amount: str, transfer: dict[str, Any]) -> dict[str, Any]:
        going = "in_transit" if step == "shipping" else "in_progress"
        return _event(
            "ObjectEvent",
            days.ago(day),
            hour,
            step,
            MARKET,
            action="OBSERVE",
            disposition=going,
            epcList=[],
            quantityList=[_quantity(days.apples, amount)],
            **transfer,
        )

    return [
        move(33, 11, "receiving", "1000", _transfer(COLD_STORE, MARKET)),
        move(31, 4, "shipping", "300", _transfer(MARKET, SHOP)),
    ]


def _shop(days: Days) -> list[dict[str, Any]]:
    received = _event(
        "ObjectEvent",
        days.ago(31),
        7,
        "receiving",
        SHOP,
        action="OBSERVE",
        disposition="in_progress",
        epcList=[],
        quantityList=[_quantity(days.apples, "300")],
        **_transfer(MARKET, SHOP),
    )
    shelved = _event(
        "ObjectEvent",
        days.ago(30),
        8,
        "stocking",
        SHOP,
        action="OBSERVE",
        disposition="sellable_accessible",
        epcList=[],
        quantityList=[_quantity(days.apples, "300")],
    )
    return [received, shelved]


def _sea(days: Days) -> list[dict[str, Any]]:
    raw, dried = days.raw_cucumber, days.dried_cucumber
    return [
        _event(
            "ObjectEvent",
            days.ago(25),
            6,
            "commissioning",
            SEA_FARM,
            action="ADD",
            disposition="active",
            epcList=[],
            quantityList=[_quantity(raw)],
        ),
        _event(
            "TransformationEvent",
            days.ago(15),
            17,
            "commissioning",
            SEA_FACTORY,
            inputQuantityList=[_quantity(raw)],
            outputQuantityList=[_quantity(dried)],
        ),
        _event(
            "ObjectEvent",
            days.ago(12),
            9,
            "storing",
            SEA_FACTORY,
            action="OBSERVE",
            disposition="in_progress",
            epcList=[],
            quantityList=[_quantity(dried)],
        ),
    ]


def _nuts(days: Days) -> list[dict[str, Any]]:
    made = _event(
        "ObjectEvent",
        days.ago(25),
        14,
        "commissioning",
        NUT_FACTORY,
        action="ADD",
        disposition="active",
        epcList=[],
        quantityList=[_quantity(days.peanut_butter)],
    )
    return [made]
