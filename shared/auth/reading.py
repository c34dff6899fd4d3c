"""Who of the authorities reads what is not public, said once for each kind of record.

The routes of the service that owns the records admit by it, and an aggregate of the gateway shows a part by it and by
nothing else: never by the kind of the caller alone.
"""

from dataclasses import dataclass

from shared.auth.policy import Department, Grant, Staff
from shared.auth.principal import Principal


@dataclass(frozen=True, slots=True)
class Reading:
    grants: tuple[Grant, ...]
    """Any of them admits to the routes of such records."""

    def admits(self, principal: Principal) -> bool:
        return principal.kind == "system" or any(grant.admits(principal) for grant in self.grants)

    def shows(self, principal: Principal, *area_codes: str | None) -> bool:
        """Whether it sees a record that belongs to these areas: one of them lies in its own."""
        return self.admits(principal) and any(principal.may_in(code) for code in area_codes)


CREDIT = Reading(
    (
        Department("credit:violations:write"),
        Department("credit:enterprises:write"),
        Department("credit:read"),
        Staff("inspector", "case_officer", "reviewer", "publisher", "quality_office", "auditor"),
    )
)
"""Records that are not published, listing procedures, leads: of the record's area, or of the enterprise's."""
TESTS = Reading(
    (
        Department("traceability:tests:read"),
        Staff("inspector", "case_officer", "reviewer", "quality_office", "auditor"),
    )
)
"""Test reports: of the area of the sample; a firm's own tests also of its supervision."""
ALERTS = Reading(
    (
        Department("traceability:alerts:read"),
        Staff("inspector", "case_officer", "reviewer", "quality_office", "auditor"),
    )
)
"""Early warnings: of the alert's area."""
LOTS = Reading(
    (
        Department("traceability:lots:read"),
        Staff("inspector", "case_officer", "reviewer", "publisher", "quality_office"),
    )
)
"""The register of lots: of the producer's supervision."""
RECALL_HOLDERS = Reading(
    (
        Department("traceability:recalls:write"),
        Department("traceability:recalls:read"),
        Staff("inspector", "case_officer", "reviewer", "quality_office", "auditor"),
    )
)
"""Who holds how much of what is recalled: of the recalling firm's supervision."""
