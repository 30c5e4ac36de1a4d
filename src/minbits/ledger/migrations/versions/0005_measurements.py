"""What studies measure.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None

_TABLE = "measurements"
_REFUSAL = "the ledger is append-only"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("row_hash", sa.String(64), nullable=False),
        sa.Column("data_name", sa.Text, nullable=False),
        sa.Column("data_digest", sa.String(64), nullable=False),
        sa.Column("study", sa.String(32), nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("code_version", sa.Text, nullable=False),
        sa.Column("libraries", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("energy_joules", sa.Float),
    )
    op.create_index("measurements_by_uid", _TABLE, ["uid"], unique=True)
    op.create_index("measurements_by_data", _TABLE, ["data_digest", "study"])
    if op.get_bind().dialect.name == "postgresql":
        _forbid_on_server()
        _grant_as_on_trials()
    else:
        _forbid_in_file()


def _forbid_in_file() -> None:
    """Refuse every change of a row; see version 0004 for why each trigger is needed."""
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {_TABLE}_no_{action.lower()} BEFORE {action} ON {_TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        )
    op.execute(
        f"CREATE TRIGGER {_TABLE}_numbered AFTER INSERT ON {_TABLE} WHEN NEW.rowid < 1 "
        "BEGIN SELECT RAISE(ABORT, 'rows are numbered from 1'); END"
    )
    op.execute(
        f"CREATE TRIGGER {_TABLE}_no_replace BEFORE INSERT ON {_TABLE} "
        f"WHEN EXISTS (SELECT 1 FROM {_TABLE} WHERE rowid = NEW.rowid OR uid = NEW.uid) "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )


def _forbid_on_server() -> None:
    refusal = "EXECUTE FUNCTION minbits_append_only()"
    op.execute(
        f"CREATE TRIGGER {_TABLE}_rows_append_only BEFORE UPDATE OR DELETE ON {_TABLE} "
        f"FOR EACH ROW {refusal}"
    )
    op.execute(
        f"CREATE TRIGGER {_TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_TABLE} "
        f"FOR EACH STATEMENT {refusal}"
    )
    for trigger in (f"{_TABLE}_append_only", f"{_TABLE}_rows_append_only"):
        op.execute(f"ALTER TABLE {_TABLE} ENABLE ALWAYS TRIGGER {trigger}")


def _grant_as_on_trials() -> None:
    """Let whoever may read or append trials do so with measurements."""
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
        op.execute(f"GRANT {privilege} ON {_TABLE} TO {name}")
        if privilege == "INSERT":
            op.execute(f"GRANT USAGE ON SEQUENCE {_TABLE}_id_seq TO {name}")
