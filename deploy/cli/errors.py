"""Errors that the one who typed the command can mend."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class CliError(Exception):
    """One clear line: what is wrong and what to do."""


def check_files(files: Iterable[tuple[str, Path]]) -> None:
    """`(service or "bus", file)`: raises CliError for the first one that is damaged, or not what it should be."""
    from shared.db.files import problem_of

    for service, path in files:
        problem = problem_of(path, service)
        if problem is not None:
            raise CliError(
                f"{path} {problem}; `pinzhi doctor --data-dir {path.parent}` tells what is damaged, "
                "`pinzhi restore` brings a backup back"
            )


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Errors that a user can mend are one line and exit code 2: ours, and what ails the storage."""
    try:
        yield
    except CliError as error:
        print(f"pinzhi: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    except Exception as error:
        from shared.db.faults import fault_of, words_of

        fault = fault_of(error)
        if fault is None:
            raise
        print(f"pinzhi: {fault.en} ({words_of(error)}); `pinzhi doctor` tells which file", file=sys.stderr)
        raise SystemExit(2) from error
