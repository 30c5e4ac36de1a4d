"""A ledger in a PostgreSQL database, which many machines append to at once."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

from minbits.errors import LedgerError
from minbits.ledger.database import Database
from minbits.ledger.migrate import current_version, schema_version, state_of, upgrade
from minbits.ledger.schema import TABLES
from minbits.ledger.secrets import masking, shown_url

# Serialisation failure, deadlock, lock not available, and a server that stops or starts.
_PASSING = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03"}
_DISK_FULL = "53100"
_UNIQUE_VIOLATION = "23505"
_NUMBERS = {f"{name}_pkey" for name, table in TABLES.items() if "id" in table.c}
# Any number, the same in every version: whoever migrates holds this lock.
_MIGRATION_LOCK = 7_021_988_431
_CONNECT_SECONDS = 10


class _Rules:
    """The server sorts out who writes when; what passes is a connection that was lost."""

    def __init__(self) -> None:
        self.was_connected = False

    def passing_trouble(self, error: Exception) -> str | None:
        if not self.was_connected or not isinstance(error, sa.exc.DBAPIError):
            return None  # a server that was never there is more likely a wrong address
        state = getattr(error.orig, "sqlstate", None)
        lost = error.connection_invalidated or (
            state is None and isinstance(error, sa.exc.OperationalError)
        )
        if lost or state in _PASSING:
            return "the server does not answer" if lost else f"the server says {state}"
        if state == _UNIQUE_VIOLATION and _constraint(error) in _NUMBERS:
            # Somebody has inserted a row with a number of his own choice: the next one is free.
            return "another row has the number"
        return None

    def storage_trouble(self, error: Exception) -> str | None:
        is_full = getattr(getattr(error, "orig", error), "sqlstate", None) == _DISK_FULL
        return "no space left on the server's disk" if is_full else None

    def was_interrupted(self, error: Exception) -> bool:
        return False  # the driver itself lets signals in while it waits

    def begin(self, connection: Connection, writes: bool) -> None:
        self.was_connected = True
        if not writes:
            # All that one transaction reads is as of one moment, as SQLite does it anyway.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _constraint(error: sa.exc.DBAPIError) -> str | None:
    found: str | None = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return found


def open_server(url: URL) -> Database:
    """Open the ledger in a PostgreSQL database for appending; tables are made if there are none.

    An older schema is migrated in one transaction, which first copies the tables into a schema
    ``SCHEMA_before_VERSION``: all of it happens, or nothing.

    Raises:
        LedgerError: if the database cannot be used, or a newer minbits wrote its ledger.
    """
    database = _connected(url)
    name = database.name
    try:
        # Looking takes no lock; whoever finds something to do looks again under one.
        version = database.read(lambda connection: schema_version(connection, name))
        if state_of(version) != "current":
            database.write(lambda connection: _migrate(connection, name))
    except BaseException:
        database.close()
        raise
    return database


def open_server_to_read(url: URL) -> Database:
    """Open the ledger in a PostgreSQL database for reading: it stays exactly as it is.

    Raises:
        LedgerError: if there is none, if it has another version's schema, or if it cannot be read.
    """
    database = _connected(url)
    name = database.name
    try:
        version = database.read(lambda connection: schema_version(connection, name))
    except BaseException:
        database.close()
        raise
    if state_of(version) == "current":
        return database
    database.close()
    got = "a database without one" if version is None else f"schema version {version}"
    raise LedgerError(
        f"ledger {name}", got, f"a ledger of version {current_version()}",
        "Whoever owns it opens it once for appending, as `minbits ledger verify` does.",
    )  # fmt: skip


def _connected(url: URL) -> Database:
    name = shown_url(url)
    try:
        engine = sa.create_engine(
            url,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": _CONNECT_SECONDS,
                "application_name": "minbits",
            },
        )
        engine.dialect.create_connect_args(url)  # which fails where a part of it is no address
    except (sa.exc.ArgumentError, ValueError):
        # Not repeated: it may hold a password.
        raise LedgerError(
            f"ledger {name}", "an address that cannot be read", "a URL of a PostgreSQL database",
            "Correct it.",
        ) from None  # fmt: skip
    except ModuleNotFoundError as error:
        raise LedgerError(
            f"ledger {name}", "no psycopg", "the driver", "pip install 'minbits[postgres]'"
        ) from error
    return Database(name, engine, _Rules(), mask=masking(url))


def _migrate(connection: Connection, name: str) -> None:
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    version = schema_version(connection, name)
    if state_of(version) == "current":
        return
    if version is not None:
        _back_up(connection)
    upgrade(connection)


def _back_up(connection: Connection) -> None:
    """Copy the tables as they are before the migration; artifacts' contents never change."""
    here = connection.execute(sa.select(sa.func.current_schema())).scalar_one()
    quote = connection.dialect.identifier_preparer.quote
    copy = quote(f"{here}_before_{current_version()}")
    connection.exec_driver_sql(f"CREATE SCHEMA {copy}")
    present = set(sa.inspect(connection).get_table_names())
    for table in TABLES:
        if table in present:
            connection.exec_driver_sql(f"CREATE TABLE {copy}.{table} AS TABLE {table}")
