"""A migration from the difference between a service's models and its newest revision; to be read before it is used."""

import tempfile
from pathlib import Path

from shared.db.migrate import ROOT, head, make_revision, upgrade


def new_migration(service: str, name: str) -> list[Path]:
    """Raises ValueError when the models have nothing that the newest revision has not."""
    number = f"{int(head(service)) + 1:04}"
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/{service}.db"
        upgrade(service, url)
        make_revision(service, url, name.replace("_", " "), number)
    (path,) = (ROOT / service / "migrations" / "versions").glob(f"{number}_*.py")
    text = path.read_text("utf-8")
    if "op." not in text.partition("def upgrade")[2]:
        path.unlink()
        raise ValueError(
            f"the models of {service} are as its newest revision {head(service)}: there is nothing to migrate"
        )
    return [path.relative_to(ROOT.parent)]
