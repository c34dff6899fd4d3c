"""Settings of the indicators service; every default works on a laptop."""

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    service: str = "indicators"

    max_json_values: int = Field(default=400_000, gt=0)
    """A full batch has 20 values and fields in each row."""
    batch_max_rows: int = Field(default=20_000, gt=0)
    """Most rows of one batch of observations."""
    sweep_seconds: float = Field(default=60.0, gt=0)
    """How often the day is looked at: lights that depend on it are decided anew when it has changed."""
