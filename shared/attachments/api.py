"""`attachments_router(service)`: POST and GET under `/v1/<service>/attachments`."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Path, Query, Request
from fastapi.responses import Response
from starlette.datastructures import UploadFile

from shared.attachments.content import ALLOWED, Limits
from shared.attachments.records import path_of
from shared.attachments.rights import HomesOf, supervise
from shared.attachments.scanner import NullScanner, Scanner
from shared.attachments.schemas import AttachmentOut
from shared.attachments.service import Attachments, Upload, Visibility
from shared.attachments.store import BlobStore, DiskStore
from shared.auth.policy import Department, Enterprise, Public, Staff
from shared.db.faults import StorageFault
from shared.errors import FieldError, Invalid
from shared.settings import ServiceSettings
from shared.web import conditional
from shared.web.header_values import file_named
from shared.web.problems import problem
from shared.web.routing import CurrentPrincipal, ReadSession, Router, Uow, allow, platform_of
from shared.wiring import Kept, Wiring

_NAME = re.compile(r"[\x00-\x1f\x7f/\\]+")
_SHOWN = ("application/pdf", "image/png", "image/jpeg")
"""What a browser shows by itself; everything else it keeps as a file."""
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


_PART = "attachments"


def on_disk(settings: ServiceSettings) -> BlobStore:
    return DiskStore(settings.data_dir / "attachments")


def attachments_router(
    service: str,
    *,
    open_store: Callable[[ServiceSettings], BlobStore] = on_disk,
    scanner: Scanner | None = None,
    limits: Limits | None = None,
    homes_of: HomesOf | None = None,
) -> Router:
    """Routes of one service; its `tables.py` calls `models.add_to(Table)`. `homes_of`: who supervises an enterprise and
    so sees its files."""
    if homes_of is not None:
        supervise(service, homes_of)
    path = path_of(service)
    router = Router(prefix=path, tags=["attachments"])
    stores: Kept[Wiring, BlobStore] = Kept(lambda wiring: open_store(wiring.settings))  # each knows its folder again

    def attachments(request: Request) -> Attachments:
        platform = platform_of(request)
        return Attachments(service, path, stores.of(platform), scanner or NullScanner(), limits or Limits())

    @contextmanager
    def told(request: Request) -> Iterator[None]:
        """`/readyz` says what ails the folder until it is used again without."""
        failing = platform_of(request).failing
        try:
            yield
        except StorageFault as error:
            failing[_PART] = f"{error.fault.zh} / {error.fault.en}"
            raise
        failing.pop(_PART, None)

    @router.post("", status_code=201, responses=problem(400, 401, 403, 409, 413, 415, 422), openapi_extra=_BODY)
    @allow(
        Department("attachments:write"),
        Enterprise(),
        Staff("inspector", "case_officer", "reviewer", "publisher", "quality_office"),
    )
    async def keep(
        request: Request,
        uow: Uow,
        name: Annotated[str, Query(max_length=200, description="文件名；multipart 时可省略")] = "",
        visibility: Annotated[
            Visibility, Query(description="public：任何人可见；departmental：部门可见")
        ] = "departmental",
    ) -> AttachmentOut:
        """Keep a file: the body itself, or one part `file` of a form."""
        data, given = await _file(request)
        with told(request):
            kept = await attachments(request).keep(uow, Upload(data, _plain(name or given), visibility))
        return uow.answer(kept, 201, {"Location": kept.href})

    @router.get(
        "/{sha256}",
        response_class=Response,
        responses={
            200: {"description": "The file", "content": {kind.split(";")[0]: {} for kind in ALLOWED}},
            304: {"description": "The client has it"},
            **problem(401, 404, 422),
        },
    )
    @allow(Public(), private=True)
    async def show(
        request: Request,
        session: ReadSession,
        principal: CurrentPrincipal,
        sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
    ) -> Response:
        """A public file for everybody, a departmental one for who put it there and the authorities concerned."""
        with told(request):
            shown = await attachments(request).show(session, principal, sha256)
        headers = {
            "ETag": f'"{sha256}"',
            "Cache-Control": "public, max-age=300",  # a departmental file needs a token, whose answers are private
            # A file is shown, never run in the platform's origin.
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            "Content-Disposition": file_named(shown.name, shown=shown.media_type in _SHOWN),
        }
        if conditional.has(request.headers.raw, f'"{sha256}"'.encode()):
            return Response(status_code=304, headers=headers)
        return Response(shown.data, media_type=shown.media_type, headers=headers)

    return router


async def _file(request: Request) -> tuple[bytes, str]:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await request.body(), ""
    async with request.form(max_files=1, max_fields=4) as form:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise Invalid(
                [FieldError("/file", "missing", "表单中没有文件部分 file", "The form has no file part named file")]
            )
        return await part.read(), part.filename or ""


def _plain(name: str) -> str:
    """A name to show: no folders, no control characters, at most 200 characters."""
    return _NAME.sub(" ", name.replace("\\", "/").rsplit("/", 1)[-1]).strip()[:200]
