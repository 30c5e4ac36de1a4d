"""Which schema a database has, and bringing it to this version's."""

from __future__ import annotations

from functools import cache
from typing import Literal

import alembic.command
import alembic.config
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from minbits.errors import LedgerError
from minbits.ledger.schema import TABLES

State = Literal["empty", "older", "current"]


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
    if "alembic_version" not in tables:
        if clash := sorted(tables & set(TABLES)):
            raise _no_ledger(name, f"a database with a table {clash[0]!r} that is no ledger")
        if tables and connection.dialect.name == "sqlite":
            raise _no_ledger(name, "a database of something else")
        return None
    found = [
        row[0] for row in connection.execute(sa.text("SELECT version_num FROM alembic_version"))
    ]
    if not found:
        return None
    if unknown := [version for version in found if version not in known_versions()]:
        raise LedgerError(
            f"ledger {name}",
            f"schema version {unknown[0]}",
            f"at most {current_version()}",
            "It was written by a newer minbits and is left as it was: update minbits.",
        )
    return str(found[0])


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
        f"ledger {name}", got, "a ledger or an empty database", "Choose another with --ledger."
    )
