"""Base classes of what goes in and out."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from shared.errors import field_error

_UNKNOWN = 20
"""Fields over those that there are; each of them would be an error of its own."""


class Body(BaseModel):
    """A request body: unknown fields are errors, text is stripped of white space around it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, given: Any) -> Any:
        if type(given) is dict and len(given) > (most := len(cls.model_fields) + _UNKNOWN):
            raise field_error(
                "too_many_fields",
                f"有 {len(given)} 个字段，这里最多 {most} 个",
                f"It has {len(given)} fields; at most {most} are taken here",
            )
        return given


class Out(BaseModel):
    """A response body."""

    model_config = ConfigDict(frozen=True)


class Receipt(Out):
    """What a write answers: it can be looked up later by `id` and by the caller's `external_id`."""

    id: str
    external_id: str | None = None
    version: int = 1
    status: str = "accepted"
    links: dict[str, str] = {}
    detail: dict[str, Any] | None = None
