"""Errors of the EPCIS interface: problem+json whose `type` is the exception that the standard names.

EpcisError
├── ValidationException             400  the document, event or parameter is not valid
├── QueryParameterException         400  a query parameter that is unknown, repeated or not well formed
├── SecurityException               403
├── NoSuchResourceException         404
├── NotAcceptableException          406  a version or format that is not spoken here
├── ResourceAlreadyExistsException  409
├── CaptureLimitExceededException   413
├── QueryTooLargeException          413
└── UnsupportedMediaTypeException   415
"""

from collections.abc import Sequence
from typing import Any

from shared.errors import MOST_ERRORS, FieldError, PlatformError, places_words
from shared.i18n import Lang, Text


class EpcisError(PlatformError):
    """`exception` is the standard's name; `status` and `title` go with it."""

    def __init__(self, exception: str, *, zh: str, en: str, errors: Sequence[FieldError] = (), **extra: Any) -> None:
        super().__init__(f"epcis.{exception}", zh=zh, en=en, errors=errors, **extra)
        self.exception = exception
        self.status, self.title = _EXCEPTIONS[exception]  # type: ignore[misc]

    def to_problem(self, lang: Lang, *, most: int = MOST_ERRORS) -> dict[str, Any]:
        return super().to_problem(lang, most=most) | {"type": f"epcisException:{self.exception}"}


_EXCEPTIONS = {
    "ValidationException": (400, Text("EPCIS 内容有误", "EPCIS validation failed")),
    "QueryParameterException": (400, Text("查询参数有误", "EPCIS query parameter not valid")),
    "SecurityException": (403, Text("没有权限", "Not allowed")),
    "NoSuchResourceException": (404, Text("没有找到", "Resource not found")),
    "NotAcceptableException": (406, Text("无法按要求的格式回答", "Not acceptable")),
    "ImplementationException": (500, Text("服务出错", "Implementation failed")),
    "ResourceAlreadyExistsException": (409, Text("已经存在", "A resource with the identifier already exists")),
    "CaptureLimitExceededException": (413, Text("文件太大", "Capture payload too large")),
    "QueryTooLargeException": (413, Text("结果太多", "Query result too large")),
    "UnsupportedMediaTypeException": (415, Text("不支持的内容类型", "Unsupported media type")),
}


def validation_exception(*, zh: str, en: str, errors: Sequence[FieldError] = (), **extra: Any) -> EpcisError:
    return EpcisError("ValidationException", zh=zh, en=en, errors=errors, **extra)


def invalid(errors: Sequence[FieldError], *, more_errors: int = 0) -> EpcisError:
    words = places_words(len(errors) + more_errors)
    return EpcisError("ValidationException", zh=words.zh, en=words.en, errors=errors, more_errors=more_errors)
