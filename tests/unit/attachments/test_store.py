"""One suite for every store, and what only the disk can get wrong."""

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.attachments import BlobStore, DiskStore, MemoryStore
from shared.attachments.store import Corrupted, is_digest

ABSENT = "0" * 64


class StoreSuite:
    @pytest.fixture
    def store(self, tmp_path: Path) -> BlobStore:
        raise NotImplementedError

    async def test_what_is_put_is_found_under_its_digest(self, store: BlobStore) -> None:
        digest = await store.put("苹果".encode())
        assert digest == sha256("苹果".encode()).hexdigest()
        assert await store.get(digest) == "苹果".encode()

    async def test_the_same_content_is_kept_once(self, store: BlobStore) -> None:
        assert await store.put(b"a") == await store.put(b"a")
        assert await store.put(b"a") != await store.put(b"b")

    async def test_nothing_is_found_where_nothing_was_put(self, store: BlobStore) -> None:
        assert await store.get(ABSENT) is None
        await store.delete(ABSENT)

    async def test_deleted_is_gone(self, store: BlobStore) -> None:
        digest = await store.put(b"a")
        await store.delete(digest)
        assert await store.get(digest) is None
        assert await store.put(b"a") == digest
        assert await store.get(digest) == b"a"

    async def test_concurrent_writers_of_one_content(self, store: BlobStore) -> None:
        data = os.urandom(100_000)
        digests = await asyncio.gather(*(store.put(data) for _ in range(8)))
        assert len(set(digests)) == 1
        assert await store.get(digests[0]) == data


class TestMemory(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> BlobStore:
        return MemoryStore()


class TestDisk(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> BlobStore:
        return DiskStore(tmp_path / "attachments")

    async def test_survives_a_new_store_on_the_same_folder(self, store: BlobStore, tmp_path: Path) -> None:
        digest = await store.put(b"a")
        assert await DiskStore(tmp_path / "attachments").get(digest) == b"a"

    async def test_damage_is_noticed_and_healed_by_the_next_put(self, store: BlobStore, tmp_path: Path) -> None:
        digest = await store.put(b"whole")
        (file,) = (path for path in (tmp_path / "attachments").rglob("*") if path.is_file())
        file.write_bytes(b"torn")
        with pytest.raises(Corrupted):
            await store.get(digest)
        await store.put(b"whole")
        assert await store.get(digest) == b"whole"

    async def test_a_write_that_fails_leaves_nothing(
        self, store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(source: object, target: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space"):
            await store.put(b"a")
        assert [path for path in (tmp_path / "attachments").rglob("*") if path.is_file()] == []

    @pytest.mark.parametrize("name", ["../../etc/passwd", "", "a" * 63, "A" * 64, "../" * 21 + "x"])
    async def test_a_name_that_is_no_digest_reaches_no_file(self, store: BlobStore, name: str) -> None:
        assert await store.get(name) is None
        await store.delete(name)


@given(st.text(max_size=70))
def test_only_digests_are_digests(text: str) -> None:
    assert is_digest(text) == (len(text) == 64 and set(text) <= set("0123456789abcdef"))
