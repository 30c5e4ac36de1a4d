"""Rows and files from ledger to ledger, each row once: SQLite and PostgreSQL, both ways."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest

from minbits.errors import LedgerError, OutputError
from minbits.files import sha256_hex
from minbits.ledger.artifacts import FolderArtifacts, problem_of
from minbits.ledger.exchange import LedgerSource, take
from minbits.ledger.front import front
from minbits.ledger.json_lines import import_json_lines, write_json_lines
from minbits.ledger.migrate import current_version
from minbits.ledger.prune import prune
from minbits.ledger.rows import Row
from minbits.ledger.schema import TABLES, TRAINING_COUNTS
from minbits.ledger.store import Ledger, TrialEntry
from minbits.ledger.table_files import write_table
from minbits.types import DataSet
from tests.ledger.examples import CONFIG, PROVENANCE, done, fill, fill_rest, verification
from tests.ledger.test_store import damage


@pytest.fixture
def other(tmp_path: Path, tiny: DataSet) -> Ledger:
    """Return a ledger in a file with rows in every table."""
    store = Ledger(tmp_path / "other.sqlite")
    fill(store, tiny, b"one", b"two")
    fill_rest(store, tiny)
    return store


def without_numbers(ledger: Ledger, table: str) -> list[Row]:
    rows = [{k: v for k, v in row.items() if k != "id"} for row in ledger.rows(table)]
    return sorted(rows, key=lambda row: str(row.get("uid", row.get("sha256"))))


def assert_holds(ledger: Ledger, other: Ledger) -> None:
    for table in TABLES:
        rows, others = without_numbers(ledger, table), without_numbers(other, table)
        if table == "artifacts":  # which are their content: each ledger got it at some other time
            for row in (*rows, *others):
                del row["created_at"]
        assert all(row in rows for row in others)
    for artifact in other.rows("artifacts"):
        assert problem_of(ledger.artifacts, artifact["sha256"]) is None


def test_merging_takes_every_row_and_file_once(
    ledger: Ledger, other: Ledger, tiny: DataSet
) -> None:
    fill(ledger, tiny, b"own", b"one")
    own = {table: ledger.rows(table) for table in TABLES}
    taken = take(LedgerSource(other), ledger)
    assert taken.new == {
        "artifacts": 1, "trials": 3, "claims": 2, "verifications": 1, "measurements": 2,
    }  # fmt: skip
    assert taken.known == dict.fromkeys(TABLES, 0) | {"artifacts": 1}
    assert taken.lost == {}
    assert_holds(ledger, other)
    assert len(ledger.rows("trials")) == 6
    for table, rows in own.items():
        assert all(row in ledger.rows(table) for row in rows)
    again = take(LedgerSource(other), ledger)
    assert sum(again.new.values()) == 0
    assert sum(again.known.values()) == 10

    back = take(LedgerSource(ledger), other)
    assert back.new == dict.fromkeys(TABLES, 0) | {"artifacts": 1, "trials": 3, "claims": 2}
    for table in ("trials", "claims", "verifications", "measurements"):
        assert without_numbers(other, table) == without_numbers(ledger, table)
    # Four claims, one file of them twice: a file that is run again is no new look.
    assert len(ledger.rows("claims")) == len(other.rows("claims")) == 4
    assert ledger.look_count(tiny.digest) == other.look_count(tiny.digest) == 3


def test_what_a_merged_ledger_knows_is_used(ledger: Ledger, other: Ledger, tiny: DataSet) -> None:
    take(LedgerSource(other), ledger)
    best = ledger.best_claim(tiny.digest, 0.99)
    assert best is not None
    assert Path(best.verification.path).read_bytes() == b"one"
    ledger.append_trial(tiny, 0.99, done(b"three").of_candidate("rung"), PROVENANCE)
    assert len(ledger.rows("trials")) == 4


def test_a_trial_that_both_did_is_two_rows(
    ledger: Ledger, other: Ledger, tmp_path: Path, tiny: DataSet
) -> None:
    key = "0123456789abcdef" * 2
    for store, content in ((ledger, b"here"), (other, b"there")):
        store.append_trials(
            [TrialEntry(tiny, 0.9, done(content).of_candidate("rung"), PROVENANCE, key)]
        )
    assert take(LedgerSource(other), ledger).new["trials"] == 4
    assert {sha256_hex(b"here"), sha256_hex(b"there")} <= ledger.named_files()
    assert len({row["uid"] for row in ledger.rows("trials")}) == 5
    third = Ledger(tmp_path / "third.sqlite")
    stores = (ledger, other, third)
    for round_about in range(2):
        for source in stores:
            for store in stores:
                new = take(LedgerSource(source), store).new["trials"]
                assert new == 0 or not round_about
    assert [store.row_count("trials") for store in stores] == [5, 5, 5]
    third.close()


def test_merging_many_rows_goes_by_batches(ledger: Ledger, other: Ledger, tiny: DataSet) -> None:
    results = [done(b"file %d" % (i % 20)) for i in range(401)]
    other.append_trials(
        [TrialEntry(tiny, 0.9, result.of_candidate("rung"), PROVENANCE) for result in results]
    )
    assert take(LedgerSource(other), ledger).new["trials"] == 404
    assert_holds(ledger, other)


def test_a_damaged_file_is_not_taken_along(ledger: Ledger, other: Ledger, tiny: DataSet) -> None:
    damage(other, b"two")
    taken = take(LedgerSource(other), ledger)
    assert list(taken.lost) == [sha256_hex(b"two")]
    assert taken.new["trials"] == 3
    assert problem_of(ledger.artifacts, sha256_hex(b"two")) == "no file"
    best = ledger.best_claim(tiny.digest, 0.99)
    assert best is not None
    assert Path(best.verification.path).read_bytes() == b"one"


def test_a_file_that_was_lost_comes_back_by_merging(
    ledger: Ledger, other: Ledger, tiny: DataSet
) -> None:
    take(LedgerSource(other), ledger)
    if not isinstance(ledger.artifacts, FolderArtifacts):
        return  # a database's own rows cannot be lost behind its back
    for content in (b"one", b"two"):
        damage(ledger, content)
    ledger.artifacts.path(sha256_hex(b"two")).unlink()
    assert sum(take(LedgerSource(other), ledger).new.values()) == 0
    assert_holds(ledger, other)


def test_an_altered_row_is_not_merged_over(ledger: Ledger, other: Ledger) -> None:
    take(LedgerSource(other), ledger)
    with other.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER claims_no_update")
        connection.exec_driver_sql("UPDATE claims SET correct = 9999 WHERE id = 2")
    with pytest.raises(LedgerError, match=r"correct 9999; expected 9900, as in the ledger"):
        take(LedgerSource(other), ledger)


def test_json_lines_hold_everything(
    ledger: Ledger, other: Ledger, tmp_path: Path, tiny: DataSet
) -> None:
    path = tmp_path / "all.jsonl"
    fill(ledger, tiny, b"own")
    take(LedgerSource(other), ledger)
    counts = write_json_lines(ledger, path)
    assert counts == {
        "artifacts": 3, "trials": 5, "claims": 3, "verifications": 1, "measurements": 2,
    }  # fmt: skip
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"minbits_ledger": current_version()}
    assert len(lines) == 15
    fresh = Ledger(tmp_path / "fresh.sqlite")
    taken = import_json_lines(path, fresh)
    assert taken.new == counts
    for table in TABLES:
        assert without_numbers(fresh, table) == without_numbers(ledger, table)
    assert_holds(fresh, ledger)
    assert sum(import_json_lines(path, fresh).new.values()) == 0

    bare = tmp_path / "bare.jsonl"
    write_json_lines(ledger, bare, with_files=False)
    assert "content" not in bare.read_text()
    empty = Ledger(tmp_path / "empty.sqlite")
    assert len(import_json_lines(bare, empty).lost) == 3
    assert import_json_lines(path, empty).new == dict.fromkeys(TABLES, 0)
    assert_holds(empty, ledger)
    for store in (fresh, empty):
        store.close()


def test_json_lines_of_an_older_version_are_taken(
    ledger: Ledger, tmp_path: Path, tiny: DataSet
) -> None:
    path = tmp_path / "all.jsonl"
    fill(ledger, tiny, b"own")
    write_json_lines(ledger, path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0]["minbits_ledger"] = "0002"
    for line in lines:
        for name in TRAINING_COUNTS:
            line.pop(name, None)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    fresh = Ledger(tmp_path / "fresh.sqlite")
    assert import_json_lines(path, fresh).new["trials"] == 2
    rows = fresh.rows("trials")
    assert [row["validation_correct"] for row in rows] == [10, None]
    assert {row[name] for row in rows for name in TRAINING_COUNTS} == {None}
    fresh.close()


def _alter(name: str, value: object) -> Callable[[list[dict[str, object]]], None]:
    def alter(lines: list[dict[str, object]]) -> None:
        next(line for line in lines if name in line)[name] = value

    return alter


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (lambda lines: lines.pop(0), "line 1: got no version"),
        (_alter("minbits_ledger", "9999"), r"version 9999; expected one of 0002, 0003, 0004, 0005"),
        (_alter("table", "users"), "line 2: got table 'users'; expected one of artifacts"),
        (_alter("content", "AAAA"), "line 2: got content of another digest"),
        (_alter("content", "?"), "no base64"),
        (_alter("size_bytes", 7), "another digest or length"),
        (_alter("seed", "5"), "seed '5'; expected a whole number"),
        (_alter("seconds", None), "seconds None; expected a finite number"),
        (_alter("uid", "x"), "uid 'x'; expected 32 hexadecimal digits"),
        (_alter("config", "{}"), "line 4: got config with no recipe"),
        (_alter("code_version", "0"), "line 4: got a row that was altered"),
        (lambda lines: lines[3].pop("seed"), r"differ in \['seed'\]"),
        (lambda lines: lines[3].update(colour="red"), r"differ in \['colour'\]"),
        (lambda lines: lines.pop(1), "a row that names artifact"),
        (lambda lines: lines.clear(), "an empty file"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_nothing_is_imported(
    other: Ledger, tmp_path: Path, alter: Callable[[list[dict[str, object]]], None], message: str
) -> None:
    path = tmp_path / "all.jsonl"
    write_json_lines(other, path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    alter(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    fresh = Ledger(tmp_path / "fresh.sqlite")
    with pytest.raises(LedgerError, match=message):
        import_json_lines(path, fresh)
    assert all(fresh.rows(table) == [] for table in TABLES)
    fresh.close()


def test_other_files_are_no_json_lines(tmp_path: Path) -> None:
    fresh = Ledger(tmp_path / "fresh.sqlite")
    path = tmp_path / "x.jsonl"
    for content, message in ((b"\x00\xff", "no JSON"), (b"[1]", "got list; expected an object")):
        path.write_bytes(content)
        with pytest.raises(LedgerError, match=message):
            import_json_lines(path, fresh)
    with pytest.raises(LedgerError, match="No such file"):
        import_json_lines(tmp_path / "none.jsonl", fresh)
    fresh.close()


@pytest.mark.parametrize("table", list(TABLES))
def test_tables_are_written_for_other_programs(
    ledger: Ledger, other: Ledger, tmp_path: Path, table: str
) -> None:
    take(LedgerSource(other), ledger)
    rows = ledger.rows(table)
    assert write_table(ledger, table, tmp_path / "t.parquet") == len(rows)
    read = pyarrow.parquet.read_table(tmp_path / "t.parquet")
    assert read.to_pylist() == rows
    assert read.schema.names == list(TABLES[table].c.keys())

    assert write_table(ledger, table, tmp_path / "t.csv") == len(rows)
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        texts = list(csv.DictReader(file))
    assert texts == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in rows
    ]


def test_an_empty_ledger_is_exported_too(ledger: Ledger, tmp_path: Path) -> None:
    assert write_table(ledger, "trials", tmp_path / "t.parquet") == 0
    schema = pyarrow.parquet.read_schema(tmp_path / "t.parquet")
    assert [str(schema.field(name).type) for name in ("id", "uid", "seconds")] == [
        "int64", "string", "double",
    ]  # fmt: skip
    with pytest.raises(OutputError, match="/proc/none"):
        write_table(ledger, "trials", Path("/proc/none/t.csv"))


def test_the_front_holds_what_no_smaller_file_beats(ledger: Ledger, tiny: DataSet) -> None:
    for content, correct in ((b"a" * 9, 9950), (b"b" * 8, 9900), (b"c" * 7, 9900), (b"d", 9000)):
        fill(ledger, tiny, content, correct=correct)
    assert [row["size_bits"] for row in front(ledger, None, None)] == [8, 56, 72]
    assert [row["size_bits"] for row in front(ledger, "stripes", 0.95)] == [56]
    assert front(ledger, "others", None) == front(ledger, None, 0.999) == []
    damage(ledger, b"c" * 7)
    assert [row["size_bits"] for row in front(ledger, None, None)] == [8, 64, 72]


def test_raw_and_normalised_inputs_have_fronts_of_their_own(ledger: Ledger, tiny: DataSet) -> None:
    fill(ledger, tiny, b"raw pixels", correct=9900)
    normalised = dataclasses.replace(CONFIG, architecture="moments 14; linear 2")
    for content, correct in ((b"normal", 9900), (b"larger", 9000)):
        found = dataclasses.replace(done(content), config=normalised)
        ledger.append_trial(tiny, 0.99, found.of_candidate("rung"), PROVENANCE)
        ledger.append_claim(tiny, 0.99, verification(content, correct), PROVENANCE)
    rows = front(ledger, None, 0.98)
    assert {(row["inputs"], row["size_bits"]) for row in rows} == {("normalised", 48), ("raw", 80)}
    assert len(front(ledger, None, None)) == 2


def test_prune_removes_what_no_row_names(other: Ledger, ledger: Ledger) -> None:
    assert prune(ledger, dry_run=False) == []
    folder = other.artifacts.folder  # type: ignore[attr-defined]
    orphan = folder / "ab" / f"{'ab' * 32}.mbn"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"of a run that was killed")
    named = other.artifacts.path(sha256_hex(b"one"))
    cut_short = named.with_name(f".{named.name}-x7b2")
    cut_short.write_bytes(b"on")
    notes = folder / "ab" / "notes.txt"
    notes.write_text("somebody's own")
    before = {path for path in folder.rglob("*") if path.is_file()}
    found = prune(other, dry_run=True)
    assert {(item.path, item.size_bytes, item.reason) for item in found} == {
        (orphan, 24, "no row names it"), (cut_short, 2, "a write that was cut short"),
    }  # fmt: skip
    assert {path for path in folder.rglob("*") if path.is_file()} == before
    assert prune(other, dry_run=False) == found
    assert {path for path in folder.rglob("*") if path.is_file()} == before - {orphan, cut_short}
    assert prune(other, dry_run=False) == []
