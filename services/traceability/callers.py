"""Who calls: rights that several domains ask for, and whose events a caller's are."""

from shared.auth import Principal, Staff
from shared.auth.reading import LOTS

READ = "traceability:lots:read"
WRITE = "traceability:masterdata:write"
STAFF = next(grant for grant in LOTS.grants if isinstance(grant, Staff))


def captured_by(principal: Principal) -> str:
    """The party whose ids the events of this caller have: the enterprise, or the department with all its clients."""
    if principal.kind == "enterprise" and principal.uscc:
        return principal.uscc
    return f"department:{principal.department}" if principal.department else principal.id
