from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from minbits.errors import LedgerError, OutputError
from minbits.files import sha256_hex, write_atomically
from minbits.ledger.provenance import Provenance, current_provenance
from minbits.ledger.schema import METADATA
from minbits.ledger.store import Ledger, TrialEntry
from minbits.records import DataSet, TrainingRecipe, TrialConfig, TrialResult, Verification

PROVENANCE = Provenance("0+test", {"numpy": "2"}, {"cores": 2})
CONFIG = TrialConfig("linear 2", TrainingRecipe(1, 1), 5)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    store = Ledger(tmp_path / "deep" / "ledger.sqlite")
    yield store
    store.close()


def done(content: bytes, correct: int = 9) -> TrialResult:
    return TrialResult(
        CONFIG, "done", 1.5, network_file=content, validation_correct=correct,
        validation_examples=10,
    )  # fmt: skip


def verification(content: bytes, correct: int, n_test: int = 10_000) -> Verification:
    size = len(content)
    return Verification(
        "x.mbn",
        sha256_hex(content),
        size,
        8 * size,
        n_test,
        correct,
        correct / n_test,
        0.1,
        0.9,
        2.0,
    )


def test_trials_are_kept_with_all_that_made_them(ledger: Ledger, tiny: DataSet) -> None:
    ledger.append_trial(tiny, 0.9, "rung", done(b"network"), PROVENANCE)
    failed = TrialResult(CONFIG, "failed", 0.5, error="ValueError: no")
    ledger.append_trial(tiny, 0.9, "rung", failed, PROVENANCE)
    first, second = ledger.trials_on(tiny.digest)
    assert (first["size_bits"], first["status"], first["seed"]) == (56, "done", 5)
    assert ledger.artifacts.path(first["artifact_sha256"]).read_bytes() == b"network"
    assert (second["status"], second["error"], second["size_bits"]) == (
        "failed", "ValueError: no", None,
    )  # fmt: skip
    assert '"float_epochs": 1' in first["config"]
    assert first["code_version"] == "0+test"


def test_the_same_artifact_is_stored_once(ledger: Ledger, tiny: DataSet) -> None:
    for _ in range(2):
        ledger.append_trial(tiny, 0.9, "rung", done(b"network"), PROVENANCE)
    assert len(ledger.rows("artifacts")) == 1
    assert len(ledger.rows("trials")) == 2


def test_many_trials_are_appended_in_one_transaction(ledger: Ledger, tiny: DataSet) -> None:
    entries = [
        TrialEntry(tiny, 0.9, f"rung {i}", done(b"n%d" % (i % 3)), PROVENANCE) for i in range(9)
    ]
    assert ledger.append_trials(entries) == list(range(1, 10))
    assert ledger.append_trials([]) == []
    rows = ledger.trials_on(tiny.digest)
    assert [row["candidate"] for row in rows] == [entry.candidate for entry in entries]
    assert len(ledger.rows("artifacts")) == 3
    bad = TrialEntry(tiny, 0.9, "rung", dataclasses.replace(done(b"x"), seconds=None), PROVENANCE)  # type: ignore[arg-type]
    with pytest.raises(LedgerError, match="NOT NULL"):
        ledger.append_trials([entries[0], bad])
    assert ledger.trials_on(tiny.digest) == rows


def test_the_best_claim_is_the_smallest_that_reaches(ledger: Ledger, tiny: DataSet) -> None:
    sizes = {b"a" * 30: 9950, b"b" * 20: 9900, b"c" * 10: 9899}
    for content, correct in sizes.items():
        ledger.append_trial(tiny, 0.99, "rung", done(content), PROVENANCE)
        ledger.append_claim(tiny, 0.99, verification(content, correct), PROVENANCE)
    best = ledger.best_claim(tiny.digest, 0.99)
    assert best is not None
    assert (best.verification.size_bits, best.verification.correct) == (160, 9900)
    assert Path(best.verification.path).read_bytes() == b"b" * 20
    lower = ledger.best_claim(tiny.digest, 0.98)
    assert lower is not None
    assert lower.verification.size_bits == 80
    among = ledger.best_claim(tiny.digest, 0.98, {sha256_hex(b"a" * 30)})
    assert among is not None
    assert among.verification.size_bits == 240
    assert ledger.best_claim(tiny.digest, 0.999) is None
    assert ledger.best_claim("another digest", 0.5) is None
    assert ledger.claim_count(tiny.digest) == 3
    assert ledger.is_claimed(tiny.digest, sha256_hex(b"a" * 30))
    assert not ledger.is_claimed(tiny.digest, sha256_hex(b"d"))


@pytest.mark.parametrize("table", ["trials", "claims", "artifacts"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET created_at = 'x'"])
def test_rows_can_be_neither_changed_nor_removed(
    ledger: Ledger, tiny: DataSet, table: str, statement: str
) -> None:
    ledger.append_trial(tiny, 0.9, "rung", done(b"network"), PROVENANCE)
    ledger.append_claim(tiny, 0.9, verification(b"network", 9000), PROVENANCE)
    with sqlite3.connect(ledger.path) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement.format(table))
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)


def test_the_migrations_give_the_tables_of_the_schema(ledger: Ledger) -> None:
    with sqlite3.connect(ledger.path) as connection:
        for name, table in METADATA.tables.items():
            found = connection.execute(f"PRAGMA table_info({name})").fetchall()
            columns = {row[1]: (row[2], bool(row[3]) or bool(row[5])) for row in found}
            expected = {
                column.name: (str(column.type), not column.nullable) for column in table.columns
            }
            assert columns == expected


def test_a_ledger_is_opened_again_as_it_was(ledger: Ledger, tiny: DataSet) -> None:
    ledger.append_trial(tiny, 0.9, "rung", done(b"network"), PROVENANCE)
    ledger.close()
    again = Ledger(ledger.path)
    assert len(again.trials_on(tiny.digest)) == 1
    again.close()


def test_a_file_that_is_no_ledger_is_refused_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but dear to someone" * 50)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=r"notes\.txt"):
        Ledger(path)
    assert path.read_bytes() == before


def test_a_ledger_of_the_future_is_refused(ledger: Ledger) -> None:
    ledger.close()
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match="newer minbits"):
        Ledger(ledger.path)


def test_an_unwritable_place_is_named() -> None:
    with pytest.raises(LedgerError, match=r"/proc/none/l\.sqlite"):
        Ledger(Path("/proc/none/l.sqlite"))


def test_a_committed_trial_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from minbits.data.assemble import assemble
        from minbits.ledger.provenance import Provenance
        from minbits.ledger.store import Ledger, TrialEntry
        from minbits.records import TrainingRecipe, TrialConfig, TrialResult
        import numpy as np
        data = assemble("d", (np.zeros((8, 2)), np.arange(8) % 2), None, "here", "test")
        ledger = Ledger(Path(sys.argv[1]))
        config = TrialConfig("linear 2", TrainingRecipe(1, 1), 0)
        number = 0
        while True:
            result = TrialResult(config, "done", 1.0, None, b"n%d" % number, 1, 1)
            ledger.append_trial(data, 0.9, "rung", result, Provenance("v", {}, {}))
            number += 1
            print(number, flush=True)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = 0
        while told < 20:
            told = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().split()
    told = max([told, *map(int, rest)])
    ledger = Ledger(path)
    rows = ledger.rows("trials")
    assert told <= len(rows) <= told + 1
    for row in rows:
        content = ledger.artifacts.path(row["artifact_sha256"]).read_bytes()
        assert sha256_hex(content) == row["artifact_sha256"]
    ledger.close()


def test_provenance_tells_code_and_machine() -> None:
    found = current_provenance("cpu", 2)
    assert found.code_version.startswith("0.")
    assert "+" in found.code_version
    assert found.libraries["numpy"] != "not installed"
    assert found.machine["workers"] == 2


def test_an_atomic_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
