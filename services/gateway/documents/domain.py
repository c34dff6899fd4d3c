"""What the merged OpenAPI document declares."""

from services.gateway.documents import follow
from shared.web import Domain

DOCUMENTS = Domain("documents", background=[follow.run])
