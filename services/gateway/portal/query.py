"""What a page is asked for: path, language and the checked parameters. Everything that is wrong is told at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from fastapi import Request

from services.gateway.portal.formats import Lang
from services.gateway.portal.rendering import lang_of_path
from services.gateway.portal.texts import TEXTS
from shared.clock import shanghai_date
from shared.errors import FieldError, Invalid
from shared.platform import Platform
from shared.web.asof import day_of
from shared.web.routing import platform_of

MAX_TEXT = 100


@dataclass
class Ask:
    """One request for a page. Read the parameters, then call `check()` before using them."""

    request: Request
    lang: Lang
    platform: Platform
    today: date
    _errors: list[FieldError] = field(default_factory=list)

    @classmethod
    def of(cls, request: Request, lang: Lang | None = None) -> "Ask":
        platform = platform_of(request)
        return cls(request, lang or lang_of_path(request.url.path), platform, shanghai_date(platform.clock.now()))

    def path(self, name: str) -> str:
        """A part of the path, without what no name can hold (a NUL would be an error of the database)."""
        return _printable(self.request.path_params[name])

    def text(self, name: str, limit: int = MAX_TEXT) -> str | None:
        value = _printable(self.request.query_params.get(name) or "").strip()
        if len(value) > limit:
            self._wrong(name, "too_long", n=limit)
        return value or None

    def day(self, name: str) -> date | None:
        """A day up to today; today itself is the present, so None."""
        value = self.text(name)
        if value is None:
            return None
        if (parsed := day_of(value)) is None:
            self._wrong(name, "bad_day", value=value)
            return None
        if parsed > self.today:
            self._wrong(name, "future_day")
        return parsed if parsed < self.today else None

    def choice(self, name: str, known: Sequence[str]) -> str | None:
        value = self.text(name)
        if value is not None and value not in known:
            self._wrong(name, "bad_choice", value=value, known="、".join(known))
        return value

    def check(self) -> None:
        if self._errors:
            raise Invalid(self._errors)

    def _wrong(self, name: str, key: str, **values: object) -> None:
        zh, en = (text.format(name=name, **values) for text in TEXTS[key])
        self._errors.append(FieldError(f"?{name}", f"portal.{key}", zh, en))


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
