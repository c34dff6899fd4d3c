"""What master data declares: what it knows of parties from the credit service."""

from services.traceability.masterdata import marks
from shared.bus import Subscription
from shared.events.credit import (
    EnterpriseUpdated,
    ListingPublished,
    ListingRemoved,
    ViolationPublicationEnded,
    ViolationPublished,
)
from shared.web import Domain

MASTERDATA = Domain(
    "masterdata",
    subscriptions=[
        Subscription(EnterpriseUpdated, marks.apply_enterprise_updated),
        Subscription(ListingPublished, marks.apply_listing_published),
        Subscription(ListingRemoved, marks.apply_listing_removed),
        Subscription(ViolationPublished, marks.apply_violation_published),
        Subscription(ViolationPublicationEnded, marks.apply_violation_publication_ended),
    ],
    projection_tables=["party_mark", "party_violation", "party_enterprise"],
)
