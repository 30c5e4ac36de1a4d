"""Artifacts, trials and claims, which no statement may change or remove.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

# Written out, not taken from the schema module: a migration stays what it was when it was released.
_TABLES = ("artifacts", "trials", "claims")


def upgrade() -> None:
    op.create_table(
        "artifacts",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "trials",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("row_hash", sa.String(64), nullable=False),
        sa.Column("data_name", sa.Text, nullable=False),
        sa.Column("data_digest", sa.String(64), nullable=False),
        sa.Column("target_accuracy", sa.Float, nullable=False),
        sa.Column("candidate", sa.Text, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("code_version", sa.Text, nullable=False),
        sa.Column("libraries", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("validation_correct", sa.Integer),
        sa.Column("validation_examples", sa.Integer),
        sa.Column("size_bits", sa.Integer),
        sa.Column("artifact_sha256", sa.String(64), sa.ForeignKey("artifacts.sha256")),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_index("trials_by_data", "trials", ["data_digest", "candidate"])
    op.create_table(
        "claims",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("row_hash", sa.String(64), nullable=False),
        sa.Column("data_name", sa.Text, nullable=False),
        sa.Column("data_digest", sa.String(64), nullable=False),
        sa.Column("target_accuracy", sa.Float, nullable=False),
        sa.Column(
            "artifact_sha256", sa.String(64), sa.ForeignKey("artifacts.sha256"), nullable=False
        ),
        sa.Column("size_bits", sa.Integer, nullable=False),
        sa.Column("n_test", sa.Integer, nullable=False),
        sa.Column("correct", sa.Integer, nullable=False),
        sa.Column("wilson_low", sa.Float, nullable=False),
        sa.Column("wilson_high", sa.Float, nullable=False),
        sa.Column("code_version", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_index("claims_by_data", "claims", ["data_digest", "size_bits"])
    for table in _TABLES:
        _forbid_changes(table)


def _forbid_changes(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION minbits_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        )
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
