"""Who sees more than the public, said once for all routes."""

from shared.auth import Department, Principal, Staff

READ = "credit:read"
OFFICERS = Staff("inspector", "case_officer", "reviewer", "publisher", "quality_office", "auditor")
READERS = (
    Department("credit:violations:write"),
    Department("credit:enterprises:write"),
    Department(READ),
    OFFICERS,
)
"""Departments that write here or may read, and staff."""

__all__ = ["OFFICERS", "READ", "READERS", "sees_all"]


def sees_all(principal: Principal) -> bool:
    """Whether the principal gets the departments' field set."""
    return any(grant.admits(principal) for grant in READERS)
