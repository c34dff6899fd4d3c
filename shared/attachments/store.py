"""Bytes under their SHA-256: written once, never changed, the same content kept once."""

import asyncio
import os
import re
import tempfile
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from shared.db.faults import FILES_MOVED, StorageFault
from shared.db.placed import Placed

_DIGEST = re.compile("[0-9a-f]{64}")


def digest_of(data: bytes) -> str:
    return sha256(data).hexdigest()


def is_digest(text: str) -> bool:
    return _DIGEST.fullmatch(text) is not None


class Corrupted(OSError):
    """The stored bytes are no longer those of the digest."""


class BlobStore(Protocol):
    async def put(self, data: bytes) -> str:
        """Keep the bytes; their digest, once they are safe on the medium."""

    async def get(self, digest: str) -> bytes | None:
        """The bytes, checked against the digest, or None. Raises Corrupted."""

    async def is_new(self) -> bool:
        """Whether nothing was ever kept here, as far as the store itself can tell."""

    async def delete(self, digest: str) -> None:
        """Forget the bytes; nothing happens where there are none."""


class MemoryStore:
    """For tests of what uses a store."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        digest = digest_of(data)
        self._blobs[digest] = data
        return digest

    async def get(self, digest: str) -> bytes | None:
        return self._blobs.get(digest)

    async def is_new(self) -> bool:
        return not self._blobs

    async def delete(self, digest: str) -> None:
        self._blobs.pop(digest, None)


class DiskStore:
    """Files `<root>/ab/cd/abcd…`. A file appears under its name only when all its bytes are on the disk.

    Bytes are kept before the row that names them commits: a crash between the two leaves bytes without a row, never a
    row without bytes.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._placed = Placed(root, partial(StorageFault, FILES_MOVED))
        """Into another folder, all that is acknowledged would be hidden or gone when the first comes back."""

    async def put(self, data: bytes) -> str:
        return await asyncio.to_thread(self._put, data)

    async def get(self, digest: str) -> bytes | None:
        return await asyncio.to_thread(self._get, digest)

    async def is_new(self) -> bool:
        return await asyncio.to_thread(self._is_empty)

    def _is_empty(self) -> bool:
        try:
            with os.scandir(self._root) as entries:
                return not any(len(entry.name) == 2 for entry in entries)  # another's, `lost+found` perhaps
        except FileNotFoundError:
            return True

    async def delete(self, digest: str) -> None:
        await asyncio.to_thread(self._delete, digest)

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest[2:4] / digest

    def _put(self, data: bytes) -> str:
        digest = digest_of(data)
        path = self._path(digest)
        if not self._placed.is_known:
            self._root.mkdir(parents=True, exist_ok=True)
        self._placed.check()
        with suppress(OSError):
            if self._get(digest) is not None:
                return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".part-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        # The entry, and those of the folders that may be new, survive a power cut only when synced themselves.
        for folder in (path.parent, path.parent.parent, self._root):
            _sync(folder)
        return digest

    def _get(self, digest: str) -> bytes | None:
        if not is_digest(digest):
            return None
        self._placed.check()
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError:
            return None
        if digest_of(data) != digest:
            raise Corrupted(f"attachment {digest} is damaged on disk")
        return data

    def _delete(self, digest: str) -> None:
        if is_digest(digest):
            self._path(digest).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
