"""What the gateway does with every event it hears: the whole list. All of it is projection; the feed follows."""

from services.gateway.city import handlers as city
from services.gateway.enterprises import handlers as enterprises
from services.gateway.feed import handlers as feed
from services.gateway.feed.handlers import announced
from services.gateway.inspections import handlers as inspections
from services.gateway.recalls import handlers as recalls
from services.gateway.scans import handlers as scans
from shared.bus import Subscription
from shared.events import credit, indicators, traceability

SUBSCRIPTIONS = [
    Subscription(credit.EnterpriseUpdated, enterprises.enterprise_updated),
    Subscription(credit.ViolationRecorded, enterprises.violation_recorded),
    Subscription(credit.ViolationCorrected, enterprises.violation_recorded),
    Subscription(credit.ViolationWithdrawn, announced(enterprises.violation_withdrawn, feed.violation_ended)),
    Subscription(credit.ViolationPublished, announced(enterprises.violation_published, feed.violation_published)),
    Subscription(
        credit.ViolationPublicationEnded, announced(enterprises.violation_publication_ended, feed.violation_ended)
    ),
    Subscription(credit.ListingProposed, enterprises.listing_proposed),
    Subscription(credit.ListingPublished, announced(enterprises.listing_published, feed.listing_published)),
    Subscription(credit.ListingRemoved, announced(enterprises.listing_removed, feed.listing_removed)),
    Subscription(traceability.PartyUpdated, enterprises.party_updated),
    Subscription(traceability.ProductUpdated, scans.product_updated),
    Subscription(traceability.LotUpdated, scans.lot_updated),
    Subscription(traceability.RecallOpened, announced(recalls.recall_changed, feed.recall_changed)),
    Subscription(traceability.RecallUpdated, announced(recalls.recall_changed, feed.recall_changed)),
    Subscription(traceability.RecallLotsAdded, recalls.lots_added),
    Subscription(traceability.RecallLotsReleased, recalls.lots_released),
    Subscription(traceability.RecallClosed, announced(recalls.recall_closed, feed.recall_closed)),
    Subscription(traceability.TestRecorded, inspections.tests_recorded),
    Subscription(traceability.TestCorrected, inspections.tests_recorded),
    Subscription(traceability.AlertOpened, inspections.alert_opened),
    Subscription(traceability.AlertClosed, inspections.alert_closed),
    Subscription(indicators.TargetChanged, city.target_changed),
    Subscription(indicators.LightChanged, city.light_changed),
]

PROJECTION_TABLES = [
    "enterprise_view",
    "listing_view",
    "recall_view",
    "recall_lot_view",
    "lot_view",
    "product_view",
    "test_view",
    "alert_view",
    "alert_subject_view",
    "target_view",
    "light_view",
]
