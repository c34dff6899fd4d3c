"""Settings of the credit service; every default works on a laptop."""

from typing import Literal

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    service: str = "credit"

    auto_publish: Literal["at_deadline", "at_once", "never"] = "at_deadline"
    """When a violation is published without a person: on the last day that the law allows, as soon as it is recorded,
    or not at all (it then only shows up as overdue)."""
    sweep_seconds: float = Field(default=30.0, gt=0)
    """How often what the calendar asks for is done: publication, its end, the expiry of listings."""
    sweep_limit: int = Field(default=500, gt=0)
    """Most records in one transaction of the sweep."""
