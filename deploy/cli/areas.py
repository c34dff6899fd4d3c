"""`pinzhi areas import`: towns and villages beside the counties that ship with the platform."""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli.errors import CliError
from deploy.cli.maintenance import DataDir

if TYPE_CHECKING:
    from shared.reference.area_import import Import

areas = typer.Typer(no_args_is_help=True, help="Areas: towns and villages of the city")

MAX_BYTES = 50 * 1024 * 1024
SHOWN = 100
"""Most wrong places that are written out."""


@areas.callback()
def _group() -> None:
    """Areas: towns and villages of the city."""


@areas.command("import")
def import_areas(
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8: code, name, valid_from, valid_to, successor, source")],
    data_dir: DataDir = Path("var"),
    reference_dir: Annotated[
        Path | None,
        typer.Option(envvar="PINZHI_REFERENCE_DIR", help="Where imported areas are kept, if not in the data directory"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file and change nothing")] = False,
) -> None:
    """Import towns and villages (12-digit codes). All rows or none; a running service sees them at its next start.

    Columns may have Chinese headers: 代码, 名称, 启用日期, 有效期止, 继任代码, 来源. valid_to is the last day. The same
    file again changes nothing; rows of codes that it does not name stay.
    """
    from shared.reference import area_import
    from shared.reference import areas as registry

    data = _read(file)
    folder = reference_dir or data_dir / "reference"
    target = folder / "areas.csv"
    try:
        with _alone(folder, dry_run):
            before = registry.imported(target) if target.exists() else []
            result = area_import.read(data, registry.shipped(), {area.code: area for area in before})
            if result.wrong:
                _refuse(file, result)
            if not dry_run and (result.added or result.changed):
                registry.store(target, result.areas.values())
    except registry.BrokenFile as error:
        raise CliError(str(error)) from error
    except OSError as error:
        raise CliError(f"{folder} cannot be written: {error.strerror}; choose another --data-dir") from error
    print(f"{result.added} new, {result.changed} changed, {result.unchanged} known already")
    if dry_run:
        print("dry run: nothing was changed")
    elif result.added or result.changed:
        print(f"kept in {target}; a running service sees them at its next start")


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise CliError(f"{file} is larger than {MAX_BYTES // 1024 // 1024} MiB; import it in parts")
        return file.read_bytes()
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}") from error


@contextmanager
def _alone(folder: Path, dry_run: bool) -> Iterator[None]:
    """One import at a time: each builds on the file that the one before left."""
    if dry_run:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _refuse(file: Path, result: "Import") -> None:
    for wrong in result.wrong[:SHOWN]:
        print(wrong, file=sys.stderr)
    if len(result.wrong) > SHOWN:
        print(f"... and {len(result.wrong) - SHOWN} more", file=sys.stderr)
    count = len(result.wrong)
    places = "1 place is" if count == 1 else f"{count} places are"
    raise CliError(f"{places} wrong in {file}; nothing was imported")
