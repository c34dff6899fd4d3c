"""Which database errors speak of the value and not of the database."""

from sqlalchemy.exc import DataError, DBAPIError


def is_bad_value(error: DBAPIError) -> bool:
    """The database cannot hold a value that it was given (SQLSTATE class 22), for example the character U+0000, which
    PostgreSQL has not and SQLite has. SQLAlchemy does not make a DataError of all that asyncpg raises in this class.
    """
    state = getattr(error.orig, "sqlstate", None) or ""
    return isinstance(error, DataError) or str(state).startswith("22")
