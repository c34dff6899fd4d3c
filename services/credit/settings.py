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
    shared_intake: bool = True
    """Deprecated: whether messages on the topic that all units share are still taken. New units have their own."""
    intake_refresh_seconds: float = Field(default=5.0, gt=0)
    """How soon the topics of a new unit are found."""
    sweep_limit: int = Field(default=500, gt=0)
    """Most records in one transaction of the sweep."""
