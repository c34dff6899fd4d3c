"""What this service handles, event by event: the whole list."""

from services.traceability.alerts import service as alerts
from services.traceability.masterdata import marks
from services.traceability.scans import service as scans
from shared.auth import revocations
from shared.bus import Subscription
from shared.events.credit import (
    EnterpriseUpdated,
    ListingPublished,
    ListingRemoved,
    ViolationPublicationEnded,
    ViolationPublished,
)
from shared.events.gateway import ScansRecorded

SUBSCRIPTIONS: list[Subscription] = [
    Subscription(EnterpriseUpdated, marks.apply_enterprise_updated),
    Subscription(ListingPublished, marks.apply_listing_published),
    Subscription(ListingRemoved, marks.apply_listing_removed),
    Subscription(ViolationPublished, marks.apply_violation_published),
    Subscription(ViolationPublicationEnded, marks.apply_violation_publication_ended),
    Subscription(ListingPublished, alerts.on_listing_published, projection=False),
    Subscription(ListingRemoved, alerts.on_listing_removed, projection=False),
    Subscription(ScansRecorded, scans.apply_scans_recorded),
    revocations.SUBSCRIPTION,
]
