"""What this service handles, event by event: the whole list."""

from services.traceability.masterdata import marks
from shared.bus import Subscription
from shared.events.credit import (
    EnterpriseUpdated,
    ListingPublished,
    ListingRemoved,
    ViolationPublicationEnded,
    ViolationPublished,
)

SUBSCRIPTIONS: list[Subscription] = [
    Subscription(EnterpriseUpdated, marks.apply_enterprise_updated),
    Subscription(ListingPublished, marks.apply_listing_published),
    Subscription(ListingRemoved, marks.apply_listing_removed),
    Subscription(ViolationPublished, marks.apply_violation_published),
    Subscription(ViolationPublicationEnded, marks.apply_violation_publication_ended),
]
