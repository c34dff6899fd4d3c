"""What alerts declare."""

from services.traceability.alerts import api, service
from shared.bus import Subscription
from shared.events.credit import ListingPublished, ListingRemoved
from shared.web import Domain

ALERTS = Domain(
    "alerts",
    routers=[api.router],
    subscriptions=[
        Subscription(ListingPublished, service.on_listing_published, projection=False),
        Subscription(ListingRemoved, service.on_listing_removed, projection=False),
    ],
)
