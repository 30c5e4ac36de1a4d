"""What a trial's file gets right of examples that it was trained on: NULL in older rows.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    for name in ("training_correct", "training_examples"):
        op.add_column("trials", sa.Column(name, sa.Integer))
