"""What counted scans declare."""

from services.traceability.scans import api, service
from shared.bus import Subscription
from shared.events.gateway import ScansRecorded
from shared.web import Domain

SCANS = Domain(
    "scans",
    routers=[api.router],
    subscriptions=[Subscription(ScansRecorded, service.apply_scans_recorded)],
    projection_tables=["scan_log", "scan_counter", "scan_area", "scan_source"],
    background=[service.run],
)
