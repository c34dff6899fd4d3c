"""Who is asking and what they may do: principals, policies of routes, token verification."""

from shared.auth.policy import Department, Enterprise, Grant, Policy, Public, Staff
from shared.auth.principal import PUBLIC, ROLES, Principal, system
from shared.auth.tokens import TokenVerifier

__all__ = [
    "PUBLIC",
    "ROLES",
    "Department",
    "Enterprise",
    "Grant",
    "Policy",
    "Principal",
    "Public",
    "Staff",
    "TokenVerifier",
    "system",
]
