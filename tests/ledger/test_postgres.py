"""What is particular to a ledger on a server: many writers, a server that goes away, roles."""

from __future__ import annotations

import functools
import logging
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from minbits.errors import LedgerError
from minbits.files import sha256_hex
from minbits.ledger.location import ledger_exists, ledger_name, parse_target
from minbits.ledger.store import Ledger, read_ledger
from minbits.types import DataSet
from tests.ledger.examples import PROVENANCE, done, fill
from tests.ledger.postgres_server import PostgresServer

WRITER = textwrap.dedent(
    """
    import sys
    import numpy as np
    from minbits.data.assemble import assemble
    from minbits.ledger.store import Ledger
    from tests.ledger.examples import PROVENANCE, done
    data = assemble("d", (np.zeros((8, 2)), np.arange(8) % 2), None, "here", "test")
    ledger = Ledger(sys.argv[1])  # both make the tables: one of them waits
    print("open", flush=True)
    sys.stdin.readline()
    for i in range(50):
        content = f"{sys.argv[2] if i % 2 else 'shared'} {i}".encode()
        outcome = done(content).of_candidate(sys.argv[2])
        print(ledger.append_trial(data, 0.9, outcome, PROVENANCE), flush=True)
    """
)


def test_several_processes_write_at_once(postgres: PostgresServer) -> None:
    url = postgres.new_place()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name in ("first", "second")
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
    numbers: list[int] = []
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        out, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        numbers += map(int, out.split())
    ledger = read_ledger(url)
    rows = ledger.rows("trials")
    assert sorted(numbers) == [row["id"] for row in rows]
    assert len(rows) == 100
    assert len(ledger.rows("artifacts")) == 25 + 50
    assert not ledger.artifacts.lacking([row["artifact_sha256"] for row in rows])
    ledger.close()


def test_a_server_that_starts_again_is_waited_for(
    postgres: PostgresServer, tiny: DataSet, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgres.new_place()
    ledger = Ledger(url)
    ledger.append_trial(tiny, 0.9, done(b"one").of_candidate("before"), PROVENANCE)
    postgres.stop()
    append = functools.partial(
        ledger.append_trial, tiny, 0.9, done(b"two").of_candidate("after"), PROVENANCE
    )
    appending = threading.Thread(target=append)
    with caplog.at_level(logging.WARNING):
        appending.start()
        time.sleep(2.0)
        assert appending.is_alive()
        postgres.start()  # not in the other thread: the server would end with it
        appending.join()
    assert [row["candidate"] for row in ledger.rows("trials")] == ["before", "after"]
    assert "the server does not answer; waiting up to 120 s" in caplog.text
    assert "went on after" in caplog.text
    ledger.close()


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://me:secret@/none?host={tmp_path}"
    with pytest.raises(LedgerError, match="connection") as caught:
        Ledger(url)
    assert "secret" not in str(caught.value)


def test_who_may_only_append_can_do_all_that_a_search_does(
    postgres: PostgresServer, tiny: DataSet
) -> None:
    url = postgres.new_place("shared")
    Ledger(url).close()
    for statement in (
        "CREATE ROLE worker LOGIN",
        "GRANT USAGE ON SCHEMA shared TO worker",
        "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA shared TO worker",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA shared TO worker",
    ):
        postgres.execute(statement)
    ledger = Ledger(url.replace("//minbits@", "//worker@"))
    fill(ledger, tiny, b"one")
    best = ledger.best_claim(tiny.digest, 0.99)
    assert best is not None
    assert best.verification.sha256 == sha256_hex(b"one")
    assert ledger.reserve_seeds(tiny.digest, 0, 2) == [0, 1]
    with (
        pytest.raises(sa.exc.ProgrammingError, match="must be owner"),
        ledger.database.engine.begin() as connection,
    ):
        connection.exec_driver_sql("DROP TRIGGER trials_append_only ON trials")
    ledger.close()


def test_a_number_that_somebody_took_is_passed_by(postgres: PostgresServer, tiny: DataSet) -> None:
    url = postgres.new_place("numbers")
    ledger = Ledger(url)
    fill(ledger, tiny, b"one")
    for number in (3, 4, 6):
        postgres.execute(
            "CREATE TEMP TABLE copy AS SELECT * FROM numbers.trials WHERE id = 1; "
            f"UPDATE copy SET id = {number}, uid = '{number:032x}'; "
            "INSERT INTO numbers.trials SELECT * FROM copy"
        )
    numbers = [
        ledger.append_trial(tiny, 0.9, done(b"x%d" % i).of_candidate(f"number {i}"), PROVENANCE)
        for i in range(3)
    ]
    rows = {row["id"]: row["candidate"] for row in ledger.rows("trials")}
    assert [rows[number] for number in numbers] == ["number 0", "number 1", "number 2"]
    assert len(rows) == 2 + 3 + 3
    ledger.close()


def test_tables_of_something_else_are_left_alone(postgres: PostgresServer) -> None:
    url = postgres.new_place("other")
    with pytest.raises(LedgerError, match="a database without one"):
        read_ledger(url)
    postgres.execute("CREATE TABLE other.trials (patient text)")
    with pytest.raises(LedgerError, match="a table 'trials' that is no ledger"):
        Ledger(url)
    beside = postgres.new_place("beside")
    postgres.execute("CREATE TABLE beside.films (title text)")
    ledger = Ledger(beside)
    assert ledger.rows("trials") == []
    ledger.close()


def test_targets_are_paths_or_urls() -> None:
    for text in ("postgresql://me:secret@db/team", "postgres://me:secret@db/team"):
        assert ledger_name(text) == "postgresql+psycopg://me:***@db/team"
        assert ledger_exists(text)
    assert parse_target("sqlite:///here/l.sqlite") == Path("here/l.sqlite")
    assert parse_target(Path("odd://name")) == Path("odd:/name")
    for bad in ("mysql://me:secret@db/team", "sqlite://", "postgresql://[:secret"):
        with pytest.raises(LedgerError, match="`ledger`") as caught:
            parse_target(bad)
        assert "secret" not in str(caught.value)


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerError, match=r"pip install 'minbits\[postgres\]'"):
        Ledger("postgresql://me@db/team")
