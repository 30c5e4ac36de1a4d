"""What a ledger's file may not hold: views and triggers in the place of what minbits made.

Whoever made the file decides what its tables are. A view named ``trials`` may have no end, a
virtual table or a generated column may compute what it likes, and a trigger runs whenever a row is
appended.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from minbits.ledger.schema import RESERVATIONS, TABLES

_OURS = {*TABLES, RESERVATIONS.name, "alembic_version"}
# What the migrations make: triggers that look into no other table, and do nothing but refuse.
_REFUSING_TRIGGER = re.compile(
    r"CREATE TRIGGER \w+ (?:BEFORE|AFTER) (?:INSERT|UPDATE|DELETE) ON (\w+) "
    r"(?:WHEN (?:EXISTS \(SELECT 1 FROM \1 WHERE [\w.= ]+\)|NEW\.rowid < 1) )?"
    r"BEGIN SELECT RAISE\(ABORT, '[\w ,-]*'\); END"
)
_MASTER = sa.text("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master")


def foreign_object(connection: Connection) -> str | None:
    """Return in words what in an SQLite file cannot be part of a ledger, or None."""
    for kind, name, table, root_page, sql in connection.execute(_MASTER):
        if str(table).lower() not in _OURS:
            continue
        if kind == "trigger" and _REFUSING_TRIGGER.fullmatch(str(sql)) is None:
            return f"a trigger {str(name)!r} that minbits did not make"
        if str(name).lower() not in _OURS:
            continue
        if kind != "table" or not root_page:
            return f"a {'view' if kind == 'view' else 'virtual table'} in place of the table {name}"
        if _has_generated_column(connection, str(name)):
            return f"a table {name} with a generated column"
    return None


def _has_generated_column(connection: Connection, table: str) -> bool:
    query = sa.text("SELECT 1 FROM pragma_table_xinfo(:table) WHERE hidden != 0")
    return connection.execute(query, {"table": table}).first() is not None
