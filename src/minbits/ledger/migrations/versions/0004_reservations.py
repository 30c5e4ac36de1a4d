"""Seeds that searches reserve; no statement replaces a row, whoever connects and however.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None

# The columns that a row is known by, each alone; those of reservations all together.
_KEYS = {
    "artifacts": ("sha256",),
    "trials": ("uid",),
    "claims": ("uid",),
    "verifications": ("uid",),
}
_RESERVATION_KEY = ("data_digest", "seed", "turn")
_REFUSAL = "the ledger is append-only"


def upgrade() -> None:
    on_server = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "reservations",
        sa.Column("data_digest", sa.String(64), primary_key=True),
        sa.Column("seed", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("turn", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("trials_by_seed", "trials", ["data_digest", "seed"])
    if on_server:
        _forbid_on_server()
        _grant_as_on_trials()
    else:
        _forbid_in_file()


def _forbid_in_file() -> None:
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER reservations_no_{action.lower()} BEFORE {action} ON reservations "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
    # REPLACE removes the row in its way without a trigger of DELETE, unless the connection asks for
    # one. A row may be in the way by its number as well, which tables without one have, too.
    for table, keys in _KEYS.items():
        same = " OR ".join(f"{key} = NEW.{key}" for key in ("rowid", *keys))
        _forbid_replacing(table, same)
        # A number that is not given is -1 while SQLite asks the trigger above.
        op.execute(
            f"CREATE TRIGGER {table}_numbered AFTER INSERT ON {table} WHEN NEW.rowid < 1 "
            "BEGIN SELECT RAISE(ABORT, 'rows are numbered from 1'); END"
        )
    _forbid_replacing("reservations", " AND ".join(f"{k} = NEW.{k}" for k in _RESERVATION_KEY))


def _forbid_replacing(table: str, same: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )


def _forbid_on_server() -> None:
    # ON CONFLICT DO UPDATE and MERGE fire the triggers of UPDATE. Those of a statement do not fire
    # where a row is reached through a table that it was made a child of: those of rows do. ALWAYS:
    # in a session that replays a replica's changes, too.
    for table in (*_KEYS, "artifact_contents", "reservations"):
        op.execute(
            f"CREATE TRIGGER {table}_rows_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION minbits_append_only()"
        )
        if table == "reservations":
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
                f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION minbits_append_only()"
            )
        for trigger in (f"{table}_append_only", f"{table}_rows_append_only"):
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def _grant_as_on_trials() -> None:
    """Let whoever may append trials reserve seeds as well."""
    bind = op.get_bind()
    granted = bind.execute(
        sa.text(
            "SELECT DISTINCT grantee, privilege_type FROM information_schema.role_table_grants "
            "WHERE table_schema = current_schema() AND table_name = 'trials' "
            "AND privilege_type IN ('SELECT', 'INSERT')"
        )
    ).all()
    quote = bind.dialect.identifier_preparer.quote
    for grantee, privilege in granted:
        name = "PUBLIC" if grantee == "PUBLIC" else quote(grantee)
        op.execute(f"GRANT {privilege} ON reservations TO {name}")
