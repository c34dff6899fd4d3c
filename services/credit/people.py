"""Who sees more than the public, said once for all routes."""

from shared.auth import Principal, Staff
from shared.auth.reading import CREDIT
from shared.errors import Forbidden

READ = "credit:read"
OFFICERS = Staff("inspector", "case_officer", "reviewer", "publisher", "quality_office", "auditor")
READERS = CREDIT.grants
"""Departments that write here or may read, and staff."""

__all__ = ["OFFICERS", "READ", "READERS", "require_department"]


def require_department(principal: Principal, authority: str) -> None:
    """Raise unless the principal is of the department whose decision this is."""
    if principal.department != authority:
        raise Forbidden(
            "department",
            zh=f"只能处理本部门（{principal.department or '无'}）的案件，这一件属于 {authority}",
            en=f"This case is of {authority}; you may handle those of your own department "
            f"({principal.department or 'none'}) only",
        )
