"""What is refreshed between the domains of indicators when it was touched."""

from services.indicators.status import lights
from shared.consequences import Refreshers

REFRESHERS: Refreshers = {"light": lights.refresh}
"""The light of a target in an area, `(target_id, area_code)`, of which a figure is known anew."""
