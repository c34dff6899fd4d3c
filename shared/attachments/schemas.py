"""What the attachment routes answer, and how a record's body names a file."""

from typing import Annotated, Literal

from pydantic import Field

from shared.web.body import Out

AttachmentDigest = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{64}$",
        description="本服务已上传附件的 SHA-256 / SHA-256 of a file that was uploaded to this service's attachments",
    ),
]
"""The service checks with `records.unknown` that the caller may name the file."""


class AttachmentOut(Out):
    sha256: str
    """Its id, and what records refer to."""
    size: int
    media_type: str
    """Told by the content."""
    name: str
    visibility: Literal["public", "departmental"]
    href: str
