"""`pinzhi`: start the platform, look after clients and users, import areas, migrate, back up,
restore, verify the audit log.

Commands import what they need when they run, so that `pinzhi up` of an installed, migrated system starts fast.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli import accounts, areas, backups, events, maintenance, units
from deploy.cli.errors import told_in_one_line

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
accounts.clients.command("kafka")(units.kafka)
app.add_typer(accounts.clients, name="clients")
app.add_typer(accounts.users, name="users")
app.add_typer(areas.areas, name="areas")
app.add_typer(maintenance.audit, name="audit")
app.add_typer(events.events, name="events")
app.add_typer(events.topics, name="topics")
app.command("migrate")(maintenance.migrate)
app.command("backup")(backups.backup)
app.command("restore")(backups.restore)
app.command("doctor")(backups.doctor)


@app.command()
def up(
    data_dir: Annotated[Path, typer.Option(help="Everything that is written goes here")] = Path("var"),
    port: Annotated[int, typer.Option(help="Gateway; the services take the three ports after it")] = 8000,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Demo accounts and data")] = False,
    reload: Annotated[bool, typer.Option("--reload", help="Start again when the code changes")] = False,
    postgres: Annotated[str, typer.Option(help="postgresql://user@host:port, one database for each service")] = "",
    bus: Annotated[str, typer.Option(help="Bus other than the embedded one")] = "",
) -> None:
    """Start indicators, credit, traceability and gateway on this machine; Ctrl-C stops them."""
    from deploy.cli.up import Options, run

    run(Options(data_dir=data_dir, port=port, demo=demo, reload=reload, postgres=postgres, bus=bus))


@app.command()
def serve(
    service: Annotated[str, typer.Argument(help="indicators, credit, traceability or gateway")],
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    port: Annotated[int, typer.Option()] = 8000,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="First bring its schema up to date; PINZHI_DEMO=true adds demo accounts")
    ] = False,
    with_parent: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run one service in this process, configured by the environment (PINZHI_*); for containers."""
    from deploy.cli.serve import check_service, serve_here, settings_of

    if with_parent:
        from deploy.cli.up import die_with

        die_with(os.getppid())

    which = check_service(service)
    if prepare:
        from deploy.cli.prepare import prepare_one

        prepare_one(which, settings_of(which))
    serve_here(which, host, port)


def main() -> None:
    """Errors that a user can mend are one line and exit code 2. What is written is its owner's alone."""
    os.umask(0o077)
    with told_in_one_line():
        app(standalone_mode=True)


if __name__ == "__main__":
    main()
