"""The law of the day for a unit of work: rulebook, today in the city, the calendar of working days."""

from datetime import date

from services.credit.listings.rules import Court
from services.credit.rulebook.data import rulebook
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.reference import workdays


def court_of(uow: UnitOfWork) -> Court:
    return court_on(shanghai_date(uow.now))


def court_on(today: date) -> Court:
    return Court(rulebook(), today, workdays.add)
