"""What is particular to a ledger in a file: refused unchanged, read without a trace."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from minbits.errors import LedgerError, OutputError
from minbits.files import sha256_hex, write_atomically
from minbits.ledger.store import Ledger, read_ledger
from minbits.types import DataSet
from tests.ledger.examples import fill


@pytest.fixture
def path(tmp_path: Path, tiny: DataSet) -> Path:
    """Return the path of a ledger with some rows."""
    place = tmp_path / "ledger.sqlite"
    ledger = Ledger(place)
    fill(ledger, tiny, b"network")
    ledger.close()
    return place


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_file_that_is_no_ledger_is_refused_unchanged(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("not a database, but dear to someone" * 50)
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
        connection.commit()
    clash = tmp_path / "clash.sqlite"
    with closing(sqlite3.connect(clash)) as connection:
        connection.execute("CREATE TABLE trials (of)")
        connection.commit()
    before = contents(tmp_path)
    for place, message in (
        (notes, r"notes\.txt: got file is not a database"),
        (other, "a database of something else"),
        (clash, "a table 'trials' that is no ledger"),
    ):
        for way_to_open in (Ledger, read_ledger):
            with pytest.raises(LedgerError, match=message):
                way_to_open(place)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("with_journal", [False, True])
def test_a_newer_ledger_is_refused_unchanged(path: Path, with_journal: bool) -> None:
    # A journal that was not moved into the file is what a newer minbits leaves when it is killed.
    program = textwrap.dedent(
        """
        import os, sqlite3, sys
        connection = sqlite3.connect(sys.argv[1])
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        if sys.argv[2] == "True":
            os.kill(os.getpid(), 9)
        connection.close()
        """
    )
    subprocess.run([sys.executable, "-c", program, str(path), str(with_journal)], check=False)
    assert Path(f"{path}-wal").exists() == with_journal
    before = contents(path.parent)
    for way_to_open in (Ledger, read_ledger):
        with pytest.raises(LedgerError, match="newer minbits and is left as it was"):
            way_to_open(path)
    after = contents(path.parent)
    shared_memory = f"{path.name}-shm"  # an index of the journal, which every reader makes anew
    before.pop(shared_memory, None)
    after.pop(shared_memory, None)
    after = {name: content for name, content in after.items() if content or name in before}
    assert after == before


def test_an_unwritable_place_is_named() -> None:
    with pytest.raises(LedgerError, match=r"/proc/none/l\.sqlite"):
        Ledger(Path("/proc/none/l.sqlite"))
    with pytest.raises(LedgerError, match="no file"):
        read_ledger(Path("/proc/none/l.sqlite"))


def test_reading_leaves_rows_and_files_alone(path: Path, tiny: DataSet) -> None:
    before = contents(path.parent)
    reader = read_ledger(path)
    assert len(reader.rows("trials")) == 2
    assert reader.best_claim(tiny.digest, 0.99) is not None
    reader.close()
    assert contents(path.parent) == before
    empty = path.with_name("empty.sqlite")
    empty.touch()
    with pytest.raises(LedgerError, match="an empty database"):
        read_ledger(empty)


def test_a_damaged_file_is_healed_by_the_next_trial_that_gives_it(
    path: Path, tiny: DataSet
) -> None:
    ledger = Ledger(path)
    stored = ledger.artifacts.path(sha256_hex(b"network"))
    stored.write_bytes(b"netwOrk")
    assert ledger.best_claim(tiny.digest, 0.99) is None
    fill(ledger, tiny, b"network")
    assert stored.read_bytes() == b"network"
    assert ledger.best_claim(tiny.digest, 0.99) is not None
    ledger.close()


def test_a_committed_trial_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        import numpy as np
        from minbits.data.assemble import assemble
        from minbits.ledger.provenance import Provenance
        from minbits.ledger.store import Ledger
        from minbits.types import TrainingRecipe, TrialConfig, TrialOutcome
        data = assemble("d", (np.zeros((8, 2)), np.arange(8) % 2), None, "here", "test")
        ledger = Ledger(Path(sys.argv[1]))
        config = TrialConfig("linear 2", TrainingRecipe(1, 1), 0)
        number = 0
        while True:
            result = TrialOutcome(config, "done", 1.0, None, b"n%d" % number, 1, 1)
            ledger.append_trial(data, 0.9, result.of_candidate("rung"), Provenance("v", {}, {}))
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
        assert sha256_hex(ledger.artifacts.read(row["artifact_sha256"])) == row["artifact_sha256"]
    ledger.close()


def test_an_atomic_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="no space left on the disk"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
