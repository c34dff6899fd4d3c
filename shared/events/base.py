"""What every domain event is: a frozen pydantic body with a type, a publisher and a key."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, JsonValue

Service = Literal["indicators", "credit", "traceability", "gateway"]


Fields = dict[str, JsonValue]
Upcast = Callable[[Fields], Fields]
"""A body of one version -> the same as a body of the next; pure, and never without an answer."""


class Event(BaseModel):
    """The body (`data`) of one domain event.

    `key_field` names the field whose value is the ordering key: events of one `(source, key)` take effect in the order
    of their commits. Unknown fields are ignored on read, so that an older reader survives an added optional field.
    Bodies carry ids and public facts only: never personal data, a risk class or a reporter.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ClassVar[str]
    """Full CloudEvents type, `pinzhi.<service>.<aggregate>.<past tense>.v<N>`."""
    key_field: ClassVar[str]
    earlier: ClassVar[Mapping[str, Upcast]] = {}
    """Full types of earlier versions that may still stand in a log, the oldest first, each with what makes a body of
    the next version of its own. A reader knows the newest version only."""

    @property
    def key(self) -> str:
        return str(getattr(self, self.key_field))

    @classmethod
    def types(cls) -> tuple[str, ...]:
        """All versions that are read, the oldest first."""
        return (*cls.earlier, cls.type)

    @classmethod
    def read(cls, type_: str, data: bytes) -> Self:
        """A body of one of `types`, as today's. Raises ValidationError, and ValueError for what is no JSON object."""
        if type_ == cls.type:
            return cls.model_validate_json(data)
        body = orjson.loads(data)
        if not isinstance(body, dict):
            raise ValueError(f"{type_}: the body is no JSON object")
        versions = list(cls.earlier)
        for version in versions[versions.index(type_) :]:
            body = cls.earlier[version](body)
        return cls.model_validate_json(orjson.dumps(body))

    @classmethod
    def publisher(cls) -> str:
        """Publisher of this type, the second part of its name."""
        return cls.type.split(".")[1]

    @classmethod
    def short_type(cls) -> str:
        """`credit.listing.published` of `pinzhi.credit.listing.published.v1`: the same for every version."""
        return ".".join(cls.type.split(".")[1:-1])


INTAKE_TOPIC = "pinzhi.enforcement.intake.v1"
"""Deprecated: shared by all units, which send a token in each message; credit answers on `RECEIPTS_TOPIC`."""
RECEIPTS_TOPIC = "pinzhi.enforcement.receipts.v1"
UNIT_INTAKE = "pinzhi.enforcement.intake."
"""How the topics begin on which enforcement units push; credit answers on those that begin with `UNIT_RECEIPTS`."""
UNIT_RECEIPTS = "pinzhi.enforcement.receipts."
_VERSION = ".v1"


def unit_intake(client: str) -> str:
    """The topic on which the unit's client pushes, and nobody else: who writes there is that client."""
    return UNIT_INTAKE + client + _VERSION


def unit_receipts(client: str) -> str:
    return UNIT_RECEIPTS + client + _VERSION


def unit_of(topic: str) -> str | None:
    """The client whose intake topic this is; None when it is no unit's (the shared one is nobody's)."""
    client = topic.removeprefix(UNIT_INTAKE).removesuffix(_VERSION)
    return client if client and topic == unit_intake(client) else None


def topic_of(service: str) -> str:
    return f"pinzhi.{service}.v1"
