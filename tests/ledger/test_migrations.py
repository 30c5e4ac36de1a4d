"""Ledgers of every older version open, keep every row, and leave a copy of what they were."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from minbits.data import load
from minbits.errors import LedgerError
from minbits.ledger import migrate
from minbits.ledger.artifacts import problem_of
from minbits.ledger.migrate import current_version, known_versions
from minbits.ledger.schema import TABLES
from minbits.ledger.store import Ledger, read_ledger
from tests.ledger.postgres_server import PostgresServer

GOLDEN = Path(__file__).parent.parent / "golden" / "ledgers"
# Bits and right answers of the best file on digits.
BEST = {
    "0001": (2208, 335),
    "0002": (2208, 335),
    "0003": (3496, 346),
    "0004": (2984, 345),
    "0005": (3536, 341),
}
Rows = dict[str, list[dict[str, Any]]]


def raw_rows(path: Path) -> Rows:
    """Return every row as the file has it, without minbits."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        return {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY 1")]
            for (name,) in tables
            if name in TABLES
        }


def assert_kept(before: Rows, after: Rows) -> None:
    for table, rows in before.items():
        assert len(after[table]) == len(rows) > 0
        for old, new in zip(rows, after[table], strict=True):
            assert old.items() <= new.items()


def copy_of(version: str, folder: Path) -> Path:
    shutil.copytree(GOLDEN / version, folder)
    return folder / "ledger.sqlite"


def test_there_is_a_golden_ledger_of_every_version() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(known_versions())


@pytest.mark.parametrize("version", known_versions())
def test_a_golden_ledger_opens_and_keeps_its_rows(version: str, tmp_path: Path) -> None:
    path = copy_of(version, tmp_path / "here")
    before = raw_rows(path)
    original = path.read_bytes()

    reader = read_ledger(path)
    read = {table: reader.rows(table) for table in TABLES}
    reader.close()
    assert_kept(before, read)
    assert path.read_bytes() == original
    assert {item.name for item in path.parent.iterdir()} == {path.name, "ledger-artifacts"}

    ledger = Ledger(path)
    assert_kept(before, {table: ledger.rows(table) for table in TABLES})
    assert {table: ledger.rows(table) for table in TABLES} == read
    best = ledger.best_claim(load("digits").digest, 0.9)
    assert best is not None
    assert (best.verification.size_bits, best.verification.correct) == BEST[version]
    for artifact in ledger.rows("artifacts"):
        assert problem_of(ledger.artifacts, artifact["sha256"]) is None
    assert len(ledger.find("trials", "8")) == 1
    with (
        pytest.raises(sa.exc.IntegrityError, match="append-only"),
        ledger.database.engine.begin() as connection,
    ):
        connection.exec_driver_sql("UPDATE trials SET error = ''")
    ledger.close()

    backups = sorted(item.name for item in path.parent.glob("*before*"))
    if version == current_version():
        assert backups == []
        return
    assert backups == [f"ledger.before-{current_version()}.sqlite"]
    assert raw_rows(path.with_name(backups[0])) == before
    Ledger(path).close()
    assert sorted(item.name for item in path.parent.glob("*before*")) == backups


def test_copies_of_an_old_ledger_name_their_rows_alike(tmp_path: Path) -> None:
    uids = []
    for name in ("one", "two"):
        ledger = Ledger(copy_of("0001", tmp_path / name))
        uids.append([row["uid"] for table in ("trials", "claims") for row in ledger.rows(table)])
        ledger.close()
    assert uids[0] == uids[1]
    assert len(set(uids[0])) == len(uids[0]) == 10


def test_a_backup_is_never_overwritten(tmp_path: Path) -> None:
    path = copy_of("0001", tmp_path / "here")
    backup = path.with_name(f"ledger.before-{current_version()}.sqlite")
    backup.write_bytes(b"of another time")
    before = raw_rows(path)
    Ledger(path).close()
    assert backup.read_bytes() == b"of another time"
    assert raw_rows(backup.with_name(f"ledger.before-{current_version()}-2.sqlite")) == before


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy_of("0001", tmp_path / "here")
    before = raw_rows(path)

    def upgrade_and_fail(connection: sa.Connection) -> None:
        upgrade(connection)
        raise KeyboardInterrupt

    upgrade = migrate.upgrade
    monkeypatch.setattr("minbits.ledger.sqlite.upgrade", upgrade_and_fail)
    with pytest.raises(KeyboardInterrupt):
        Ledger(path)
    assert raw_rows(path) == before
    monkeypatch.undo()
    ledger = Ledger(path)
    assert_kept(before, {table: ledger.rows(table) for table in TABLES})
    ledger.close()


def test_a_kill_in_the_middle_of_a_migration_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    path = copy_of("0001", tmp_path / "here")
    before = raw_rows(path)
    program = textwrap.dedent(
        """
        import os, signal, sys
        import minbits.ledger.sqlite as sqlite
        from minbits.ledger.store import Ledger
        upgrade = sqlite.upgrade
        def upgrade_and_die(connection):
            upgrade(connection)
            os.kill(os.getpid(), signal.SIGKILL)
        sqlite.upgrade = upgrade_and_die
        Ledger(sys.argv[1])
        """
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert raw_rows(path) == before
    ledger = Ledger(path)
    assert_kept(before, {table: ledger.rows(table) for table in TABLES})
    ledger.close()


def test_a_server_is_migrated_in_one_transaction_after_a_copy(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.new_place("team")
    before = raw_rows(GOLDEN / "0001" / "ledger.sqlite")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for table in ("artifacts", "trials", "claims"):
            names = ", ".join(before[table][0])
            values = ", ".join(f":{name}" for name in before[table][0])
            connection.execute(
                sa.text(f"INSERT INTO {table} ({names}) VALUES ({values})"), before[table]
            )
        connection.exec_driver_sql("CREATE ROLE appender")
        connection.exec_driver_sql("GRANT SELECT, INSERT ON trials TO appender")

    def upgrade_and_fail(connection: sa.Connection) -> None:
        upgrade(connection)
        raise KeyboardInterrupt

    upgrade = migrate.upgrade
    monkeypatch.setattr("minbits.ledger.postgres.upgrade", upgrade_and_fail)
    with pytest.raises(KeyboardInterrupt):
        Ledger(url)
    assert set(sa.inspect(engine).get_table_names()) == {"alembic_version", *before}
    monkeypatch.undo()
    with pytest.raises(LedgerError, match="schema version 0001; expected a ledger of version"):
        read_ledger(url)

    ledger = Ledger(url)
    assert_kept(before, {table: ledger.rows(table) for table in TABLES})
    file = Ledger(copy_of("0001", Path(str(postgres.folder)) / "copy"))
    with engine.begin() as connection:
        granted = connection.exec_driver_sql(
            "SELECT privilege_type FROM information_schema.role_table_grants "
            "WHERE grantee = 'appender' AND table_name = 'reservations' ORDER BY 1"
        )
        assert granted.scalars().all() == ["INSERT", "SELECT"]
    for table in ("trials", "claims"):
        assert [row["uid"] for row in ledger.rows(table)] == [
            row["uid"] for row in file.rows(table)
        ]
    file.close()
    with engine.begin() as connection:
        for table, rows in before.items():
            place = f"team_before_{current_version()}.{table}"
            copied = connection.exec_driver_sql(f"SELECT * FROM {place} ORDER BY 1").mappings()
            assert [dict(row) for row in copied] == sorted(
                rows, key=lambda row: next(iter(row.values()))
            )
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE trials CASCADE")
    ledger.close()
    engine.dispose()
