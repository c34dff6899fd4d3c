"""A new domain that runs at once: one record with a table, written by departments in their area, read and listed."""

import re
import subprocess
import sys
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parents[2]
_TEMPLATES = Path(__file__).with_name("templates")


def new_domain(service: str, name: str) -> list[Path]:
    """Write the folder and its test, and take it into the service's list, as its highest layer. Paths are relative to
    the project. Raises ValueError when there is one of this name."""
    folder = ROOT / "services" / service / name
    if folder.exists():
        raise ValueError(f"services/{service}/{name} is there already")
    words = {"service": service, "name": name, "NAME": name.upper(), "record": singular(name)}
    words["Record"] = "".join(part.title() for part in words["record"].split("_"))
    made = [folder / path.name.removesuffix(".txt") for path in sorted(_TEMPLATES.glob("*.py.txt"))]
    made.append(ROOT / "tests" / service / f"test_{name}.py")
    folder.mkdir()
    for path in made:
        template = "test.txt" if path.parent != folder else f"{path.name}.txt"
        path.write_text(Template((_TEMPLATES / template).read_text("utf-8")).substitute(words), "utf-8")
    app = ROOT / "services" / service / "app.py"
    app.write_text(listed(app.read_text("utf-8"), service, name), "utf-8")
    changed = [*made, app]
    for command in (["check", "--fix-only", "--quiet"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, *map(str, changed)], cwd=ROOT, check=True)
    return [path.relative_to(ROOT) for path in changed]


def singular(name: str) -> str:
    """`repairs` -> `repair`, `enquiries` -> `enquiry`; as it is where it has no plural's end."""
    if name.endswith("ies"):
        return name[:-3] + "y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def listed(app: str, service: str, name: str) -> str:
    """`app.py` with the domain as the last of its list, before the attachments, which know every domain's files."""
    line = f"from services.{service}.{name}.domain import {name.upper()}\n"
    app = app.replace(f"from services.{service}.", line + f"from services.{service}.", 1)
    whole = re.search(r"^DOMAINS = \[(.*?)\n?\]$", app, re.MULTILINE | re.DOTALL)
    if whole is None:
        raise ValueError(f"services/{service}/app.py has no list DOMAINS")
    entries = [entry.strip() for entry in re.split(r",(?![^(]*\))", whole[1]) if entry.strip()]
    place = next((n for n, entry in enumerate(entries) if entry.startswith("attachments(")), len(entries))
    entries.insert(place, name.upper())
    return (
        app[: whole.start()]
        + "DOMAINS = [\n"
        + "".join(f"    {entry},\n" for entry in entries)
        + "]"
        + app[whole.end() :]
    )
