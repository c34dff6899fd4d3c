"""What lights and rankings declare."""

from services.indicators.status import api, jobs
from shared.web import Domain

STATUS = Domain("status", routers=[api.router], hot=api.HOT, background=[jobs.follow_the_day], on_start=[jobs.start])
