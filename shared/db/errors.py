"""Which errors speak of the value, or of the work, and not of the database."""

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.db.faults import fault_of
from shared.db.types import OutOfRange


def is_bad_value(error: DBAPIError) -> bool:
    """The database cannot hold a value that it was given (SQLSTATE class 22), for example the character U+0000, which
    PostgreSQL has not and SQLite has. SQLAlchemy does not make a DataError of all that asyncpg raises in this class.
    """
    state = getattr(error.orig, "sqlstate", None) or ""
    return isinstance(error, DataError) or str(state).startswith("22")


def is_out_of_range(error: BaseException) -> bool:
    """A number that its column cannot hold, as `Fixed`, PostgreSQL, its driver and that of SQLite each tell it."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    if isinstance(cause, OverflowError):
        return "SQLite INTEGER" in str(cause)
    state = str(getattr(cause, "sqlstate", None) or "")
    return isinstance(cause, OutOfRange) or state == "22003" or (state[:2] == "22" and "value out of int" in str(cause))


def is_transient(error: BaseException) -> bool:
    """Whether trying again later may help: the storage, the connection or a lock failed, not the event or the work."""
    if fault_of(error) is not None:
        return True
    if isinstance(error, DBAPIError):
        return not (is_bad_value(error) or isinstance(error, IntegrityError | ProgrammingError))
    return isinstance(error, PoolTimeout | OSError | TimeoutError)
