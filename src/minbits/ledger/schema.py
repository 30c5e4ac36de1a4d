"""The tables of the ledger, as SQLAlchemy Core describes them (docs/ledger.md)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()

# SQLite's integers have 64 bits, whatever they are called.
_Bits = Integer().with_variant(BigInteger(), "postgresql")

ARTIFACTS = Table(
    "artifacts",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("size_bytes", _Bits, nullable=False),
    Column("created_at", String(32), nullable=False),
)

# Of ledgers on a server alone: beside a ledger in a file, its artifacts are files too.
ARTIFACT_CONTENTS = Table(
    "artifact_contents",
    MetaData(),
    Column("sha256", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)


def _head() -> tuple[Column[Any], ...]:
    """Return the columns that all rows but those of artifacts start with.

    ``uid`` is what a row is known by in every ledger that it is copied to; ``id`` is its number in
    this one.
    """
    return (
        Column("id", Integer, primary_key=True),
        Column("uid", String(32), nullable=False),
        Column("created_at", String(32), nullable=False),
        Column("row_hash", String(64), nullable=False),
        Column("data_name", Text, nullable=False),
        Column("data_digest", String(64), nullable=False),
    )


def _made_by(libraries_known: bool = True) -> tuple[Column[Any], ...]:
    """Return the columns that say what made a row."""
    return (
        Column("code_version", Text, nullable=False),
        Column("libraries", Text, nullable=not libraries_known),
        Column("machine", Text, nullable=False),
        Column("seconds", Float, nullable=False),
        Column("energy_joules", Float),
    )


def _artifact(nullable: bool) -> Column[Any]:
    key = ForeignKey("artifacts.sha256")
    return Column("artifact_sha256", String(64), key, nullable=nullable)


# Of rows since version 0003.
TRAINING_COUNTS = ("training_correct", "training_examples")

TRIALS = Table(
    "trials",
    METADATA,
    *_head(),
    Column("target_accuracy", Float, nullable=False),
    Column("candidate", Text, nullable=False),
    Column("config", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("error", Text),
    Column("validation_correct", Integer),
    Column("validation_examples", Integer),
    *(Column(name, Integer) for name in TRAINING_COUNTS),
    Column("size_bits", _Bits),
    _artifact(nullable=True),
    *_made_by(),
    Index("trials_by_uid", "uid", unique=True),
    Index("trials_by_data", "data_digest", "candidate"),
    Index("trials_by_artifact", "artifact_sha256"),
    Index("trials_by_seed", "data_digest", "seed"),
)

CLAIMS = Table(
    "claims",
    METADATA,
    *_head(),
    Column("target_accuracy", Float, nullable=False),
    _artifact(nullable=False),
    Column("size_bits", _Bits, nullable=False),
    Column("n_test", Integer, nullable=False),
    Column("correct", Integer, nullable=False),
    Column("wilson_low", Float, nullable=False),
    Column("wilson_high", Float, nullable=False),
    *_made_by(libraries_known=False),
    Index("claims_by_uid", "uid", unique=True),
    Index("claims_by_data", "data_digest", "size_bits"),
)

VERIFICATIONS = Table(
    "verifications",
    METADATA,
    *_head(),
    Column("claim_uid", String(32), ForeignKey("claims.uid"), nullable=False),
    _artifact(nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("problem", Text),
    Column("n_test", Integer),
    Column("correct", Integer),
    *_made_by(),
    Index("verifications_by_uid", "uid", unique=True),
    Index("verifications_by_claim", "claim_uid"),
)

# What a study measured: one row a network, whatever its result holds.
MEASUREMENTS = Table(
    "measurements",
    METADATA,
    *_head(),
    Column("study", String(32), nullable=False),
    Column("settings", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("result", Text, nullable=False),
    *_made_by(),
    Index("measurements_by_uid", "uid", unique=True),
    Index("measurements_by_data", "data_digest", "study"),
)

# Who runs a trial of which seed: of this ledger alone, and no part of what is exchanged.
RESERVATIONS = Table(
    "reservations",
    MetaData(),
    Column("data_digest", String(64), primary_key=True),
    Column("seed", Integer, primary_key=True, autoincrement=False),
    Column("turn", Integer, primary_key=True, autoincrement=False),
    Column("run", String(32), nullable=False),
    Column("created_at", String(32), nullable=False),
    sqlite_with_rowid=False,
)

# In the order in which rows may be copied: what is named comes before what names it.
TABLES = {table.name: table for table in (ARTIFACTS, TRIALS, CLAIMS, VERIFICATIONS, MEASUREMENTS)}
