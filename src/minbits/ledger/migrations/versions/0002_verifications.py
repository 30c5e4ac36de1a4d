"""Rows known by the same name in every ledger; verifications; energy; files in a server's ledger.

Revision ID: 0002
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None

_ROWS_AT_ONCE = 500


def upgrade() -> None:
    on_server = op.get_bind().dialect.name == "postgresql"
    for table in ("trials", "claims"):
        _allow_changes(table, on_server)
        op.add_column(table, sa.Column("uid", sa.String(32)))
        op.add_column(table, sa.Column("energy_joules", sa.Float))
        if table == "claims":
            op.add_column(table, sa.Column("libraries", sa.Text))
        _name_rows(table)
        with op.batch_alter_table(table) as batch:
            batch.alter_column("uid", existing_type=sa.String(32), nullable=False)
            if on_server:
                batch.alter_column("size_bits", type_=sa.BigInteger)
        op.create_index(f"{table}_by_uid", table, ["uid"], unique=True)
        _forbid_changes(table, on_server)
    op.create_index("trials_by_artifact", "trials", ["artifact_sha256"])
    op.create_table(
        "verifications",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("row_hash", sa.String(64), nullable=False),
        sa.Column("data_name", sa.Text, nullable=False),
        sa.Column("data_digest", sa.String(64), nullable=False),
        sa.Column("claim_uid", sa.String(32), sa.ForeignKey("claims.uid"), nullable=False),
        sa.Column(
            "artifact_sha256", sa.String(64), sa.ForeignKey("artifacts.sha256"), nullable=False
        ),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("n_test", sa.Integer),
        sa.Column("correct", sa.Integer),
        sa.Column("code_version", sa.Text, nullable=False),
        sa.Column("libraries", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("energy_joules", sa.Float),
    )
    op.create_index("verifications_by_uid", "verifications", ["uid"], unique=True)
    op.create_index("verifications_by_claim", "verifications", ["claim_uid"])
    _forbid_changes("verifications", on_server)
    if on_server:
        op.alter_column("artifacts", "size_bytes", type_=sa.BigInteger)
        op.create_table(
            "artifact_contents",
            sa.Column("sha256", sa.String(64), sa.ForeignKey("artifacts.sha256"), primary_key=True),
            sa.Column("content", sa.LargeBinary, nullable=False),
        )
        # The database would try to compress again what is coded to the last bit.
        op.execute("ALTER TABLE artifact_contents ALTER COLUMN content SET STORAGE EXTERNAL")
        _forbid_changes("artifact_contents", on_server)


def _name_rows(table: str) -> None:
    """Give old rows a name that follows from what they hold: copies of a ledger get the same."""
    bind = op.get_bind()
    rows = bind.execute(sa.text(f"SELECT * FROM {table}")).mappings().all()
    named: list[dict[str, Any]] = []
    for row in rows:
        held = {name: row[name] for name in row if name not in {"uid", "energy_joules"}}
        held.pop("libraries" if table == "claims" else "", None)
        text = json.dumps([table, held], sort_keys=True)
        named.append({"key": row["id"], "uid": hashlib.sha256(text.encode()).hexdigest()[:32]})
    for start in range(0, len(named), _ROWS_AT_ONCE):
        bind.execute(
            sa.text(f"UPDATE {table} SET uid = :uid WHERE id = :key"),
            named[start : start + _ROWS_AT_ONCE],
        )


def _allow_changes(table: str, on_server: bool) -> None:
    if on_server:
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        return
    for action in ("update", "delete"):
        op.execute(f"DROP TRIGGER {table}_no_{action}")


def _forbid_changes(table: str, on_server: bool) -> None:
    if on_server:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION minbits_append_only()"
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
