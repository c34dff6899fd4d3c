"""Every query of the issuer."""

from sqlmodel import select

from services.gateway.issuer.models import ClientRow, UserRow
from shared.db import AsyncSession


async def client(session: AsyncSession, client_id: str) -> ClientRow | None:
    return await session.get(ClientRow, client_id)


async def client_for_change(session: AsyncSession, client_id: str) -> ClientRow | None:
    """Locked until the transaction ends, so that its versions follow each other."""
    return await session.get(ClientRow, client_id, with_for_update=True)


async def untold_clients(session: AsyncSession, limit: int) -> list[ClientRow]:
    """Those of which no event told yet, locked."""
    statement = select(ClientRow).where(ClientRow.version == 0).order_by(ClientRow.client_id).limit(limit)
    return list(await session.exec(statement.with_for_update()))


async def user(session: AsyncSession, username: str) -> UserRow | None:
    return await session.get(UserRow, username)


async def clients(session: AsyncSession) -> list[ClientRow]:
    return list(await session.exec(select(ClientRow).order_by(ClientRow.client_id)))


async def users(session: AsyncSession) -> list[UserRow]:
    return list(await session.exec(select(UserRow).order_by(UserRow.username)))
