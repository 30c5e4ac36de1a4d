"""Statements that try to change what is in a ledger, on connections of somebody else's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from minbits.files import sha256_hex
from minbits.ledger.schema import ARTIFACT_CONTENTS, RESERVATIONS, TABLES
from minbits.ledger.store import Ledger
from minbits.types import DataSet
from tests.ledger.examples import fill, fill_rest
from tests.ledger.postgres_server import PostgresServer

ALL_TABLES = [*TABLES, RESERVATIONS.name]
KEYS = {"artifacts": "sha256", RESERVATIONS.name: "data_digest"}
# A column of each table that no key is made of.
PLAIN = {"artifacts": "size_bytes", "reservations": "run", "verifications": "outcome"}


def fill_all(ledger: Ledger, data: DataSet) -> None:
    fill(ledger, data, b"one", b"two")
    fill_rest(ledger, data)
    ledger.reserve_seeds(data.digest, 0, 2)


@pytest.fixture
def file(tmp_path: Path, tiny: DataSet) -> Path:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    fill_all(ledger, tiny)
    ledger.close()
    return path


@pytest.fixture
def stranger(file: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection as anybody may open one, with none of our settings."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


def columns_of(table: str) -> list[str]:
    return list(TABLES[table].c.keys())


def everything(connection: sqlite3.Connection) -> dict[str, list[Any]]:
    return {t: connection.execute(f"SELECT * FROM {t} ORDER BY 1").fetchall() for t in ALL_TABLES}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO {t} SELECT * FROM {t}",
        "REPLACE INTO {t} SELECT * FROM {t} LIMIT 1",
        "INSERT OR IGNORE INTO {t} SELECT * FROM {t}",
        "INSERT INTO {t} SELECT * FROM {t} WHERE true ON CONFLICT DO NOTHING",
        "INSERT INTO {t} SELECT * FROM {t} WHERE true ON CONFLICT ({k}) DO UPDATE SET {p} = 1",
        "UPDATE {t} SET {p} = {p}",
        "UPDATE OR REPLACE {t} SET {k} = (SELECT max({k}) FROM {t})",
        "UPDATE OR IGNORE {t} SET {p} = 1",
        "DELETE FROM {t}",
        "WITH chosen AS (SELECT {k} FROM {t}) DELETE FROM {t} WHERE {k} IN chosen",
    ],
)
def test_no_statement_changes_a_row_of_a_file(stranger: sqlite3.Connection, statement: str) -> None:
    before = everything(stranger)
    for table in ALL_TABLES:
        assert before[table]
        key = KEYS.get(table, "uid")
        if table == RESERVATIONS.name:
            key = "data_digest, seed, turn" if "ON CONFLICT (" in statement else "seed"
        text = statement.format(t=table, k=key, p=PLAIN.get(table, "data_name"))
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            stranger.execute(text)
        assert everything(stranger) == before


@pytest.mark.parametrize("table", list(TABLES))
def test_no_row_takes_the_number_of_another_or_one_that_is_none(
    stranger: sqlite3.Connection, table: str
) -> None:
    """Every table but that of reservations has numbers, those of artifacts are hidden."""
    before = everything(stranger)
    names = [name for name in columns_of(table) if name != "id"]
    columns = ", ".join(names)
    values = ", ".join(f"'{'f' * 32}'" if name in {"uid", "sha256"} else name for name in names)
    query = f"INSERT OR REPLACE INTO {table} (rowid, {columns}) SELECT ?, {values} FROM {table}"
    for number in (1, "1", 1.0, -1, 0, -(2**63)):
        with pytest.raises(sqlite3.IntegrityError, match=r"append-only|numbered from 1"):
            stranger.execute(query, (number,))
        assert everything(stranger) == before
    # Nothing was left that stands in the way of the next row.
    limited = f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} LIMIT 1"
    stranger.execute(limited)
    assert len(everything(stranger)[table]) == len(before[table]) + 1


def test_a_replaced_row_fires_the_triggers_of_delete_on_our_connections(file: Path) -> None:
    ledger = Ledger(file)
    with ledger.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER claims_no_replace")
    replace = "INSERT OR REPLACE INTO claims SELECT * FROM claims"
    with (
        pytest.raises(sa.exc.IntegrityError, match="append-only"),
        ledger.database.engine.begin() as connection,
    ):
        connection.exec_driver_sql(replace)
    with ledger.database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA trusted_schema").scalar() == 0
    assert len(ledger.rows("claims")) == 2
    ledger.close()


def test_what_is_there_is_not_appended_again(file: Path, tiny: DataSet) -> None:
    """The triggers refuse what minbits itself used to leave to ON CONFLICT."""
    ledger = Ledger(file)
    before = len(ledger.rows("artifacts"))
    fill(ledger, tiny, b"one", b"three")
    assert len(ledger.rows("artifacts")) == before + 1
    ledger.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {t} SET {p} = {p}",
        "DELETE FROM {t}",
        "TRUNCATE {t} CASCADE",
        "INSERT INTO {t} SELECT * FROM {t} ON CONFLICT ({k}) DO UPDATE SET {p} = excluded.{p}",
        "MERGE INTO {t} USING (SELECT * FROM {t}) AS s ON {t}.{k} = s.{k} WHEN MATCHED THEN DELETE",
        "WITH gone AS (DELETE FROM {t} RETURNING *) SELECT * FROM gone",
        # As a session does that repeats what another server did.
        "SET session_replication_role = replica; DELETE FROM {t}",
        "SET session_replication_role = replica; TRUNCATE {t} CASCADE",
        # A table that it was made a child of: triggers of a statement do not fire there.
        "CREATE TABLE above (LIKE {t}); ALTER TABLE {t} INHERIT above; DELETE FROM above",
    ],
)
def test_no_statement_changes_a_row_on_a_server(
    postgres: PostgresServer, tiny: DataSet, statement: str
) -> None:
    url = postgres.new_place()
    ledger = Ledger(url)
    fill_all(ledger, tiny)
    place = f"host={postgres.folder} user=minbits dbname=postgres"
    schema = url.rpartition("%3D")[2]
    with psycopg.connect(f"{place} options=-csearch_path={schema}", autocommit=True) as connection:
        for table in (*ALL_TABLES, ARTIFACT_CONTENTS.name):
            assert_refused(connection, table, statement)
    ledger.close()


def assert_refused(connection: psycopg.Connection[Any], table: str, statement: str) -> None:
    query = sql.SQL("SELECT * FROM {} ORDER BY 1").format(sql.Identifier(table))
    key = {"artifact_contents": "sha256", **KEYS}.get(table, "uid")
    if table == RESERVATIONS.name and "ON CONFLICT" in statement:
        key = "data_digest, seed, turn"
    plain = {"artifact_contents": "content", **PLAIN}.get(table, "data_name")
    before = connection.execute(query).fetchall()
    assert before
    text = statement.format(t=table, k=key, p=plain)
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        connection.execute(text.encode())
    assert connection.execute(query).fetchall() == before


def test_contents_are_what_their_digest_says(file: Path) -> None:
    ledger = Ledger(file)
    for row in ledger.rows("artifacts"):
        assert sha256_hex(ledger.artifacts.read(row["sha256"])) == row["sha256"]
    ledger.close()
