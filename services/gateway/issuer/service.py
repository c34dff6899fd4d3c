"""Use cases of the issuer: clients and users (what `pinzhi clients|users` calls) and tokens."""

import math
from datetime import datetime, timedelta
from typing import Any

from services.gateway.issuer import repository, secrets
from services.gateway.issuer.keys import KeyFile
from services.gateway.issuer.models import ClientRow, UserRow
from services.gateway.issuer.rules import TOKEN_SECONDS, OAuthError, claims, grant_scopes
from services.gateway.issuer.schemas import ID, Client, ClientChange, NewClient, NewUser, Token, User
from services.gateway.settings import Settings
from shared.auth.revocations import revoke
from shared.db import AsyncSession, UnitOfWork
from shared.errors import Conflict, NotFound
from shared.events.gateway import ClientUpdated, PrincipalRevoked
from shared.ids import uuid7
from shared.platform import Platform
from shared.wiring import Kept, Wiring

COMMITTED = timedelta(seconds=2)
"""From the time of a change to where it holds for everybody: a token of what held before may be issued until the change
is committed. Such tokens are void; one of what holds now says that it was issued at the end of this time."""


def key_file(settings: Settings) -> KeyFile:
    return KeyFile(settings.resolved_issuer_key_file(), settings.data_dir / "keys" / "jwks.json")


KEYS: Kept[Wiring, KeyFile] = Kept(lambda wiring: key_file(wiring.settings_as(Settings)))


# --- clients --------------------------------------------------------------------------------------------------------


async def add_client(uow: UnitOfWork, new: NewClient, *, secret: str | None = None) -> str:
    """Returns the secret, which is stored only as a hash. A given `secret` is for demo clients. Raises Conflict."""
    secret = _secret(secret, demo=new.demo)
    if await repository.client(uow.session, new.client_id):
        raise Conflict("client.exists", zh=f"客户端 {new.client_id} 已存在", en=f"Client {new.client_id} exists")
    row = ClientRow(**new.model_dump(), secret_hash=secrets.hash_secret(secret), created_at=uow.now)
    uow.session.add(row)
    _tell(uow, row, uow.now)
    uow.audit("client.add", subject=new.client_id, detail=new.model_dump(mode="json"))
    return secret


async def rotate_client(uow: UnitOfWork, client_id: str) -> str:
    """A new secret; the former one ends at once. Raises NotFound."""
    row = await _client(uow.session, client_id)
    secret = secrets.new_secret()
    row.secret_hash, row.rotated_at = secrets.hash_secret(secret), uow.now
    uow.audit("client.rotate", subject=client_id)
    return secret


async def change_client(uow: UnitOfWork, client_id: str, change: ClientChange) -> None:
    """Another name, department, area or other scopes from now on; tokens that say more than it may now are void
    everywhere within a second. Raises NotFound, Conflict (it is revoked)."""
    row = await _client(uow.session, client_id)
    if row.revoked_at is not None:
        raise Conflict("client.revoked", zh=f"客户端 {client_id} 已停用", en=f"Client {client_id} is revoked")
    values = change.model_dump(exclude_none=True)
    elsewhere = any(values.get(name, getattr(row, name)) != getattr(row, name) for name in ("department", "area"))
    less = not set(row.scopes) <= set(values.get("scopes", row.scopes))
    for name, value in values.items():
        setattr(row, name, value)
    changed_at = _tell(uow, row, uow.now)
    if elsewhere or less:
        await _void_tokens(uow, f"client:{client_id}", changed_at)
    uow.audit("client.change", subject=client_id, detail=values)


async def revoke_client(uow: UnitOfWork, client_id: str) -> None:
    """No further tokens, and those that it has are void everywhere within a second. Raises NotFound."""
    row = await _client(uow.session, client_id)
    if row.revoked_at is None:
        row.revoked_at = uow.now
        _tell(uow, row, uow.now)
    await _void_tokens(uow, f"client:{client_id}", uow.now)
    uow.audit("client.revoke", subject=client_id)


async def tell_clients(uow: UnitOfWork, limit: int = 500) -> int:
    """Tell the other services of clients that are older than the event; how many there were."""
    rows = await repository.untold_clients(uow.session, limit)
    for row in rows:
        _tell(uow, row, row.created_at)
    return len(rows)


def _tell(uow: UnitOfWork, row: ClientRow, at: datetime) -> datetime:
    """Publish the next version. Returns its time, which is never before the former one's, whatever the clock does."""
    row.version += 1
    row.changed_at = at if row.changed_at is None else max(at, row.changed_at)
    told = row.model_dump(include=set(ClientUpdated.model_fields) - {"valid_from"})
    uow.publish(ClientUpdated(**told, valid_from=row.changed_at))
    return row.changed_at


async def list_clients(session: AsyncSession) -> list[Client]:
    return [Client.model_validate(row, from_attributes=True) for row in await repository.clients(session)]


async def _client(session: AsyncSession, client_id: str) -> ClientRow:
    row = await repository.client_for_change(session, client_id)
    if row is None:
        raise NotFound("client", zh=f"没有客户端 {client_id}", en=f"No client {client_id}")
    return row


# --- users ----------------------------------------------------------------------------------------------------------


async def add_user(uow: UnitOfWork, new: NewUser, *, secret: str | None = None) -> str:
    """Returns the password. A given one is for demo users. Raises Conflict."""
    secret = _secret(secret, demo=new.demo)
    if await repository.user(uow.session, new.username):
        raise Conflict("user.exists", zh=f"用户 {new.username} 已存在", en=f"User {new.username} exists")
    uow.session.add(UserRow(**new.model_dump(), secret_hash=secrets.hash_secret(secret), created_at=uow.now))
    uow.audit("user.add", subject=new.username, detail=new.model_dump(mode="json"))
    return secret


async def rotate_user(uow: UnitOfWork, username: str) -> str:
    """A new password. Raises NotFound."""
    row = await _user(uow.session, username)
    secret = secrets.new_secret()
    row.secret_hash, row.rotated_at = secrets.hash_secret(secret), uow.now
    uow.audit("user.rotate", subject=username)
    return secret


async def revoke_user(uow: UnitOfWork, username: str) -> None:
    """The same for a person. Raises NotFound."""
    row = await _user(uow.session, username)
    row.revoked_at = row.revoked_at or uow.now
    await _void_tokens(uow, f"user:{username}", uow.now)
    uow.audit("user.revoke", subject=username)


async def list_users(session: AsyncSession) -> list[User]:
    return [User.model_validate(row, from_attributes=True) for row in await repository.users(session)]


async def _user(session: AsyncSession, username: str) -> UserRow:
    row = await repository.user(session, username)
    if row is None:
        raise NotFound("user", zh=f"没有用户 {username}", en=f"No user {username}")
    return row


async def _void_tokens(uow: UnitOfWork, principal: str, at: datetime) -> None:
    """Saying it again is said again: who revokes twice may have seen that the first time did not arrive."""
    not_before = at + COMMITTED
    await revoke(uow, {principal: not_before})
    uow.publish(PrincipalRevoked(principal=principal, not_before=not_before))


def _secret(given: str | None, *, demo: bool) -> str:
    if given is not None and not demo:
        raise ValueError("only demo clients and users have a secret that is known beforehand")
    return given or secrets.new_secret()


# --- tokens ---------------------------------------------------------------------------------------------------------


async def client_token(platform: Platform, keys: KeyFile, client_id: str, secret: str, scope: str | None) -> Token:
    """Client credentials grant (RFC 6749 section 4.4). Raises OAuthError."""
    async with platform.read() as session:
        row = await repository.client(session, client_id) if ID.fullmatch(client_id) else None
    if not await secrets.matches(secret, row.secret_hash if row else None) or row is None:
        raise OAuthError("invalid_client", "客户端或密钥不对", "Unknown client or wrong secret", status=401)
    _admit(platform, row, "invalid_client", 401)
    scopes = grant_scopes(scope, row.scopes)
    return _token(platform, keys, row.model_dump(), f"client:{client_id}", row.kind, scopes, row.changed_at)


async def user_token(platform: Platform, keys: KeyFile, username: str, password: str) -> Token:
    """Password grant, for the first-party pages of this platform only (RFC 9700 advises against it for others).

    Raises OAuthError.
    """
    async with platform.read() as session:
        row = await repository.user(session, username) if ID.fullmatch(username) else None
    if not await secrets.matches(password, row.secret_hash if row else None) or row is None:
        raise OAuthError("invalid_grant", "用户名或密码不对", "Unknown user or wrong password")
    _admit(platform, row, "invalid_grant", 400)
    return _token(platform, keys, row.model_dump(), f"user:{username}", "staff", [])


def _admit(platform: Platform, row: ClientRow | UserRow, error: str, status: int) -> None:
    if row.revoked_at is not None:
        raise OAuthError(error, "已停用", "Revoked", status=status)
    if row.demo and not platform.settings.demo:
        raise OAuthError(
            error,
            "这是演示账号，只在演示模式（--demo）下可用",
            "A demo account, accepted in demo mode (--demo) only",
            status=status,
        )


def _token(
    platform: Platform,
    keys: KeyFile,
    subject: dict[str, Any],
    sub: str,
    kind: str,
    scopes: list[str],
    changed_at: datetime | None = None,
) -> Token:
    settings = platform.settings
    issued = int(platform.clock.now().timestamp())
    if changed_at is not None:
        issued = max(issued, math.ceil((changed_at + COMMITTED).timestamp()))
    body = claims(
        subject,
        sub=sub,
        kind=kind,
        scope=scopes,
        issuer=settings.issuer,
        audience=settings.audience,
        now=issued,
        jti=uuid7(),
    )
    return Token(access_token=keys.sign(body), expires_in=TOKEN_SECONDS, scope=" ".join(scopes))
