"""One lot with everything that bears on its verdict."""

from dataclasses import dataclass, field
from datetime import datetime

from services.traceability.masterdata.models import Lot, Party, Product
from services.traceability.verdicts.journey import Seen
from services.traceability.verdicts.rules import Facts, OpenAlert, Recalled
from shared.clock import shanghai_date
from shared.events.traceability import TestSummary


@dataclass
class LotFacts:
    """One lot with all that bears on it. `lot` and `product` are None for a lot that only a recall knows."""

    lot_id: str
    gtin: str
    number: str
    lot: Lot | None = None
    product: Product | None = None
    party: Party | None = None
    product_name: str = ""
    tests: list[TestSummary] = field(default_factory=list)
    tests_en: dict[str, str] = field(default_factory=dict)
    """The summary of each test in English, by id."""
    alerts: list[OpenAlert] = field(default_factory=list)
    recalls: list[Recalled] = field(default_factory=list)
    """Those in force."""
    recalled_at: datetime | None = None
    """When the first recall of it was opened, in force or not."""
    seen: list[Seen] = field(default_factory=list)

    @property
    def facts(self) -> Facts:
        registered = self.lot.registered_at if self.lot else None
        return Facts(
            registered_on=shanghai_date(registered) if registered else None,
            expires_on=self.lot.expires_on if self.lot else None,
            recalls=self.recalls,
            alerts=self.alerts,
            tests=self.tests,
        )
