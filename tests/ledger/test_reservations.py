"""Seeds that are reserved: each given once, and free again when whoever has it is gone."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minbits.errors import LedgerError
from minbits.ledger.location import LedgerTarget
from minbits.ledger.prune import prune
from minbits.ledger.running import FolderRuns
from minbits.ledger.schema import RESERVATIONS
from minbits.ledger.store import Ledger
from minbits.types import DataSet
from tests.ledger.examples import CONFIG, PROVENANCE, done
from tests.ledger.postgres_server import PostgresServer

DIGEST = "d" * 64
HOLDER = textwrap.dedent(
    """
    import sys
    from minbits.ledger.store import Ledger
    ledger = Ledger(sys.argv[1])
    print(*ledger.reserve_seeds("d" * 64, 0, 3), flush=True)
    sys.stdin.readline()
    ledger.close()
    """
)


@pytest.fixture
def holder(target: LedgerTarget) -> Iterator[subprocess.Popen[str]]:
    """Return another process that has reserved seeds 0 to 2."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(target)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "0 1 2\n"
        yield process
        process.kill()


def test_what_another_process_has_is_free_when_it_ends(
    holder: subprocess.Popen[str], ledger: Ledger
) -> None:
    assert ledger.reserve_seeds(DIGEST, 0, 2) == [3, 4]
    assert ledger.reserve_seeds("e" * 64, 0, 2) == [0, 1]
    holder.communicate("\n", timeout=30)
    assert holder.returncode == 0
    assert ledger.reserve_seeds(DIGEST, 0, 4) == [0, 1, 2, 5]


def test_what_another_process_has_is_free_when_it_is_killed(
    holder: subprocess.Popen[str], ledger: Ledger, tiny: DataSet
) -> None:
    os.kill(holder.pid, signal.SIGSTOP)  # it does nothing, and is alive
    assert ledger.reserve_seeds(DIGEST, 1, 2) == [3, 4]
    holder.kill()
    holder.wait(30)
    found: list[int] = []
    for _ in range(100):  # a server notices when it next looks at the connection
        found += ledger.reserve_seeds(DIGEST, 0, 1)
        if found[-1] < 3:
            break
    assert found[-1] == 0
    assert ledger.reserve_seeds(DIGEST, 0, 2) == [1, 2]
    with ledger.database.engine.connect() as connection:
        rows = connection.execute(RESERVATIONS.select()).mappings().all()
    assert {(row["seed"], row["turn"]) for row in rows} >= {(0, 1), (0, 2), (1, 1), (1, 2), (3, 1)}


def test_seeds_of_trials_are_not_free(ledger: Ledger, tiny: DataSet) -> None:
    for seed in (0, 2, 3):
        result = dataclasses.replace(done(b"x"), config=dataclasses.replace(CONFIG, seed=seed))
        ledger.append_trial(tiny, 0.9, result.of_candidate("rung"), PROVENANCE)
    assert ledger.reserve_seeds(tiny.digest, 0, 3) == [1, 4, 5]
    assert ledger.reserve_seeds(tiny.digest, 0, 300) == list(range(6, 306))
    assert ledger.reserve_seeds(tiny.digest, 2**31 - 2, 2) == [2**31 - 2, 2**31 - 1]
    with pytest.raises(LedgerError, match="fewer than 1 free seeds from 2147483646 on"):
        ledger.reserve_seeds(tiny.digest, 2**31 - 2, 1)


def test_threads_and_ledgers_of_one_process_share_none(
    ledger: Ledger, target: LedgerTarget
) -> None:
    other = Ledger(target)
    found: list[int] = []

    def reserve(store: Ledger) -> None:
        for _ in range(10):
            found.extend(store.reserve_seeds(DIGEST, 0, 3))

    threads = [threading.Thread(target=reserve, args=(store,)) for store in (ledger, other) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(120))
    other.close()
    again = ledger.reserve_seeds(DIGEST, 0, 120)
    assert set(again[:60]) < set(found)  # what the other one had
    assert again[60:] == list(range(120, 180))


@settings(
    max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    requests=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(1, 90)), max_size=12
    )
)
def test_reservations_do_as_a_list_on_paper(
    tmp_path: Path, requests: list[tuple[int, ...]]
) -> None:
    """As a search would by hand: a seed is taken as long as the one who took it is open."""
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.sqlite"
    stores = [Ledger(path) for _ in range(3)]
    taken: dict[int, int] = {}
    for who, first, count in requests:
        if who == 3:  # the third one ends, and another begins
            stores[2].close()
            stores[2] = Ledger(path)
            taken = {seed: owner for seed, owner in taken.items() if owner != 2}
            continue
        free = (seed for seed in range(first, 100_000) if seed not in taken)
        expected = [next(free) for _ in range(count)]
        assert stores[who].reserve_seeds(DIGEST, first, count) == expected
        taken.update(dict.fromkeys(expected, who))
    for store in stores:
        store.close()
    running = path.parent / f"{path.stem}-artifacts" / "running"
    assert not running.exists() or list(running.iterdir()) == []


def test_a_reservation_that_was_not_told_is_given_at_the_next_try(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a connection is lost while it commits: nobody knows whether it did."""
    write = ledger.database.write

    def write_twice(action: object) -> object:
        write(action)  # type: ignore[arg-type]
        return write(action)  # type: ignore[arg-type]

    monkeypatch.setattr(ledger.database, "write", write_twice)
    assert ledger.reserve_seeds(DIGEST, 0, 3) == [0, 1, 2]
    assert ledger.reserve_seeds(DIGEST, 0, 3) == [3, 4, 5]
    with ledger.database.engine.connect() as connection:
        assert len(connection.execute(RESERVATIONS.select()).all()) == 6


def test_rows_of_somebody_else_reserve_nothing(ledger: Ledger) -> None:
    odd = [
        {"seed": 0, "turn": 1, "run": "../../../etc/passwd"},
        {"seed": 1, "turn": 2**31 - 1, "run": "a" * 32},
        {"seed": 2, "turn": -1, "run": "a" * 32},
        {"seed": 3, "turn": 1, "run": "b" * 32},
    ]
    rows = [{"data_digest": DIGEST, "created_at": "now", **row} for row in odd]
    with ledger.database.engine.begin() as connection:
        for row in rows:
            if len(row["run"]) <= 32 or connection.dialect.name == "sqlite":
                connection.execute(RESERVATIONS.insert(), row)
    # Only where no turn is left is a seed lost.
    assert ledger.reserve_seeds(DIGEST, 0, 5) == [0, 2, 3, 4, 5]


def test_a_lock_that_was_lost_with_its_connection_is_taken_again(
    postgres: PostgresServer,
) -> None:
    url = postgres.new_place()
    ledger, other = Ledger(url), Ledger(url)
    assert ledger.reserve_seeds(DIGEST, 0, 2) == [0, 1]
    postgres.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks"
        " WHERE locktype = 'advisory' AND granted"
    )
    assert ledger.reserve_seeds(DIGEST, 0, 2) == [2, 3]
    assert other.reserve_seeds(DIGEST, 0, 2) == [4, 5]
    ledger.close()
    assert other.reserve_seeds(DIGEST, 0, 4) == [0, 1, 2, 3]
    other.close()


def test_locks_of_the_dead_are_told_and_removed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.reserve_seeds(DIGEST, 0, 1)
    folder = tmp_path / "ledger-artifacts"
    (mine,) = (folder / "running").iterdir()
    dead = mine.with_name(f"{'a' * 32}.lock")
    dead.touch()
    (folder / "running" / "notes.txt").write_text("somebody's own")
    odd = mine.with_name(f"{'b' * 32}.lock")
    odd.write_bytes(b"no database at all, of some length" * 40)
    found = prune(ledger, dry_run=True)
    assert {(item.path, item.reason) for item in found} == {
        (path, "the lock of a process that has ended") for path in (dead, odd)
    }
    assert prune(ledger, dry_run=False) == found
    assert {path.name for path in mine.parent.iterdir()} == {mine.name, "notes.txt"}
    ledger.close()
    assert not mine.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "running").write_text("a file in place of the folder")
    runs = FolderRuns(tmp_path)
    ledger = Ledger(tmp_path / "ledger.sqlite")
    with pytest.raises(LedgerError, match="running"):
        ledger.database.write(lambda connection: runs.hold(connection, "a" * 32))
    ledger.close()
