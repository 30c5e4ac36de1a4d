"""Studies over several runs: rows in a file of their own, and a recipe that is killed."""

from __future__ import annotations

import dataclasses
import importlib
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pyarrow
import pyarrow.parquet
import pytest

from minbits.errors import LedgerError
from minbits.jobs.price import known_price, price_job
from minbits.jobs.price_request import PriceRequest
from minbits.jobs.study_records import StudyRecords
from minbits.jobs.trainability import known_trainability, plain_trainability, trainability_job
from minbits.ledger.store import Ledger, read_ledger
from minbits.ledger.table_files import import_parquet, write_table
from minbits.types import DataSet
from tests.studies.test_trainability import of_trainings, request

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "recipes" / "trainability_mnist.py"


def records_of(folder: Path, data: DataSet, study: str = "trainability") -> StudyRecords:
    return StudyRecords(folder / "rows.parquet", folder / "ledger.sqlite", data.digest, (study,))


def test_a_study_goes_on_from_its_records_alone(tmp_path: Path, tiny: DataSet) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = plain_trainability(trainability_job(tiny, request(tmp_path / "whole")))
    parts = tmp_path / "parts"
    assert records_of(parts, tiny).take() == 0
    trainability_job(tiny, request(parts, seeds=3))
    assert records_of(parts, tiny).write() == 6
    (parts / "ledger.sqlite").unlink()
    assert records_of(parts, tiny).take() == 6
    assert records_of(parts, tiny).take() == 0  # they are not doubled
    known = known_trainability(tiny, request(parts))
    assert (known.done, known.total, known.interrupted) == (6, 12, True)
    assert [len(row.test_losses) for row in known.rows] == [3, 3]
    told: list[int] = []
    found = trainability_job(tiny, request(parts), lambda progress: told.append(progress.done))
    assert told[0] > 6
    assert of_trainings(plain_trainability(found)) == of_trainings(whole)
    assert plain_trainability(known_trainability(tiny, request(parts))) == plain_trainability(found)


def test_records_hold_the_rows_of_their_study_and_data_alone(tmp_path: Path, tiny: DataSet) -> None:
    trainability_job(tiny, request(tmp_path, seeds=2))
    assert records_of(tmp_path, tiny, study="price").write() == 0
    other = StudyRecords(
        tmp_path / "other.parquet", tmp_path / "ledger.sqlite", "0" * 64, ("trainability",)
    )
    assert other.write() == 0
    assert records_of(tmp_path, tiny).write() == 4


def test_what_is_known_of_the_price_is_told_without_training(tmp_path: Path, tiny: DataSet) -> None:
    asked = PriceRequest(
        0.5, architecture="conv 2 k3 relu; avgpool all; linear 2", scales=(1.0, 2.0),
        strengths=(4.0,), seeds=2, epochs=1, workers=1, ledger=tmp_path / "ledger.sqlite",
    )  # fmt: skip
    nothing = known_price(tiny, asked)
    assert (nothing.rows, nothing.done, nothing.total) == ((), 0, 6)
    found = price_job(tiny, asked)
    known = known_price(tiny, asked)
    assert [row.median_bits for row in known.rows] == [row.median_bits for row in found.rows]
    assert (known.done, known.interrupted) == (6, False)
    # A study that is under way may have no success yet: its chart is drawn all the same.
    picture = tmp_path / "chart.png"
    failed = known_price(tiny, dataclasses.replace(asked, accuracy=1.0, figure=picture))
    assert not any(row.successes.any() for row in failed.rows)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_bad_table_is_refused_before_anything_is_taken(tmp_path: Path, tiny: DataSet) -> None:
    trainability_job(tiny, request(tmp_path, seeds=2))
    path, fresh = tmp_path / "rows.parquet", Ledger(tmp_path / "fresh.sqlite")
    with read_ledger(tmp_path / "ledger.sqlite") as ledger:
        write_table(ledger, "measurements", path)
    content = path.read_bytes()
    table = pyarrow.parquet.read_table(path)
    rows = table.to_pylist()
    rows[3]["settings"] = rows[3]["settings"].replace("0.05", "0.06")
    altered = pyarrow.Table.from_pylist(rows, schema=table.schema)
    pyarrow.parquet.write_table(altered, path)
    with pytest.raises(LedgerError, match=r"row 4: got a row that was altered"):
        import_parquet(path, fresh)
    pyarrow.parquet.write_table(table.drop(["seed"]), path)
    with pytest.raises(LedgerError, match=r"rows\.parquet: got columns id, uid"):
        import_parquet(path, fresh)
    for bad in (b"", b"{}", content[:-9], content[: len(content) // 2]):
        path.write_bytes(bad)
        with pytest.raises(LedgerError, match=r"rows\.parquet.*expected a table as Parquet"):
            import_parquet(path, fresh)
    path.unlink()
    with pytest.raises(LedgerError, match="No such file"):
        import_parquet(path, fresh)
    assert fresh.row_count("measurements") == 0
    path.write_bytes(content)
    assert import_parquet(path, fresh).new["measurements"] == 4
    fresh.close()


@pytest.fixture
def kept_study(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "recipes")
    return importlib.import_module("kept_study")


def test_the_clock_is_asked_before_each_chunk(
    kept_study: ModuleType, tmp_path: Path, tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def part(name: str, seeds: int, block: int) -> object:
        return kept_study.Part(
            name, None, tiny, [{}], ["a"], seeds, block, None, records_of(tmp_path, tiny)
        )

    two = [part("one", 4, 2), part("two", 10, 3)]
    wanted = [(part.name, seeds) for part, seeds in kept_study.one_after_another(two)]
    assert wanted == [("one", 2), ("one", 4), ("two", 3), ("two", 6), ("two", 9), ("two", 10)]
    wanted = [(part.name, seeds) for part, seeds in kept_study.side_by_side(two)]
    assert wanted == [("two", 3), ("one", 2), ("two", 6), ("two", 9), ("one", 4), ("two", 10)]
    now = [0.0]
    monkeypatch.setattr(kept_study.time, "monotonic", lambda: now[0])
    clock = kept_study.Hours(1.0, 0.0)
    assert clock.allow(two[0], 100)  # nothing is known yet
    with clock.timed(two[0], 10):
        now[0] = 1000.0
    assert clock.allow(two[0], 25)
    assert not clock.allow(two[0], 26)
    assert clock.allow(two[1], 26)
    now[0] = 3600.0
    assert not clock.allow(two[1], 1)
    assert kept_study.Hours(None).allow(two[0], 10**9)


def test_tasks_hold_some_seeds_of_each_kind_in_turn(kept_study: ModuleType) -> None:
    tasks = kept_study.seed_tasks([{"a": 1}, {"a": 2}], [5.0, 7.0], 2)
    found = tasks(5, [{0, 1, 3}, set()])
    assert [(task.settings["a"], task.seeds, task.cost) for task in found] == [
        (2, (0, 1), 7.0), (1, (2,), 5.0), (2, (2, 3), 7.0), (1, (4,), 5.0), (2, (4,), 7.0),
    ]  # fmt: skip
    assert tasks(2, [{0, 1}, {0, 1}]) == []


def table_of(folder: Path) -> list[str]:
    """Return the text of the recipe without what depends on the clock, and on the folder."""
    lines = (folder / "trainability_digits.txt").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("Rows: ", "Picture: "))]
    kept = [re.sub(r"; [\d.]+ hours of one worker$", "", line) for line in kept]
    return [re.sub(r"( %) +\d+\.\d\d$", r"\1", line) for line in kept]


def test_the_recipe_that_was_killed_gives_the_same_table_from_its_records(tmp_path: Path) -> None:
    few = (
        "--data", "digits", "--side", "0", "--widths", "2,8", "--seeds", "4", "--block", "2",
        "--epochs", "1", "--long-seeds", "2", "--long-block", "2", "--long-epochs", "2",
        "--index-widths", "2", "--index-seeds", "2", "--workers", "1",
    )  # fmt: skip

    def started(folder: Path, *more: str) -> subprocess.Popen[str]:
        folder.mkdir(exist_ok=True)
        words = [
            folder / "ledger.sqlite", folder, "--texts", folder, "--pictures", folder, *few, *more,
        ]  # fmt: skip
        return subprocess.Popen(
            [sys.executable, str(RECIPE), *map(str, words)], stdout=subprocess.PIPE, text=True
        )

    parts, whole = tmp_path / "parts", tmp_path / "whole"
    process = started(parts)
    rows = parts / "digits.parquet"
    deadline = time.monotonic() + 120
    while not rows.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    half = table_of(parts)
    assert any("left" in line for line in half)
    before = len(pyarrow.parquet.read_table(rows))
    assert 4 <= before < 14
    (parts / "ledger.sqlite").unlink()
    shutil.rmtree(parts / "ledger-artifacts", ignore_errors=True)
    nothing = started(parts, "--hours", "0")
    printed, _ = nothing.communicate(timeout=120)
    assert nothing.returncode == 0
    assert f"{before} rows taken from" in printed
    assert "no time left for" in printed
    assert table_of(parts) == half
    for folder in (parts, whole):
        process = started(folder)
        process.communicate(timeout=200)
        assert process.returncode == 0
    assert table_of(parts) == table_of(whole)
    assert "1 epochs: 4 of 4 seeds each, all done" in table_of(parts)
    assert len(pyarrow.parquet.read_table(rows)) == 14
    assert (parts / "trainability-digits.png").read_bytes().startswith(b"\x89PNG")
