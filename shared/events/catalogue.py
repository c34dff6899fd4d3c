"""All domain events: publisher, key, handlers. `/asyncapi.json` and the checks of subscriptions are made from this.

`planned` handlers and events stand here so that the whole picture is in one place; their work comes later.
"""

from dataclasses import dataclass

from shared.events import credit, gateway, indicators, traceability
from shared.events.base import Event


@dataclass(frozen=True)
class Entry:
    """`handlers` maps a service to what it does with the event; those in `planned_handlers` do not do it yet."""

    name: str
    key: str
    handlers: dict[str, str]
    event: type[Event] | None = None
    planned_handlers: frozenset[str] = frozenset()

    @property
    def planned(self) -> bool:
        return self.event is None

    @property
    def publisher(self) -> str:
        return self.name.split(".")[0]


def _live(event: type[Event], key: str, handlers: dict[str, str], planned: tuple[str, ...] = ()) -> Entry:
    return Entry(event.short_type(), key, handlers, event, frozenset(planned))


def _planned(name: str, key: str, **handlers: str) -> Entry:
    return Entry(name, key, handlers, None, frozenset(handlers))


_SHOW = "enterprise view"
_MARK = "mark on the party"
_REFUSE = "its tokens are refused"

CATALOGUE: tuple[Entry, ...] = (
    _live(
        credit.EnterpriseUpdated,
        "USCC",
        {"traceability": "party name and state", "indicators": "denominators by industry and area", "gateway": _SHOW},
    ),
    _live(credit.ViolationRecorded, "USCC", {"gateway": "departments' part of the enterprise view"}),
    _live(credit.ViolationCorrected, "USCC", {"gateway": "departments' part of the enterprise view"}),
    _live(credit.ViolationWithdrawn, "USCC", {"gateway": "departments' part of the enterprise view"}),
    _live(
        credit.ViolationPublished,
        "USCC",
        {"traceability": _MARK, "indicators": "counts", "gateway": "view and feed"},
    ),
    _live(
        credit.ViolationPublicationEnded,
        "USCC",
        {"traceability": _MARK, "indicators": "counts", "gateway": "view and feed"},
    ),
    _live(credit.ListingProposed, "USCC", {"gateway": "departments' part of the enterprise view"}),
    _live(
        credit.ListingPublished,
        "USCC",
        {"traceability": "mark and alert rule", "indicators": "counts", "gateway": "view, lists, feed"},
    ),
    _planned("credit.listing.corrected", "USCC", traceability="mark", indicators="counts", gateway="view, lists, feed"),
    _live(
        credit.ListingRemoved,
        "USCC",
        {"traceability": "mark and alert rule", "indicators": "counts", "gateway": "view, lists, feed"},
    ),
    _planned("credit.objection.opened", "USCC", traceability="disputed mark", gateway="view"),
    _planned("credit.objection.decided", "USCC", traceability="disputed mark", gateway="view"),
    _planned("credit.repair.decided", "USCC", traceability="disputed mark", gateway="view"),
    _planned(
        "credit.inspection.completed",
        "USCC",
        indicators="industrial pass rate, by sample_id",
        traceability="lots named in it",
        gateway="feed",
    ),
    _planned("credit.incident.reported", "USCC", traceability="alert", gateway="staff view"),
    _planned("credit.incident.closed", "USCC", traceability="alert", gateway="staff view"),
    _planned("credit.declaration.published", "USCC", indicators="register of standards", gateway="view"),
    _planned("credit.declaration.withdrawn", "USCC", indicators="register of standards", gateway="view"),
    _planned("credit.project.accepted", "project", indicators="first acceptance pass rate"),
    _live(traceability.PartyUpdated, "party", {"gateway": _SHOW}),
    _live(traceability.ProductUpdated, "GTIN", {"gateway": _SHOW}),
    _live(traceability.LotUpdated, "lot", {"gateway": "verdict view"}),
    _live(
        traceability.TestRecorded,
        "lot",
        {
            "indicators": "food and farm pass rates, by sample_id",
            "credit": "a failure opens a case, never a violation by itself",
            "gateway": "enterprise view",
        },
    ),
    _live(
        traceability.TestCorrected,
        "lot",
        {"indicators": "food and farm pass rates", "credit": "the case", "gateway": "enterprise view"},
    ),
    _live(traceability.AlertOpened, "alert", {"gateway": "staff view"}),
    _live(traceability.AlertClosed, "alert", {"gateway": "staff view"}),
    _planned("traceability.warning.published", "warning", gateway="feed and scan", indicators="counts"),
    _planned("traceability.warning.withdrawn", "warning", gateway="feed and scan", indicators="counts"),
    _live(
        traceability.RecallOpened,
        "recall",
        {"credit": "duties on the enterprise file", "indicators": "counts", "gateway": "feed and view"},
    ),
    _live(
        traceability.RecallUpdated,
        "recall",
        {"credit": "duties on the enterprise file", "indicators": "counts", "gateway": "feed and view"},
    ),
    _live(
        traceability.RecallLotsAdded,
        "recall",
        {"gateway": "view and scan"},
    ),
    _live(
        traceability.RecallLotsReleased,
        "recall",
        {"gateway": "view and scan"},
    ),
    _planned("traceability.recall.overdue", "recall", credit="duties, points", indicators="counts", gateway="feed"),
    _live(
        traceability.RecallClosed,
        "recall",
        {"credit": "duties on the enterprise file", "indicators": "counts", "gateway": "feed and view"},
    ),
    _planned("traceability.scan.suspicious", "code", credit="counterfeit lead", gateway="staff view"),
    _planned("indicators.observation.approved", "target", gateway="city view"),
    _planned("indicators.observation.revised", "target", gateway="city view"),
    _live(
        indicators.LightChanged,
        "target",
        {"traceability": "alert rule on the food rates", "gateway": "dashboard and feed"},
        planned=("traceability",),
    ),
    _live(indicators.TargetChanged, "target", {"gateway": "city view"}),
    *(
        _planned(
            f"indicators.register.{verb}",
            "holder USCC, else entry",
            credit="honours, certificates in checks",
            traceability="claims, labels",
            gateway="view",
        )
        for verb in ("entry_added", "entry_corrected", "entry_ended")
    ),
    *(
        _planned(
            f"indicators.{registry}.changed",
            "code",
            credit="copy of the registry",
            traceability="copy of the registry",
            gateway="copy of the registry",
        )
        for registry in ("area", "department")
    ),
    _planned("indicators.risk.detected", "risk", traceability="proposed warning", gateway="staff view"),
    _planned("indicators.risk.closed", "risk", traceability="proposed warning", gateway="staff view"),
    *(_planned(f"indicators.order.{verb}", "order", gateway="view") for verb in ("issued", "overdue", "closed")),
    _planned("indicators.assessment.published", "year", gateway="view"),
    _live(gateway.ClientUpdated, "client", {"credit": "who pushes on a unit's topic"}),
    _live(
        gateway.PrincipalRevoked,
        "principal",
        {"indicators": _REFUSE, "credit": _REFUSE, "traceability": _REFUSE},
    ),
    _live(gateway.ScansRecorded, "gateway instance", {"traceability": "scan log"}),
    _planned(
        "gateway.complaint.received",
        "complaint",
        credit="tip",
        traceability="alert when a lot or product is named",
        indicators="counts by area and kind",
    ),
)

EVENTS: dict[str, type[Event]] = {entry.event.type: entry.event for entry in CATALOGUE if entry.event is not None}
"""By full type, the version that is written."""
READ: dict[str, type[Event]] = {version: event for event in EVENTS.values() for version in event.types()}
"""By full type, every version that is read, with what reads it."""


def expected_handlers(service: str) -> set[str]:
    """Full types that `service` handles today."""
    return {
        entry.event.type
        for entry in CATALOGUE
        if entry.event is not None and service in entry.handlers and service not in entry.planned_handlers
    }
