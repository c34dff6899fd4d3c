"""Column types that behave the same on SQLite and PostgreSQL.

SQLite drops time zones and rounds `Numeric`; these do not.
"""

from datetime import UTC as UTC_ZONE
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import orjson
from sqlalchemy import BigInteger, Dialect, String, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

from shared.clock import utc_text

__all__ = ["UTC", "Fixed", "Json", "OutOfRange", "dumps", "quantize", "utc_text"]

_LARGEST = 2**63 - 1
"""Of a BIGINT."""


class OutOfRange(ValueError):
    """A number that its column cannot hold."""


class UTC(TypeDecorator[datetime]):
    """An aware instant. `timestamptz` on PostgreSQL, fixed-width ISO text on SQLite (its text order is time order)."""

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC_ZONE) if dialect.name == "postgresql" else utc_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        result: datetime = value.astimezone(UTC_ZONE)
        return result


class Json(TypeDecorator[Any]):
    """JSON as text, written by orjson with sorted keys, so that equal values are equal bytes on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else orjson.loads(value)


def dumps(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=_default).decode()


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(type(value).__name__)


class Fixed(TypeDecorator[Decimal]):
    """A decimal with `places` decimals, stored as a scaled integer; a value with more decimals is refused (ValueError),
    and one beyond `largest`, of either sign, on both databases in the same way (OutOfRange)."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places

    @property
    def largest(self) -> Decimal:
        return Decimal(_LARGEST).scaleb(-self.places)

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        scaled = Decimal(value).scaleb(self.places)
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{value} has more than {self.places} decimals")
        if abs(scaled) > _LARGEST:
            raise OutOfRange(f"{value} is beyond {self.largest}, the largest number with {self.places} decimals here")
        return int(scaled)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-self.places)


def quantize(value: Decimal, places: int) -> Decimal:
    """Round half even to `places` decimals, for a value on its way into `Fixed(places)`."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
