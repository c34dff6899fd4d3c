"""What the attachment routes answer."""

from typing import Literal

from shared.web.body import Out


class AttachmentOut(Out):
    sha256: str
    """Its id, and what records refer to."""
    size: int
    media_type: str
    """Told by the content."""
    name: str
    visibility: Literal["public", "departmental"]
    href: str
