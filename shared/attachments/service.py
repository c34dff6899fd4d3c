"""Keeping and showing attachments."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from shared.attachments import content, repository, rights
from shared.attachments.scanner import Scanner
from shared.attachments.schemas import AttachmentOut
from shared.attachments.store import BlobStore, is_digest
from shared.auth.principal import Principal
from shared.db.faults import FILES_MOVED, StorageFault
from shared.db.session import AsyncSession
from shared.db.uow import UnitOfWork
from shared.errors import FieldError, Forbidden, Invalid, NotFound

Visibility = Literal["public", "departmental"]


@dataclass(frozen=True, slots=True)
class Upload:
    data: bytes
    name: str
    visibility: Visibility


@dataclass(frozen=True, slots=True)
class Shown:
    data: bytes
    media_type: str
    name: str
    public: bool


@dataclass(frozen=True, slots=True)
class Attachments:
    """What one service keeps, under `path`."""

    service: str
    path: str
    store: BlobStore
    scanner: Scanner
    limits: content.Limits

    async def keep(self, uow: UnitOfWork, upload: Upload) -> AttachmentOut:
        """Raises Forbidden, Invalid, TooLarge, UnsupportedMedia. The same content again is the same attachment."""
        principal = uow.principal
        if upload.visibility == "public" and principal.kind == "enterprise":
            raise Forbidden(
                "attachment.public",
                zh="公开文件由部门发布；企业上传的文件请用 visibility=departmental",
                en="Departments publish files; an enterprise uploads with visibility=departmental",
            )
        media_type = await asyncio.to_thread(content.check, upload.data, self.limits)
        if found := await self.scanner.scan(upload.data):
            raise Invalid(
                [
                    FieldError(
                        "/file",
                        "attachment.infected",
                        f"病毒扫描发现 {found}，文件未保存",
                        f"The scanner found {found}; the file was not kept",
                    )
                ]
            )
        if await self.store.is_new() and await repository.any_row(uow.session):
            raise StorageFault(FILES_MOVED, self.path)
        # Before the first statement: no row lock is held while the disk works.
        sha256 = await self.store.put(upload.data)
        await repository.keep(
            uow.session,
            {
                "sha256": sha256,
                "owner": principal.id,
                "size": len(upload.data),
                "media_type": media_type,
                "name": upload.name,
                "visibility": upload.visibility,
                "department": principal.department,
                "uscc": principal.uscc,
                "area": principal.area,
                "created_at": uow.now,
            },
        )
        uow.audit(
            "attachment.keep",
            subject=sha256,
            detail={"size": len(upload.data), "media_type": media_type, "visibility": upload.visibility},
        )
        return AttachmentOut(
            sha256=sha256,
            size=len(upload.data),
            media_type=media_type,
            name=upload.name,
            visibility=upload.visibility,
            href=f"{self.path}/{sha256}",
        )

    async def show(self, session: AsyncSession, principal: Principal, sha256: str) -> Shown:
        """Raises NotFound, also for what the caller may not see: its existence is not told."""
        rows = await repository.rows_of(session, sha256) if is_digest(sha256) else []
        seen = await rights.seen(session, self.service, principal, rows)
        data = await self.store.get(sha256) if seen else None
        if seen and data is None:  # bytes are kept before the row that names them
            raise StorageFault(FILES_MOVED, sha256)
        if data is None:
            raise NotFound("attachment", zh=f"没有附件 {sha256}", en=f"There is no attachment {sha256}")
        public = [row for row in seen if row.visibility == "public"]
        first = (public or seen)[0]
        return Shown(data, first.media_type, first.name, bool(public))
