"""What the gateway shows, for the portal: one function for each view. Shapes: `services.gateway.schemas`.

None of them fails when an upstream is down; None as an answer means "no such subject" (404). `as_of` is a day in
Asia/Shanghai or None for now, `area` None is the city of the settings, `cursor` the `next` of the page before.
"""

from services.gateway.city.views import city_view, target_view
from services.gateway.enterprises.views import list_view
from services.gateway.feed.views import feed_view
from services.gateway.profiles.views import enterprise_view
from services.gateway.recalls.views import recall_view, recalls_view
from services.gateway.scans.views import scan_view
from services.gateway.upstreams.views import state_view

__all__ = [
    "city_view",
    "enterprise_view",
    "feed_view",
    "list_view",
    "recall_view",
    "recalls_view",
    "scan_view",
    "state_view",
    "target_view",
]
