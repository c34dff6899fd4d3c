"""Files as records see them: may this caller name the file, and what is told about it."""

from collections.abc import Collection

from shared.attachments import repository, rights
from shared.attachments.schemas import AttachmentOut
from shared.auth.principal import Principal
from shared.db.session import AsyncSession
from shared.errors import FieldError


def path_of(service: str) -> str:
    return f"/v1/{service}/attachments"


async def described(
    session: AsyncSession, service: str, principal: Principal, digests: Collection[str | None]
) -> dict[str, AttachmentOut]:
    """SHA-256 -> the file, of those that the caller may see; the others are not told."""
    found: dict[str, AttachmentOut] = {}
    wanted = {digest for digest in digests if digest is not None}
    rows = await repository.rows_of_each(session, wanted) if wanted else ()
    for row in await rights.seen(session, service, principal, rows):
        # As `show` has it: the oldest row that the caller may see, a public one before others.
        known = found.get(row.sha256)
        if known is None or (row.visibility == "public" and known.visibility != "public"):
            found[row.sha256] = AttachmentOut(
                sha256=row.sha256,
                size=row.size,
                media_type=row.media_type,
                name=row.name,
                visibility=row.visibility,
                href=f"{path_of(service)}/{row.sha256}",
            )
    return found


async def unknown(
    session: AsyncSession, service: str, principal: Principal, sha256: str | None, pointer: str = "/attachment"
) -> FieldError | None:
    """What is wrong with a file that a body names: it is not there, or the caller may not see it."""
    if sha256 is None or await described(session, service, principal, [sha256]):
        return None
    return FieldError(
        pointer,
        "attachment.unknown",
        f"没有附件 {sha256}；请先用 POST {path_of(service)} 上传",
        f"There is no attachment {sha256}; upload it first: POST {path_of(service)}",
    )
