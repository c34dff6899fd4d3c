"""What the calendar declares."""

from services.credit.calendar import sweep
from shared.web import Domain

CALENDAR = Domain("calendar", background=[sweep.run])
