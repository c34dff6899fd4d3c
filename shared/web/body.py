"""Base classes of what goes in and out."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """A request body: unknown fields are errors, text is stripped of white space around it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)


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
