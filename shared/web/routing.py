"""Routers whose routes must say who may call them, and what a route gets: principal, unit of work, read session.

The order for each request: token, policy, Idempotency-Key, then the body. So a caller without permission never makes
the service read or judge a body.
"""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from hashlib import sha256
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Depends, Request, params
from fastapi.routing import APIRoute
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from starlette.responses import Response

from shared.auth.policy import Grant, Policy
from shared.auth.principal import PUBLIC, Principal
from shared.db import tables
from shared.db.session import AsyncSession
from shared.db.uow import UnitOfWork
from shared.errors import Conflict, FieldError, Invalid, Unauthenticated
from shared.i18n import Lang, negotiate
from shared.jsontext import read_json
from shared.platform import Platform
from shared.web.bodies import require_json
from shared.web.paging import following, next_link
from shared.web.private import keep_private
from shared.web.problems import as_platform_error, problem_response
from shared.web.reading import body_of, in_time

F = TypeVar("F", bound=Callable[..., Any])
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


def allow(*grants: Grant, area: str | None = None, owner: str | None = None, private: bool = False) -> Callable[[F], F]:
    """Declare the policy of a route; stands directly above the function."""
    if not grants:
        raise ValueError("a policy grants something; deny is the default")

    def mark(endpoint: F) -> F:
        endpoint.__policy__ = Policy(grants, area=area, owner=owner, private=private)  # type: ignore[attr-defined]
        return endpoint

    return mark


class PolicyRoute(APIRoute):
    policy: Policy

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        policy = getattr(endpoint, "__policy__", None)
        if policy is None:
            raise TypeError(f"{endpoint.__module__}.{endpoint.__name__} ({path}) declares no policy: use @allow(...)")
        self.policy = policy
        extra = dict(options.get("openapi_extra") or {})
        extra["x-policy"] = policy.describe().en
        if not policy.public:
            extra.setdefault("security", [{"oauth2": []}])
        options["openapi_extra"] = extra
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        policy = self.policy
        takes_json = self.body_field is not None and not isinstance(self.body_field.field_info, params.Form)

        async def inner(request: Request) -> Response:
            # A stack of our own for function-scoped dependencies: the unit of work commits here, where an error of
            # the commit still becomes the answer.
            async with AsyncExitStack() as stack:
                request.scope["fastapi_function_astack"] = stack
                return await answer(request)

        async def handle(request: Request) -> Response:
            try:
                response = await checked(request)
            except Exception as error:
                response = problem_response(as_platform_error(error), lang_of(request))
            if not policy.public or "authorization" in request.headers:
                keep_private(response)
            return response

        async def checked(request: Request) -> Response:
            platform = platform_of(request)
            principal = await authenticate(request, platform)
            policy.check(principal)
            request.state.principal = principal
            request.state.idempotency = None
            _require_short(request, "purpose", 200)
            if takes_json:
                require_json(request)
                if body := await body_of(request):
                    # FastAPI finds it parsed: bounded, and a large one not on the loop.
                    request._json = await in_time(body, read_json, platform.settings.max_json_values)
            following.set(None)
            key = request.headers.get("idempotency-key") if request.method in WRITES else None
            if key is None:
                response = await inner(request)
            else:
                response = await _once(request, platform, principal, key, inner)
            if request.method == "GET":
                for name, value in next_link(request, following.get()).items():
                    response.headers.setdefault(name, value)
            if policy.private and principal.kind != "public" and request.method == "GET" and response.status_code < 400:
                await platform.audit_read(principal, request)
            return response

        return handle


class Router(APIRouter):
    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=PolicyRoute, **options)


def _require_short(request: Request, header: str, most: int) -> None:
    """Raises Invalid for a header that is kept and is longer than what is kept of it."""
    if len(request.headers.get(header, "")) > most:
        zh, en = f"最多 {most} 个字符", f"At most {most} characters"
        raise Invalid([FieldError(f"#{header}", "string_too_long", zh, en)])


async def authenticate(request: Request, platform: Platform) -> Principal:
    """The caller; `PUBLIC` without an Authorization header. Anything else than a valid bearer token is refused."""
    header = request.headers.get("authorization")
    if header is None:
        return PUBLIC
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(
            "token.scheme",
            zh="Authorization 请用 Bearer 令牌",
            en="Use a Bearer token in Authorization",
        )
    return await platform.verifier.principal(token.strip())


async def _once(
    request: Request,
    platform: Platform,
    principal: Principal,
    key: str,
    inner: Callable[[Request], Coroutine[Any, Any, Response]],
) -> Response:
    """Give the first answer again for a repeated Idempotency-Key; 409 for the same key with another request."""
    if not 1 <= len(key) <= 200:
        raise Invalid(
            [
                FieldError(
                    "#Idempotency-Key",
                    "idempotency_key.length",
                    "Idempotency-Key 应为 1 到 200 个字符",
                    "Idempotency-Key needs 1 to 200 characters",
                )
            ]
        )
    digest = sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    digest.update(await request.body())
    request_hash = digest.hexdigest()
    stored = await _stored_answer(platform, principal, key, request_hash)
    if stored is not None:
        return stored
    request.state.idempotency = (key, request_hash)
    try:
        return await inner(request)
    except (Conflict, IntegrityError):
        # The same key may have been answered by a request beside this one; then that is the answer.
        stored = await _stored_answer(platform, principal, key, request_hash)
        if stored is None:
            raise
        return stored


async def _stored_answer(platform: Platform, principal: Principal, key: str, request_hash: str) -> Response | None:
    table = tables.idempotency
    async with platform.read() as session:
        row = (
            await session.execute(select(table).where(table.c.principal == principal.id, table.c.key == key))
        ).first()
    if row is None:
        return None
    if row.request_hash != request_hash:
        raise Conflict(
            "idempotency_key_reused",
            zh="这个 Idempotency-Key 已用于另一个请求；新的请求请用新的键",
            en="This Idempotency-Key was used for another request; use a new key for a new request",
        )
    headers = orjson.loads(row.headers) | {"Idempotent-Replayed": "true"}
    return Response(row.body, row.status, headers, "application/json")


def platform_of(request: Request) -> Platform:
    platform: Platform = request.app.state.platform
    return platform


def lang_of(request: Request) -> Lang:
    return negotiate(request.headers.get("accept-language"))


async def _unit_of_work(request: Request) -> AsyncIterator[UnitOfWork]:
    async with platform_of(request).unit_of_work(request.state.principal) as uow:
        uow.idempotency = request.state.idempotency
        yield uow


async def _read_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with platform_of(request).read() as session:
        yield session


# Dependencies are coroutines, trivial as they are: FastAPI sends plain functions through a thread, at 0.1 ms each.
async def _principal(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


async def _platform(request: Request) -> Platform:
    return platform_of(request)


async def _lang(request: Request) -> Lang:
    return lang_of(request)


# Function scope: the commit comes before the answer is sent, and its error becomes the answer.
Uow = Annotated[UnitOfWork, Depends(_unit_of_work, scope="function")]
ReadSession = Annotated[AsyncSession, Depends(_read_session, scope="function")]
CurrentPrincipal = Annotated[Principal, Depends(_principal)]
CurrentPlatform = Annotated[Platform, Depends(_platform)]
RequestLang = Annotated[Lang, Depends(_lang)]
