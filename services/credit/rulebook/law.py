"""The law of the day for a unit of work: rulebook, today in the city, the calendar of working days."""

from datetime import date

from services.credit.rulebook.data import rulebook
from services.credit.rulebook.rules import Law
from shared.clock import shanghai_date
from shared.db import UnitOfWork
from shared.reference import workdays


def law_of(uow: UnitOfWork) -> Law:
    return law_on(shanghai_date(uow.now))


def law_on(today: date) -> Law:
    return Law(rulebook(), today, workdays.add)
