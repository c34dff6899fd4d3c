"""Why a PostgreSQL cannot be reached, in one line for an operator."""

import socket
import ssl

from shared.db.address import Address

POOLER = "set PINZHI_DATABASE_POOLER=transaction (or pooler=transaction in the address)"


def reason(address: Address, error: BaseException) -> str:
    """`error` is what a connect or a first statement raised; SQLAlchemy's wrapping is taken off."""
    import asyncpg

    error = _inside(error)
    text = (str(error).splitlines() or [""])[0] or type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        said = f"its certificate is refused: {error.verify_message}; see sslrootcert and the host name in the address"
    elif isinstance(error, ssl.SSLError):
        said = f"TLS failed: {getattr(error, 'reason', None) or text}; see sslmode, sslrootcert, sslcert and sslkey"
    elif isinstance(error, socket.gaierror):
        said = "the host name is unknown"
    elif isinstance(error, ConnectionRefusedError):
        said = "nothing listens there"
    elif isinstance(error, TimeoutError):
        said = f"no answer within {address.timeout:.0f} s"
    elif isinstance(error, FileNotFoundError | PermissionError):
        said = f"a file or socket that the address names cannot be read: {error}"
    elif isinstance(error, ConnectionError) and "SSL" in text:
        said = "the server speaks no TLS, and sslmode demands it"
    elif isinstance(error, asyncpg.InvalidPasswordError):
        said = f"the password of {address.user or 'this user'} is wrong"
    elif isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        said = f"the server lets {address.user or 'this user'} not in: {text}; see pg_hba.conf, sslmode and sslcert"
    elif isinstance(error, asyncpg.InvalidCatalogNameError):
        said = f"there is no database {address.database!r}; create it, or run `pinzhi up` with an account that may"
    elif needs_pooler(error):
        said = f"a PgBouncer in transaction mode stands before it; {POOLER}. {text}"
    else:
        said = text
    return f"PostgreSQL at {address}: {said}"


def needs_pooler(error: BaseException) -> bool:
    """Whether the error is that of a session which a pooler took away."""
    import asyncpg

    error = _inside(error)
    lost = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
    return isinstance(error, lost) or "unsupported startup parameter" in str(error)


def _inside(error: BaseException) -> BaseException:
    """The driver's own error."""
    while (within := getattr(error, "orig", None) or getattr(error, "driver_exception", None)) is not None:
        if within is error:
            break
        error = within
    cause = error.__cause__
    if type(error).__module__.startswith("sqlalchemy") and cause is not None:
        return cause
    return error
