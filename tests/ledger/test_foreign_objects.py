"""Files that somebody made to look like a ledger: refused, or at least interruptible."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from minbits.errors import LedgerError
from minbits.ledger.migrate import known_versions
from minbits.ledger.store import Ledger, read_ledger
from minbits.types import DataSet
from tests.ledger.examples import fill
from tests.ledger.postgres_server import PostgresServer

GOLDEN = Path(__file__).parent.parent / "golden" / "ledgers"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS {} FROM n"


@pytest.fixture
def file(tmp_path: Path, tiny: DataSet) -> Path:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    fill(ledger, tiny, b"one")
    ledger.close()
    return path


def alter(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (
            ["DROP TABLE trials", f"CREATE VIEW trials AS {ENDLESS.format('id')}"],
            "a view in place of the table trials",
        ),
        (
            ["DROP TABLE claims", f"CREATE VIEW CLAIMS AS {ENDLESS.format('id')}"],
            "a view in place of the table CLAIMS",
        ),
        (
            [
                "DROP TABLE alembic_version",
                f"CREATE VIEW alembic_version AS {ENDLESS.format('version_num')}",
            ],
            "a view in place of the table alembic_version",
        ),
        (
            ["DROP TABLE reservations", f"CREATE VIEW reservations AS {ENDLESS.format('seed')}"],
            "a view in place of the table reservations",
        ),
        (
            ["DROP TABLE artifacts", "CREATE VIRTUAL TABLE artifacts USING fts5(sha256)"],
            "a virtual table in place of the table artifacts",
        ),
        (
            ["ALTER TABLE trials ADD COLUMN large AS (hex(zeroblob(900000000)))"],
            "a table trials with a generated column",
        ),
        (
            [
                f"CREATE VIEW numbers AS {ENDLESS.format('i')}",
                "CREATE TRIGGER x AFTER INSERT ON trials BEGIN SELECT count(*) FROM numbers; END",
            ],
            "a trigger 'x' that minbits did not make",
        ),
        (
            [
                "CREATE TABLE numbers (i)",
                "CREATE TRIGGER trials_odd BEFORE INSERT ON trials WHEN EXISTS (SELECT 1 FROM "
                "numbers WHERE i = NEW.id) BEGIN SELECT RAISE(ABORT, 'no'); END",
            ],
            "a trigger 'trials_odd' that minbits did not make",
        ),
        (["DROP TABLE verifications"], "a ledger without a table 'verifications'"),
    ],
)
def test_what_only_looks_like_a_ledger_is_refused(
    file: Path, statements: list[str], found: str
) -> None:
    alter(file, *statements)
    before = file.read_bytes()
    for way_to_open in (Ledger, read_ledger):
        with pytest.raises(LedgerError, match=f"got {found}; expected a ledger"):
            way_to_open(file)
    assert file.read_bytes() == before


def test_what_else_somebody_keeps_in_the_file_is_left_alone(file: Path) -> None:
    alter(
        file,
        "CREATE TABLE notes (text)",
        f"CREATE VIEW endless AS {ENDLESS.format('i')}",
        "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM notes; END",
    )
    ledger = Ledger(file)
    assert len(ledger.rows("trials")) == 2
    ledger.close()


@pytest.mark.parametrize("version", known_versions())
def test_what_migrations_make_is_ours(tmp_path: Path, version: str) -> None:
    shutil.copytree(GOLDEN / version, tmp_path / "here")
    path = tmp_path / "here" / "ledger.sqlite"
    read_ledger(path).close()
    for _ in range(2):
        Ledger(path).close()


def test_a_view_on_a_server_is_no_table(postgres: PostgresServer) -> None:
    url = postgres.new_place("views")
    Ledger(url).close()
    postgres.execute("DROP TABLE views.verifications, views.claims CASCADE")
    postgres.execute("CREATE VIEW views.claims AS SELECT * FROM views.trials")
    for way_to_open in (Ledger, read_ledger):
        with pytest.raises(LedgerError, match="a ledger without a table 'claims'"):
            way_to_open(url)


INTERRUPTED = """
import signal, sys, threading, time
import sqlalchemy as sa
from minbits.ledger.store import Ledger
ledger = Ledger(sys.argv[1])
query = sa.text(sys.argv[2])
print("open", flush=True)
try:
    if sys.argv[3] == "write":
        ledger.database.write(lambda connection: connection.execute(query))
    else:
        with ledger.database.transaction(writes=False) as connection:
            connection.execute(query)
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(len(ledger.rows("trials")), flush=True)
ledger.close()
"""


@pytest.fixture(params=["write", "read"])
def endless(request: pytest.FixtureRequest, file: Path) -> Iterator[subprocess.Popen[str]]:
    query = f"SELECT count(*) FROM ({ENDLESS.format('i')})"
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(file), query, request.param],
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield process
        process.kill()


def test_a_statement_without_end_is_interrupted(endless: subprocess.Popen[str]) -> None:
    assert endless.stdout is not None
    assert endless.stdout.readline() == "open\n"
    time.sleep(0.2)
    start = time.monotonic()
    endless.send_signal(signal.SIGINT)
    assert endless.stdout.readline() == "interrupted\n"
    assert time.monotonic() - start < 5
    assert endless.stdout.readline() == "2\n"  # and the ledger can be used as before
    assert endless.wait(30) == 0


def test_a_schema_may_call_nothing_that_has_an_effect(file: Path) -> None:
    """As SQLite has it for schemas that are not trusted: a function must be declared harmless."""
    ledger = Ledger(file)
    with ledger.database.engine.begin() as connection:
        connection.connection.driver_connection.create_function("harm", 0, lambda: 1)  # type: ignore[union-attr]
        connection.exec_driver_sql("CREATE VIEW harmful AS SELECT harm() AS x")
        with pytest.raises(sa.exc.OperationalError, match=r"unsafe use of harm"):
            connection.exec_driver_sql("SELECT x FROM harmful")
    ledger.close()
