"""`pinzhi backup`, `pinzhi restore`, `pinzhi doctor`."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from deploy.cli.errors import CliError
from deploy.cli.events import Bus
from deploy.cli.maintenance import DataDir, Postgres

T = TypeVar("T")


def backup(
    target: Annotated[Path, typer.Argument(help="Folder of the backup; it must not be there yet")],
    data_dir: DataDir = Path("var"),
    postgres: Postgres = "",
    bus: Bus = "",
) -> None:
    """Copy databases, log, attachments and keys as of one moment, beside running services."""
    from deploy.backup import take
    from deploy.backup.places import places

    made = _told(lambda: take.take(places(data_dir, postgres, bus), target))
    print(take.summary(made))
    print(f"备份完成 / backup complete: {target}")


def restore(
    source: Annotated[Path, typer.Argument(help="Folder that `pinzhi backup` made")],
    data_dir: DataDir = Path("var"),
    postgres: Postgres = "",
    bus: Bus = "",
    force: Annotated[bool, typer.Option("--force", help="Drop what is there")] = False,
) -> None:
    """Put a backup back, while no service runs."""
    from deploy.backup import restore as put_back
    from deploy.backup.places import places

    where = _told(lambda: places(data_dir, postgres, bus))
    found = _told(lambda: put_back.restore(source, where, force=force, say=lambda line: print(line, flush=True)))
    print(f"已恢复到 {found.taken_at} / restored as of {found.taken_at}; start the services now")


def doctor(
    data_dir: DataDir = Path("var"),
    postgres: Postgres = "",
    bus: Bus = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document")] = False,
) -> None:
    """Tell what is damaged and which command helps; exit code 1 when something is."""
    import deploy.backup.doctor as looks
    from deploy.backup.places import places

    findings = _told(lambda: looks.examine(places(data_dir, postgres, bus)))
    print(looks.as_json(findings) if as_json else looks.as_text(findings))
    raise typer.Exit(1 if any(finding.bad for finding in findings) else 0)


def _told(work: Callable[[], T]) -> T:
    """What an operator can mend, in one line."""
    from sqlalchemy.exc import SQLAlchemyError

    from shared import failpoints
    from shared.settings import ServiceSettings

    failpoints.arm(ServiceSettings().failpoints)
    try:
        return work()
    except sqlite3.DatabaseError as error:
        raise CliError(
            f"数据库文件已损坏或被占用 / a database file is damaged or held: {error}; see `pinzhi doctor`"
        ) from error
    except (SQLAlchemyError, OSError) as error:
        raise CliError(f"{str(error).splitlines()[0]}") from error
