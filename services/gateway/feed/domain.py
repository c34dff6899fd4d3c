"""What the feed of notices declares."""

from services.gateway.feed import api, handlers
from shared.bus import Subscription
from shared.events import credit, traceability
from shared.web import Domain

FEED = Domain(
    "feed",
    routers=[api.router],
    subscriptions=[  # a replay announces nothing
        Subscription(credit.ViolationWithdrawn, handlers.violation_ended, projection=False),
        Subscription(credit.ViolationPublished, handlers.violation_published, projection=False),
        Subscription(credit.ViolationPublicationEnded, handlers.violation_ended, projection=False),
        Subscription(credit.ListingPublished, handlers.listing_published, projection=False),
        Subscription(credit.ListingRemoved, handlers.listing_removed, projection=False),
        Subscription(traceability.RecallOpened, handlers.recall_changed, projection=False),
        Subscription(traceability.RecallUpdated, handlers.recall_changed, projection=False),
        Subscription(traceability.RecallClosed, handlers.recall_closed, projection=False),
    ],
)
