"""The issuer over HTTP: `/oauth/token` and its documents."""

import asyncio
from base64 import b64decode
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import orjson
from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from services.gateway.issuer import service
from services.gateway.issuer.attempts import ATTEMPTS, TooOften
from services.gateway.issuer.rules import MAX_FORM, MAX_NAME, OAuthError
from services.gateway.issuer.schemas import Token, TokenError
from services.gateway.issuer.service import KEYS
from shared.auth import PUBLIC, Public
from shared.web import CurrentPlatform, Platform, Router, allow
from shared.web.routing import PolicyRoute

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FORM = "application/x-www-form-urlencoded"


class ClientAuthRoute(PolicyRoute):
    """`Authorization` carries the client's own credentials here, not a token."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = APIRoute.get_route_handler(self)

        async def handle(request: Request) -> Response:
            request.state.principal, request.state.idempotency = PUBLIC, None
            return await inner(request)

        return handle


router = Router(tags=["tokens"])
router.route_class = ClientAuthRoute

_FIELDS = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": ["client_credentials", "password"]},
        "client_id": {"type": "string"},
        "client_secret": {"type": "string"},
        "scope": {"type": "string"},
        "username": {"type": "string"},
        "password": {"type": "string"},
    },
}


@router.post(
    "/oauth/token",
    response_model=Token,
    responses={status: {"model": TokenError} for status in (400, 401, 413, 429)},
    openapi_extra={"requestBody": {"required": True, "content": {_FORM: {"schema": _FIELDS}}}},
)
@allow(Public())
async def token(request: Request, platform: CurrentPlatform) -> Response:
    """取得令牌 / An access token for 15 minutes (RFC 6749).

    Systems: `grant_type=client_credentials` with HTTP Basic (or `client_id`, `client_secret` in the form); `scope`
    asks for less. Staff of the embedded issuer: `grant_type=password` with `username` and `password`; only for the
    pages of this platform, never for others' applications.
    """
    keys = KEYS.of(platform)
    basic = request.headers.get("authorization")
    try:
        form = await _form(request)
        match form.get("grant_type"):
            case "client_credentials":
                name, secret = _client_credentials(basic, form)
                issue: Coroutine[Any, Any, Token] = service.client_token(
                    platform, keys, name, secret, form.get("scope")
                )
            case "password":
                name, secret = _need(form, "username"), _need(form, "password")
                issue = service.user_token(platform, keys, name, secret)
            case None | "":
                raise OAuthError("invalid_request", "缺少 grant_type", "grant_type is missing")
            case _:
                raise OAuthError(
                    "unsupported_grant_type",
                    "只支持 client_credentials 和 password",
                    "Supported: client_credentials, password",
                )
        if len(name) > MAX_NAME:
            issue.close()
            raise OAuthError(
                "invalid_request", f"名称最长 {MAX_NAME} 个字符", f"A name has at most {MAX_NAME} characters"
            )
        answer = await _slowed(platform, request, name, issue)
    except OAuthError as error:
        return _refuse(error, basic is not None)
    return Response(answer.model_dump_json(), media_type="application/json", headers=_NO_STORE)


async def _slowed(platform: Platform, request: Request, name: str, issue: Coroutine[Any, Any, Token]) -> Token:
    """The token, unless this client or user has failed too often of late."""
    address = request.client.host if request.client else ""
    try:
        async with ATTEMPTS.of(platform).one(name, address) as attempt:
            try:
                answer = await issue
            except OAuthError as error:
                if error.error in ("invalid_client", "invalid_grant"):
                    attempt.wrong()
                    await asyncio.sleep(0.1)
                raise
            attempt.right()
            return answer
    except TooOften as error:
        raise OAuthError(
            "slow_down",
            f"失败次数太多，{error.seconds} 秒后再试",
            f"Too many failures; try again in {error.seconds} seconds",
            status=429,
            retry_after=error.seconds,
        ) from error
    finally:
        issue.close()


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("invalid_request", f"请求体应为 {_FORM}", f"Send the body as {_FORM}")
    try:
        text = (await _content(request)).decode()
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError as error:
        raise OAuthError("invalid_request", "请求体无法读取", "The body cannot be read") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "同一参数出现多次", "A parameter stands more than once")
    return form


async def _content(request: Request) -> bytes:
    found = b""
    async for piece in request.stream():
        found += piece
        if len(found) > MAX_FORM:
            raise OAuthError(
                "invalid_request",
                f"请求体不能超过 {MAX_FORM} 字节",
                f"The body may have at most {MAX_FORM} bytes",
                status=413,
            )
    return found


def _client_credentials(header: str | None, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret from HTTP Basic or from the form (RFC 6749 section 2.3.1), never from both."""
    if header is None:
        if "client_id" not in form:
            raise OAuthError("invalid_client", "缺少客户端凭据", "Client credentials are missing", status=401)
        return form["client_id"], form.get("client_secret", "")
    if "client_secret" in form:
        raise OAuthError(
            "invalid_request",
            "客户端凭据只能用一种方式给出",
            "Give client credentials in one way only: Basic or form",
        )
    scheme, _, encoded = header.partition(" ")
    try:
        name, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        name, colon, secret = "", "", ""
    if scheme.lower() != "basic" or not colon:
        raise OAuthError("invalid_client", "Authorization 应为 Basic", "Use Basic in Authorization", status=401)
    return unquote_plus(name), unquote_plus(secret)


def _need(form: dict[str, str], field: str) -> str:
    if not form.get(field):
        raise OAuthError("invalid_request", f"缺少 {field}", f"{field} is missing")
    return form[field]


def _refuse(error: OAuthError, basic: bool) -> Response:
    headers = dict(_NO_STORE)
    if error.status == 401 and basic:
        headers["WWW-Authenticate"] = 'Basic realm="pinzhi"'
    if error.retry_after:
        headers["Retry-After"] = str(error.retry_after)
    body = TokenError(error=error.error, error_description=error.en, error_description_zh=error.zh)
    return Response(body.model_dump_json(), error.status, headers, "application/json")


@router.get("/.well-known/jwks.json")
@allow(Public())
async def jwks(platform: CurrentPlatform) -> Response:
    """Public keys of the embedded issuer (RFC 7517)."""
    body = orjson.dumps(KEYS.of(platform).public_set())
    return Response(body, media_type="application/json", headers={"Cache-Control": "public, max-age=300"})


@router.get("/.well-known/oauth-authorization-server")
@allow(Public())
async def metadata(platform: CurrentPlatform) -> dict[str, Any]:
    """Metadata of the embedded issuer (RFC 8414)."""
    issuer = platform.settings.issuer.rstrip("/")
    return {
        "issuer": platform.settings.issuer,
        "token_endpoint": f"{issuer}/oauth/token",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "grant_types_supported": ["client_credentials", "password"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "service_documentation": f"{issuer}/docs",
    }
