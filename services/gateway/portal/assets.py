"""The portal's own stylesheets and icon, read once; the address carries the hash of the content."""

import re
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".js": "text/javascript; charset=utf-8"}


class Asset(NamedTuple):
    body: bytes
    media_type: str
    version: str


def compact(css: str) -> str:
    """The stylesheet without comments and needless space: the phone on a slow line pays for every byte."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    css = re.sub(r"\s+", " ", css)
    return re.sub(r";}", "}", re.sub(r" ?([{};]) ?|(?<=[:,]) ", lambda found: found[1] or "", css)).strip()


def _read() -> dict[str, Asset]:
    found = {}
    for path in sorted(ROOT.iterdir()):
        if path.suffix in _TYPES:
            body = path.read_bytes()
            if path.suffix == ".css":
                body = compact(body.decode()).encode()
            found[path.name] = Asset(body, _TYPES[path.suffix], sha256(body).hexdigest()[:10])
    return found


ASSETS = _read()


def url(name: str) -> str:
    return f"/static/{name}?v={ASSETS[name].version}"
