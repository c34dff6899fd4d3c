"""Public texts in Chinese (first) and English."""

from typing import Literal, NamedTuple

Lang = Literal["zh", "en"]


class Text(NamedTuple):
    zh: str
    en: str

    def __call__(self, lang: Lang) -> str:
        return self.en if lang == "en" else self.zh


def negotiate(accept_language: str | None) -> Lang:
    """`en` only where the client ranks English above Chinese; Chinese otherwise (RFC 9110 section 12.5.4)."""
    best: dict[str, float] = {}
    for part in (accept_language or "").split(","):
        tag, _, params = part.strip().partition(";")
        primary = tag.strip().lower().split("-")[0]
        quality = 1.0
        if params.strip().startswith("q="):
            try:
                quality = float(params.strip()[2:])
            except ValueError:
                quality = 0.0
        best[primary] = max(best.get(primary, 0.0), quality)
    chinese = best.get("zh", best.get("*", 0.0))
    return "en" if best.get("en", 0.0) > chinese else "zh"
