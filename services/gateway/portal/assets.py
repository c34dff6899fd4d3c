"""The portal's own stylesheets and icon, read once; the address carries the hash of the content."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".js": "text/javascript; charset=utf-8"}


class Asset(NamedTuple):
    body: bytes
    media_type: str
    version: str


def _read() -> dict[str, Asset]:
    found = {}
    for path in sorted(ROOT.iterdir()):
        if path.suffix in _TYPES:
            body = path.read_bytes()
            found[path.name] = Asset(body, _TYPES[path.suffix], sha256(body).hexdigest()[:10])
    return found


ASSETS = _read()


def url(name: str) -> str:
    return f"/static/{name}?v={ASSETS[name].version}"
