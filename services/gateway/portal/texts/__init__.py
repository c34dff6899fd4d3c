"""Every string of the pages: key -> (Chinese, English). `{name}` parts are filled in with `Words.__call__`."""

from services.gateway.portal.formats import Lang
from services.gateway.portal.texts.city import CITY
from services.gateway.portal.texts.common import COMMON
from services.gateway.portal.texts.credit import CREDIT
from services.gateway.portal.texts.food import FOOD
from services.gateway.portal.texts.service import SERVICE

_ALL = (COMMON, CITY, CREDIT, FOOD, SERVICE)
TEXTS: dict[str, tuple[str, str]] = {key: text for part in _ALL for key, text in part.items()}
if len(TEXTS) != sum(len(part) for part in _ALL):
    raise RuntimeError("a text key is used twice")


class Words:
    """The texts in one language; an unknown key is a KeyError, never an empty place on a page."""

    def __init__(self, lang: Lang) -> None:
        self.lang = lang
        self._column = 0 if lang == "zh" else 1

    def __call__(self, key: str, **values: object) -> str:
        text = TEXTS[key][self._column]
        return text.format(**values) if values else text
