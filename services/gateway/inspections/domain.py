"""What the gateway's view of tests and alerts declares."""

from services.gateway.inspections import handlers
from shared.bus import Subscription
from shared.events import traceability
from shared.web import Domain

INSPECTIONS = Domain(
    "inspections",
    subscriptions=[
        Subscription(traceability.TestRecorded, handlers.tests_recorded),
        Subscription(traceability.TestCorrected, handlers.tests_recorded),
        Subscription(traceability.AlertOpened, handlers.alert_opened),
        Subscription(traceability.AlertClosed, handlers.alert_closed),
    ],
    projection_tables=["test_view", "alert_view", "alert_subject_view"],
)
