"""What follows from a message runs at once, in its transaction and in order, and its results come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from shared.bus.memory import MemoryBus
from shared.consequences import Message
from shared.db import UnitOfWork
from shared.platform import Platform
from shared.settings import ServiceSettings


@dataclass(frozen=True)
class Fell(Message[str]):
    name: str


async def first(uow: UnitOfWork, fell: Fell) -> str:
    await uow.session.execute(text("INSERT INTO told VALUES (:name)"), {"name": f"first {fell.name}"})
    return "one"


async def second(uow: UnitOfWork, fell: Fell) -> str:
    found = (await uow.session.execute(text("SELECT name FROM told"))).scalars().all()
    return f"two after {found}"


async def _told_and_failed(platform: Platform) -> None:
    async with platform.system_unit_of_work() as uow:
        assert await uow.tell(Fell("a")) == ["one", "two after ['first a']"]
        raise ZeroDivisionError


async def test_results_in_order_and_one_transaction(tmp_path: Path) -> None:
    settings = ServiceSettings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/a.db", bus_url="memory:")
    platform = Platform("credit", settings, consequences={Fell: [first, second]}, bus=MemoryBus())
    try:
        async with platform.db.writer.begin() as connection:
            await connection.execute(text("CREATE TABLE told (name TEXT)"))
        with pytest.raises(ZeroDivisionError):
            await _told_and_failed(platform)
        async with platform.read() as session:
            assert (await session.execute(text("SELECT name FROM told"))).all() == []
        async with platform.system_unit_of_work() as uow:
            with pytest.raises(LookupError, match="credit says nothing of what follows from Message"):
                await uow.tell(Message())
    finally:
        await platform.db.close()


async def test_what_was_touched_is_refreshed_once_before_the_commit(tmp_path: Path) -> None:
    """Also what a refresher touches itself; a kind that nobody refreshes is a mistake of the service."""
    settings = ServiceSettings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/a.db", bus_url="memory:")
    runs: list[tuple[str, list[str]]] = []

    async def lots(uow: UnitOfWork, touched: Sequence[Any]) -> None:
        runs.append(("lot", sorted(touched)))

    async def recalls(uow: UnitOfWork, touched: Sequence[Any]) -> None:
        runs.append(("recall", list(touched)))
        uow.touch("lot", "c")

    platform = Platform("credit", settings, refreshers={"lot": lots, "recall": recalls}, bus=MemoryBus())
    try:
        async with platform.system_unit_of_work() as uow:
            uow.touch("lot", "a", "b")
            uow.touch("recall", "r")
            uow.touch("lot", "a")
            uow.touch("lot")
            assert runs == []
            with pytest.raises(LookupError, match="credit refreshes nothing of the kind light"):
                uow.touch("light", "x")
        assert runs == [("lot", ["a", "b"]), ("recall", ["r"]), ("lot", ["c"])]
    finally:
        await platform.db.close()
