"""Icons as symbols of one inline sprite that holds only what the page uses (`icons.svg`). Outlines differ, so that a
grey print still reads."""

import re
from pathlib import Path

from markupsafe import Markup

_SYMBOL = re.compile(r'<symbol id="i-(\w+)".*?</symbol>')

ICONS: dict[str, str] = {
    found[1]: found[0] for found in _SYMBOL.finditer((Path(__file__).parent / "icons.svg").read_text(encoding="utf-8"))
}


class Sprite:
    """Draws the icons of one page and remembers which, so that the sprite at its end holds just these."""

    def __init__(self) -> None:
        self._used: dict[str, None] = {}

    def icon(self, name: str) -> Markup:
        if name not in ICONS:
            raise KeyError(name)
        self._used[name] = None
        return Markup(
            '<svg class="i" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><use href="#i-{}"/></svg>'
        ).format(name)

    def sprite(self) -> Markup:
        symbols = "".join(ICONS[name] for name in self._used)
        # Only the project's own drawings are joined here.
        return Markup(f'<svg class="vh" aria-hidden="true" focusable="false">{symbols}</svg>')  # noqa: S704
