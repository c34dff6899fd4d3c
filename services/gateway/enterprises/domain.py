"""What the gateway's view of enterprises declares."""

from services.gateway.enterprises import api, handlers
from shared.bus import Subscription
from shared.events import credit, traceability
from shared.web import Domain

ENTERPRISES = Domain(
    "enterprises",
    routers=[api.router],
    subscriptions=[
        Subscription(credit.EnterpriseUpdated, handlers.enterprise_updated),
        Subscription(credit.ViolationRecorded, handlers.violation_recorded),
        Subscription(credit.ViolationCorrected, handlers.violation_recorded),
        Subscription(credit.ViolationWithdrawn, handlers.violation_withdrawn),
        Subscription(credit.ViolationPublished, handlers.violation_published),
        Subscription(credit.ViolationPublicationEnded, handlers.violation_publication_ended),
        Subscription(credit.ListingProposed, handlers.listing_proposed),
        Subscription(credit.ListingPublished, handlers.listing_published),
        Subscription(credit.ListingRemoved, handlers.listing_removed),
        Subscription(traceability.PartyUpdated, handlers.party_updated),
    ],
    projection_tables=["enterprise_view", "listing_view"],
)
