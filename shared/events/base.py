"""What every domain event is: a frozen pydantic body with a type, a publisher and a key."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

Service = Literal["indicators", "credit", "traceability", "gateway"]


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

    @property
    def key(self) -> str:
        return str(getattr(self, self.key_field))

    @classmethod
    def publisher(cls) -> str:
        """Publisher of this type, the second part of its name."""
        return cls.type.split(".")[1]

    @classmethod
    def short_type(cls) -> str:
        """`credit.listing.published` of `pinzhi.credit.listing.published.v1`."""
        return ".".join(cls.type.split(".")[1:-1])


INTAKE_TOPIC = "pinzhi.enforcement.intake.v1"
"""Enforcement units outside push here; credit answers on `RECEIPTS_TOPIC`."""
RECEIPTS_TOPIC = "pinzhi.enforcement.receipts.v1"


def topic_of(service: str) -> str:
    return f"pinzhi.{service}.v1"
