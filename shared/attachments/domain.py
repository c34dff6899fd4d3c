"""The files of a service, as a domain of it."""

from shared.attachments.api import attachments_router
from shared.attachments.rights import HomesOf
from shared.web.spec import Domain


def attachments(service: str, homes_of: HomesOf) -> Domain:
    """`homes_of`: who supervises an enterprise and so sees its files."""
    return Domain("attachments", routers=[attachments_router(service, homes_of=homes_of)])
