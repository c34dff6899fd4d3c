"""The session of all services: SQLModel's, in which `execute` is as welcome as `exec` (hot statements are Core)."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession as SqlAlchemyAsyncSession
from sqlalchemy.orm import Session as SqlAlchemySession
from sqlmodel import Session as SqlModelSession
from sqlmodel.ext.asyncio.session import AsyncSession as SqlModelAsyncSession


class _Session(SqlModelSession):
    def execute(self, *args: Any, **kwargs: Any) -> Any:
        return SqlAlchemySession.execute(self, *args, **kwargs)


class AsyncSession(SqlModelAsyncSession):
    sync_session_class = _Session

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        return await SqlAlchemyAsyncSession.execute(self, *args, **kwargs)
