"""Revoked clients and users, as every service but the issuer's hears of them."""

from shared.auth import revocations
from shared.web.spec import Domain

REVOCATIONS = Domain("revocations", subscriptions=[revocations.SUBSCRIPTION], projection_tables=[revocations.TABLE])
