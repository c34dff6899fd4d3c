"""Test reports of traceability as case leads. A lead is never a violation by itself: a person makes the case."""

from collections.abc import Sequence

from services.credit.leads import repository, rules
from services.credit.leads.models import Lead
from shared.bus.envelope import Received
from shared.db import UnitOfWork
from shared.events.traceability import TestCorrected, TestRecorded


async def apply_reports(uow: UnitOfWork, events: Sequence[Received[TestRecorded] | Received[TestCorrected]]) -> None:
    """Open, update or close the lead of each report, in the order of the events."""
    leads = await repository.by_source(uow.session, {event.data.test_id for event in events})
    for event in events:
        report = event.data
        lead = leads.get(report.test_id)
        match rules.change(report, lead.state if lead else None):
            case "open" if lead is None:
                lead = leads[report.test_id] = Lead(
                    lead_id=uow.id(),
                    kind="failed_test",
                    source_id=report.test_id,
                    uscc=report.producer_uscc,
                    area_code=report.area_code,
                    state="open",
                    detail=dict(rules.detail(report)),
                    tested_on=report.tested_on,
                    opened_at=event.time,
                )
            case "open" | "update" if lead is not None:
                lead.state, lead.detail = "open", dict(rules.detail(report))
                lead.closed_at = lead.close_reason = None
            case "close" if lead is not None:
                lead.state, lead.closed_at = "closed", event.time
                lead.close_reason = report.reason if isinstance(report, TestCorrected) else "pass"
            case _:
                continue
        uow.session.add(lead)
