"""The tables of the ledger, as SQLAlchemy Core describes them (docs/ledger.md)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()

ARTIFACTS = Table(
    "artifacts",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("size_bytes", Integer, nullable=False),
    Column("created_at", String(32), nullable=False),
)


def _head() -> tuple[Column[Any], ...]:
    """Return the columns that trials and claims start with."""
    return (
        Column("id", Integer, primary_key=True),
        Column("created_at", String(32), nullable=False),
        Column("row_hash", String(64), nullable=False),
        Column("data_name", Text, nullable=False),
        Column("data_digest", String(64), nullable=False),
        Column("target_accuracy", Float, nullable=False),
    )


def _artifact(nullable: bool) -> Column[Any]:
    key = ForeignKey("artifacts.sha256")
    return Column("artifact_sha256", String(64), key, nullable=nullable)


TRIALS = Table(
    "trials",
    METADATA,
    *_head(),
    Column("candidate", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("libraries", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("error", Text),
    Column("validation_correct", Integer),
    Column("validation_examples", Integer),
    Column("size_bits", Integer),
    _artifact(nullable=True),
    Column("seconds", Float, nullable=False),
    Index("trials_by_data", "data_digest", "candidate"),
)

CLAIMS = Table(
    "claims",
    METADATA,
    *_head(),
    _artifact(nullable=False),
    Column("size_bits", Integer, nullable=False),
    Column("n_test", Integer, nullable=False),
    Column("correct", Integer, nullable=False),
    Column("wilson_low", Float, nullable=False),
    Column("wilson_high", Float, nullable=False),
    Column("code_version", Text, nullable=False),
    Column("machine", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Index("claims_by_data", "data_digest", "size_bits"),
)
