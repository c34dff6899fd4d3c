"""Every query of the issuer."""

from sqlmodel import select

from services.gateway.issuer.models import ClientRow, UserRow
from shared.db import AsyncSession


async def client(session: AsyncSession, client_id: str) -> ClientRow | None:
    return await session.get(ClientRow, client_id)


async def user(session: AsyncSession, username: str) -> UserRow | None:
    return await session.get(UserRow, username)


async def clients(session: AsyncSession) -> list[ClientRow]:
    return list(await session.exec(select(ClientRow).order_by(ClientRow.client_id)))


async def users(session: AsyncSession) -> list[UserRow]:
    return list(await session.exec(select(UserRow).order_by(UserRow.username)))
