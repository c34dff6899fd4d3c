"""Errors that reach a client, one tree:

PlatformError                 any error with a stable code, a status and words in both languages
├── Malformed            400  the body or a parameter cannot be read at all
├── Unauthenticated      401  no token, or one that does not hold
├── Forbidden            403  a valid token that may not do this
├── NotFound             404
├── Conflict             409  the state, or law, does not allow this now
├── TooLarge             413
├── UnsupportedMedia     415
├── Invalid              422  readable, but fields are wrong: all of them, each with its place
├── TooMany              429  with Retry-After
└── Unavailable          503  with Retry-After
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic_core import PydanticCustomError

from shared.i18n import Lang, Text

_LONGEST = 2_000
"""Characters of a pointer, or of the words of an error: the longest standard vocabulary has half of it."""


def clip(text: str, most: int = 200) -> str:
    """As much of a name or value of a client as an error tells."""
    return text if len(text) <= most else text[:most] + "…"


@dataclass(frozen=True)
class FieldError:
    """One wrong place. `pointer` is a JSON Pointer (RFC 6901) into the body, or `?name` for a query parameter."""

    pointer: str
    code: str
    zh: str
    en: str

    def __post_init__(self) -> None:
        """Whatever a place quotes, an error stays small: it is kept and told many times over."""
        for name in ("pointer", "zh", "en"):
            if len(text := getattr(self, name)) > _LONGEST:
                object.__setattr__(self, name, clip(text, _LONGEST))

    def to_dict(self, lang: Lang) -> dict[str, str]:
        return {"pointer": self.pointer, "code": self.code, "detail": Text(self.zh, self.en)(lang)}


MOST_ERRORS = 50
"""Places that are told of one body; how many more there are stands beside them."""

MOST_ERRORS_OF_AN_ITEM = 10
"""Of each item of a batch."""


def places_words(count: int) -> Text:
    """What the detail of a problem says of `count` wrong places."""
    if count <= MOST_ERRORS:
        return Text(
            f"有 {count} 处需要改正，见 errors",
            f"{count} {'place needs' if count == 1 else 'places need'} correction, see errors",
        )
    return Text(
        f"有 {count} 处需要改正，errors 列出前 {MOST_ERRORS} 处",
        f"{count} places need correction, errors has the first {MOST_ERRORS}",
    )


class PlatformError(Exception):
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text("服务出错", "Server error")

    def __init__(
        self,
        code: str,
        *,
        zh: str,
        en: str,
        errors: Sequence[FieldError] = (),
        more_errors: int = 0,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(f"{code}: {en}")
        self.code = code
        self.text = Text(zh, en)
        self.errors = tuple(errors[:MOST_ERRORS])
        self.more_errors = more_errors + len(errors) - len(self.errors)
        """Wrong places beside those in `errors`."""
        self.headers = headers or {}
        self.extra = extra

    def to_problem(self, lang: Lang, *, most: int = MOST_ERRORS) -> dict[str, Any]:
        """The body of RFC 9457, with `code`, and the first `most` of `errors` where places are wrong."""
        problem: dict[str, Any] = {
            "type": f"urn:pinzhi:problem:{self.code}",
            "title": self.title(lang),
            "status": self.status,
            "code": self.code,
            "detail": self.text(lang),
        }
        if self.errors:
            problem["errors"] = [error.to_dict(lang) for error in self.errors[:most]]
        if more := self.more_errors + len(self.errors[most:]):
            problem["more_errors"] = more
        return problem | self.extra


class Malformed(PlatformError):
    status = 400
    title = Text("请求无法读取", "Request cannot be read")


class Unauthenticated(PlatformError):
    status = 401
    title = Text("需要有效的令牌", "A valid token is needed")

    def __init__(self, code: str = "unauthenticated", *, zh: str, en: str, **extra: Any) -> None:
        super().__init__(code, zh=zh, en=en, headers={"WWW-Authenticate": 'Bearer realm="pinzhi"'}, **extra)


class Forbidden(PlatformError):
    status = 403
    title = Text("没有权限", "Not allowed")


class NotFound(PlatformError):
    status = 404
    title = Text("没有找到", "Not found")


class Conflict(PlatformError):
    status = 409
    title = Text("与现状冲突", "Conflict with the present state")


class TooLarge(PlatformError):
    status = 413
    title = Text("内容太大", "Content too large")


class UnsupportedMedia(PlatformError):
    status = 415
    title = Text("不支持的内容类型", "Unsupported media type")


class Invalid(PlatformError):
    status = 422
    title = Text("内容有误", "Fields are wrong")

    def __init__(
        self, errors: Sequence[FieldError], code: str = "invalid", *, more_errors: int = 0, **extra: Any
    ) -> None:
        words = places_words(len(errors) + more_errors)
        super().__init__(code, zh=words.zh, en=words.en, errors=errors, more_errors=more_errors, **extra)


class TooMany(PlatformError):
    status = 429
    title = Text("请求太多", "Too many requests")

    def __init__(self, code: str, *, zh: str, en: str, retry_after: int, **extra: Any) -> None:
        super().__init__(code, zh=zh, en=en, headers={"Retry-After": str(retry_after)}, **extra)


class Unavailable(PlatformError):
    status = 503
    title = Text("暂时不可用", "Temporarily unavailable")

    def __init__(self, code: str = "unavailable", *, zh: str, en: str, retry_after: int = 5, **extra: Any) -> None:
        super().__init__(code, zh=zh, en=en, headers={"Retry-After": str(retry_after)}, **extra)


def field_error(code: str, zh: str, en: str) -> PydanticCustomError:
    """What a pydantic validator raises so that its words reach the client in both languages with the right pointer."""
    return PydanticCustomError(code, "{en}", {"zh": zh, "en": en})
