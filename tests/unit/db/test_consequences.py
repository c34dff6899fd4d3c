"""What follows from a message runs at once, in its transaction and in order, and its results come back."""

from dataclasses import dataclass
from pathlib import Path

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
