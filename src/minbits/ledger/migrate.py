"""Which schema a database has, and bringing it to this version's."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

import alembic.command
import alembic.config
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from minbits.errors import LedgerError
from minbits.ledger.foreign_objects import foreign_object
from minbits.ledger.schema import RESERVATIONS, TABLES

State = Literal["empty", "older", "current"]

_VERSION_TABLE = "alembic_version"
# Those of version 0001.
_FIRST_TABLES = ("artifacts", "trials", "claims")
_SHOWN_LENGTH = 20
_UNUSUAL = re.compile(r"[^\w.-]")


def _config() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", "minbits.ledger:migrations")
    return config


@cache
def known_versions() -> tuple[str, ...]:
    """Return every schema version that this minbits knows, oldest first."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(reversed([script.revision for script in scripts]))


def current_version() -> str:
    """Return the schema version that this minbits writes."""
    return known_versions()[-1]


def schema_version(connection: Connection, name: str) -> str | None:
    """Return the version of a database's schema, None for one without a ledger.

    Raises:
        LedgerError: if a newer minbits wrote it, or its tables are those of something else.
    """
    inspector = sa.inspect(connection)
    tables = set(inspector.get_table_names())
    if connection.dialect.name == "sqlite" and (found := foreign_object(connection)) is not None:
        raise _no_ledger(name, found)
    if _VERSION_TABLE not in tables:
        if clash := sorted(tables & set(TABLES)):
            raise _no_ledger(name, f"a database with a table {clash[0]!r} that is no ledger")
        if tables and connection.dialect.name == "sqlite":
            raise _no_ledger(name, "a database of something else")
        return None
    query = sa.text(f"SELECT version_num FROM {_VERSION_TABLE} LIMIT 1")
    version = connection.execute(query).scalar()
    if version is None:
        return None
    if version not in known_versions():
        raise LedgerError(
            f"ledger {name}",
            f"schema version {_UNUSUAL.sub('?', str(version)[:_SHOWN_LENGTH])}",
            f"at most {current_version()}",
            "It was written by a newer minbits and is left as it was: update minbits.",
        )
    if missing := sorted(_tables_of(version) - tables):
        raise _no_ledger(name, f"a ledger without a table {missing[0]!r}")
    return str(version)


def _tables_of(version: str) -> set[str]:
    """Return tables that a ledger of a version has; of an older one not all."""
    if version == current_version():
        return {*TABLES, RESERVATIONS.name}
    return set(_FIRST_TABLES)


def state_of(version: str | None) -> State:
    """Return what a known version asks for."""
    if version is None:
        return "empty"
    return "current" if version == current_version() else "older"


def upgrade(connection: Connection) -> None:
    """Run the migrations that are due, inside the connection's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, "head")


def _no_ledger(name: str, got: str) -> LedgerError:
    return LedgerError(
        f"ledger {name}", got, "a ledger or an empty database", "Choose another with `ledger`."
    )
