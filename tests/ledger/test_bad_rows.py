"""Bad rows: none is imported or merged, and a ledger that has some is read around them."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from minbits.claims.ledger_verification import verify_ledger
from minbits.errors import LedgerError
from minbits.files import sha256_hex
from minbits.ledger.exchange import LedgerSource, take
from minbits.ledger.front import front
from minbits.ledger.json_lines import import_json_lines, write_json_lines
from minbits.ledger.migrate import current_version
from minbits.ledger.prune import prune
from minbits.ledger.rows import Row, expected_row_hash
from minbits.ledger.schema import TABLES
from minbits.ledger.store import Ledger, TrialEntry
from minbits.ledger.table_files import write_table
from minbits.types import DataSet
from tests.ledger.bad_rows import CASES, IDS, Changes, bad_rows_like, changed, inject, take_out
from tests.ledger.examples import PROVENANCE, done, fill, fill_rest

PAST = "2026-01-01T00:00:00+00:00"


def fill_all(ledger: Ledger, data: DataSet) -> None:
    fill(ledger, data, b"one", b"three")
    fill_rest(ledger, data)


@pytest.fixture
def other(tmp_path: Path, tiny: DataSet) -> Iterator[Ledger]:
    store = Ledger(tmp_path / "other.sqlite")
    fill_all(store, tiny)
    yield store
    store.close()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, tiny: DataSet) -> list[dict[str, Any]]:
    """Return the lines of an exported ledger."""
    folder = tmp_path_factory.mktemp("exported")
    store = Ledger(folder / "ledger.sqlite")
    fill_all(store, tiny)
    write_json_lines(store, folder / "all.jsonl")
    store.close()
    return [json.loads(line) for line in (folder / "all.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    store = Ledger(tmp_path_factory.mktemp("empty") / "ledger.sqlite")
    yield store
    store.close()


def assert_empty(ledger: Ledger) -> None:
    assert {table: ledger.row_count(table) for table in TABLES} == dict.fromkeys(TABLES, 0)


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize(("table", "changes"), CASES, ids=IDS)
def test_no_line_with_a_fault_is_imported(
    exported: list[dict[str, Any]], empty: Ledger, tmp_path: Path, table: str, changes: Changes
) -> None:
    place = next(n for n, line in enumerate(exported) if line.get("table") == table)
    lines = [dict(line) for line in exported]
    lines[place] = changed(table, lines[place], changes)
    path = write(tmp_path / "all.jsonl", lines)
    with pytest.raises(LedgerError, match=r"all.jsonl, line \d+: got .+; expected .+"):
        import_json_lines(path, empty)
    assert_empty(empty)


LINES: list[tuple[Callable[[list[dict[str, Any]]], object], str]] = [
    (lambda lines: lines[1].update(table=["x"]), r"line 2: got table \['x'\]"),
    (lambda lines: lines[1].update(table={}), r"line 2: got table \{\}"),
    (lambda lines: lines[1].update(table="x" * 10_000), "line 2: got table 'xxx"),
    (lambda lines: lines[0].update(minbits_ledger=["x"]), r"version \['x'\]"),
    (lambda lines: lines[0].update(minbits_ledger="\x1b[2J"), r"version '\\x1b\[2J'"),
    (lambda lines: lines[1].update({"\x1b[2J": 1}), r"differ in \['\\x1b\[2J'\]"),
    (lambda lines: lines[1].update(content=7), "no base64"),
    (lambda lines: lines[1].update(content=["AAAA"]), "no base64"),
    (lambda lines: lines[1].update(sha256=["x"]), "another digest or length"),
    (lambda lines: lines[3].update(id="x" * 9), "id 'xxxxxxxxx'; expected a whole number"),
    (lambda lines: lines[3].update(seconds=10**400), "a number that is too large"),
    (lambda lines: lines.pop(3), "a claim of file .* expected a trial on the same data"),
    (lambda lines: lines.pop(4), "a claim of file .* expected a trial on the same data"),
    (lambda lines: lines.pop(6), "expected a claim of the same file and data"),
    (lambda lines: lines.append({**lines[6], "correct": 9000}), "another row of the same name"),
    (lambda lines: lines.append({**lines[1], "size_bytes": 4, "content": None}), "the same name"),
    (lambda lines: lines[1].update(size_bytes=4, content=None), r"size_bits 24; expected 32, as"),
]  # fmt: skip


@pytest.mark.parametrize(("alter", "message"), LINES)
def test_lines_that_are_odd_together_are_refused(
    exported: list[dict[str, Any]],
    empty: Ledger,
    tmp_path: Path,
    alter: Callable[[list[dict[str, Any]]], object],
    message: str,
) -> None:
    lines = [dict(line) for line in exported]
    alter(lines)
    with pytest.raises(LedgerError, match=message) as caught:
        import_json_lines(write(tmp_path / "all.jsonl", lines), empty)
    assert len(str(caught.value)) < 2000
    assert str(caught.value).isprintable()
    assert_empty(empty)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"table": "trials", "seconds": ' + b"9" * 5000 + b"}",
        b'{"table": "trials", "seconds": NaN}',
        b'{"table": "trials", "seconds": Infinity}',
        b"\xff\xfe\x00",
        b"{",
        b"null",
        b'"text"',
    ],
    ids=range(9),
)
def test_a_line_that_is_no_row_is_named(
    exported: list[dict[str, Any]], empty: Ledger, tmp_path: Path, line: bytes
) -> None:
    path = write(tmp_path / "all.jsonl", exported)
    path.write_bytes(path.read_bytes() + line + b"\n")
    place = len(exported) + 1
    with pytest.raises(LedgerError, match=f"line {place}: got .*; expected"):
        import_json_lines(path, empty)
    assert_empty(empty)


def test_what_is_no_file_to_read_twice_is_refused(empty: Ledger, tmp_path: Path) -> None:
    for path in (Path("/dev/zero"), tmp_path):
        with pytest.raises(LedgerError, match=r"no file|Is a directory"):
            import_json_lines(path, empty)
    with pytest.raises(LedgerError, match="No such file"):
        import_json_lines(tmp_path / "none.jsonl", empty)


def test_a_line_without_end_is_not_read_to_its_end(
    empty: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minbits.ledger.json_lines._MAX_LINE_BYTES", 10_000)
    path = tmp_path / "all.jsonl"
    with path.open("wb") as file:
        file.truncate(2**40)  # zeros that take no room on the disk
    start = time.monotonic()
    with pytest.raises(LedgerError, match="line 1: got a longer line"):
        import_json_lines(path, empty)
    assert time.monotonic() - start < 5


def test_several_exports_in_one_file_are_taken(
    exported: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Also those of two ledgers of an older version, in which both did the same trial."""
    twin = dict(exported[3])
    twin.update(artifact_sha256=exported[4]["artifact_sha256"], size_bits=40)
    assert exported[3]["table"] == twin["table"] == "trials"
    fresh = Ledger(tmp_path / "fresh.sqlite")
    taken = import_json_lines(write(tmp_path / "a.jsonl", [*exported, *exported, twin]), fresh)
    assert taken.new == {
        "artifacts": 2, "trials": 4, "claims": 2, "verifications": 1, "measurements": 2,
    }  # fmt: skip
    again = import_json_lines(write(tmp_path / "b.jsonl", [exported[0], twin, *exported]), fresh)
    assert sum(again.new.values()) == 0
    assert len({row["uid"] for row in fresh.rows("trials")}) == 4
    fresh.close()


def test_a_length_is_that_of_the_file_that_is_there(
    exported: list[dict[str, Any]], tmp_path: Path
) -> None:
    """A row says of a file that is here already that it is shorter."""
    fresh = Ledger(tmp_path / "fresh.sqlite")
    fresh.database.write(
        lambda connection: fresh.artifacts.put(connection, {sha256_hex(b"one"): b"one"})
    )
    lines = [dict(line) for line in exported]
    for line in lines:
        if sha256_hex(b"one") in line.values() and line["table"] != "verifications":
            line.update(size_bytes=1) if line["table"] == "artifacts" else line.update(size_bits=8)
            line.pop("content", None)
    with pytest.raises(LedgerError, match="size_bytes 1; expected 3, as the file has"):
        import_json_lines(write(tmp_path / "a.jsonl", lines), fresh)
    assert_empty(fresh)
    fresh.close()


def test_rows_of_one_name_that_differ_are_refused_before_anything_is_appended(
    other: Ledger, tmp_path: Path, exported: list[dict[str, Any]]
) -> None:
    path = tmp_path / "all.jsonl"
    write_json_lines(other, path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    (place,) = (i for i, line in enumerate(lines) if line.get("table") == "verifications")
    changed = {**lines.pop(place), "correct": 9000}
    before = {table: other.rows(table) for table in TABLES}
    # What comes before that row is new, and would be appended.
    with pytest.raises(LedgerError, match="correct 9000; expected 9900, as in the ledger"):
        import_json_lines(write(path, [*lines, *exported[1:], changed]), other)
    assert {table: other.rows(table) for table in TABLES} == before


# --- merging and reading around


@pytest.mark.parametrize("table", list(TABLES))
def test_a_ledger_with_a_bad_row_is_not_merged(
    ledger: Ledger, other: Ledger, tmp_path: Path, table: str
) -> None:
    """From SQLite and from PostgreSQL: nothing is taken, and the row is named."""
    take(LedgerSource(other), ledger)
    fresh = Ledger(tmp_path / "fresh.sqlite")
    tried = 0
    on_server = ledger.database.engine.dialect.name == "postgresql"
    bad = list(bad_rows_like(table, ledger.rows(table)[0]))
    for row in bad[:: 3 if on_server else 1]:  # all of them are tried from a file
        for number in inject(ledger, table, [row]):
            tried += 1
            message = rf"ledger .+, {table} .+: got .+ leaves such rows out"
            with pytest.raises(LedgerError, match=message):
                take(LedgerSource(ledger), fresh)
            take_out(ledger, table, number)
    assert tried > (1 if table == "artifacts" else 4)
    assert_empty(fresh)
    assert sum(take(LedgerSource(ledger), fresh).new.values()) == 10
    fresh.close()


Answers = dict[str, Any]


def answers(ledger: Ledger, data: DataSet, folder: Path) -> Answers:
    """Return what every reader says of a ledger, but for counts of rows."""
    digest = data.digest
    best = ledger.best_claim(digest, 0.9)
    outcomes = ledger.trial_outcomes(digest)
    found: Answers = {
        "tables": {table: ledger.rows(table) for table in TABLES},
        "latest": {table: ledger.latest(table, None, 2) for table in TABLES},
        "front": front(ledger, None, None),
        "best": None if best is None else best.verification,
        "outcomes": outcomes,
        "to claim": ledger.files_to_claim(digest, 0.5, float("inf")),
        "claimed": [ledger.is_claimed(digest, sha256_hex(name)) for name in (b"one", b"two")],
        "accuracies": ledger.test_accuracies(digest),
        "trial": ledger.trial_of_file(digest, sha256_hex(b"one")),
        "trials": ledger.trials_of(digest, "rung"),
        "objections": [ledger.objection(row, 0.9) for row in ledger.rows("claims")],
        "exported": write_json_lines(ledger, folder / "all.jsonl"),
        "table": [write_table(ledger, table, folder / "table.csv") for table in TABLES],
        "lines": (folder / "all.jsonl").read_text(),
        "prune": prune(ledger, dry_run=True),
    }
    return found


@pytest.mark.parametrize("table", list(TABLES))
def test_a_ledger_with_bad_rows_is_read_around_them(
    ledger: Ledger, tiny: DataSet, tmp_path: Path, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    fill_all(ledger, tiny)
    ledger.append_trial(tiny, 0.9, done(b"two").of_candidate("rung"), PROVENANCE)
    before = answers(ledger, tiny, tmp_path)
    numbers = inject(ledger, table, bad_rows_like(table, ledger.rows(table)[0]))
    assert len(numbers) > (2 if table == "artifacts" else 8)
    with caplog.at_level(logging.WARNING):
        assert answers(ledger, tiny, tmp_path) == before
    told = re.findall(rf"ledger \S+: {table} (\S+) is passed over: got .+; expected", caplog.text)
    assert len(told) == len(set(told)) == len(numbers)
    if table != "artifacts":
        assert {int(number) for number in told} == set(numbers)
    assert all(line.isprintable() for record in caplog.records for line in [record.getMessage()])
    assert ledger.row_count(table) == len(before["tables"][table]) + len(numbers)
    for number in numbers[:3]:
        assert ledger.find(table, str(number)) == []

    # What was exported is whole: it is the way to a ledger without such rows.
    fresh = Ledger(tmp_path / "fresh.sqlite")
    assert import_json_lines(tmp_path / "all.jsonl", fresh).new == before["exported"]
    fresh.close()

    # And the ledger goes on.
    ledger.append_trial(tiny, 0.9, done(b"four").of_candidate("rung"), PROVENANCE)
    seeds = ledger.reserve_seeds(tiny.digest, 0, 4)
    assert len(set(seeds)) == 4
    assert len(ledger.faulty_rows()) == len(numbers)
    if table != "claims":
        return  # a process for each claim takes long
    found = verify_ledger(ledger)
    assert len(found.entries) == len(before["tables"]["claims"])
    assert {entry.outcome for entry in found.entries} == {"failed"}  # b"one" is no network
    # It says of the ledger that it is not as it should be.
    assert len(found.altered) == len(numbers)
    assert all(name.startswith(f"{table} ") for name in found.altered)


def test_a_text_that_is_no_unicode_makes_its_row_a_bad_one(
    other: Ledger, tiny: DataSet, caplog: pytest.LogCaptureFixture
) -> None:
    before = other.rows("trials")
    with other.database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE copy AS SELECT * FROM trials WHERE id = 1")
        connection.exec_driver_sql(
            f"UPDATE copy SET id = 77, uid = '{'a' * 32}', candidate = CAST(X'ff41' AS TEXT)"
        )
        connection.exec_driver_sql("INSERT INTO trials SELECT * FROM copy")
        connection.exec_driver_sql("DROP TABLE copy")
    with caplog.at_level(logging.WARNING):
        assert other.rows("trials") == before
    assert "trials 77 is passed over: got candidate '\\udcffA'; expected a text" in caplog.text


def test_a_good_row_behind_a_bad_one_is_found(
    ledger: Ledger, tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first or the last of some rows is asked for, bad ones do not count."""
    fill_all(ledger, tiny)
    (first, *_), (verified,) = ledger.rows("trials"), ledger.rows("verifications")
    claim = ledger.rows("claims")[0]
    worse = {**verified, "uid": "a" * 32, "correct": 10, "seconds": -1.0}
    worse["row_hash"] = expected_row_hash("verifications", worse)
    trial = {**first, "uid": "b" * 32, "candidate": "odd", "status": "splendid"}
    for row in (worse, trial):
        del row["id"]
    inject(ledger, "verifications", [worse])
    inject(ledger, "trials", [trial])
    assert ledger.objection(claim, 0.9) is None
    assert ledger.trial_of_file(tiny.digest, first["artifact_sha256"]) == first
    assert ledger.latest("trials", None, 1) == [ledger.rows("trials")[-1]]


def test_a_file_that_only_a_bad_row_names_is_not_pruned(
    other: Ledger, tiny: DataSet, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be all that is left of what was found."""
    row: Row = dict(other.rows("trials")[0])
    del row["id"]
    other.database.write(
        lambda connection: other.artifacts.put(connection, {sha256_hex(b"kept"): b"kept"})
    )
    inject(
        other, "trials",
        [{**row, "uid": "c" * 32, "artifact_sha256": sha256_hex(b"kept"), "config": "{}"}],
    )  # fmt: skip
    with caplog.at_level(logging.WARNING):
        assert prune(other, dry_run=False) == []
    assert other.artifacts.read(sha256_hex(b"kept")) == b"kept"
    assert "is passed over: got config with no recipe" in caplog.text


def test_no_path_leads_out_of_the_folder(other: Ledger) -> None:
    for name in ("../../etc/passwd", "A" * 64, "", "a\0b"):
        with pytest.raises(LedgerError, match="a name that is no digest"):
            other.artifacts.path(name)
        with pytest.raises(LedgerError, match="a name that is no digest"):
            other.artifacts.read(name)


def test_the_version_of_exported_lines_is_the_present_one(exported: list[dict[str, Any]]) -> None:
    assert exported[0] == {"minbits_ledger": current_version()}


@pytest.mark.parametrize("size", [1, -3])
def test_where_rows_disagree_on_a_length_the_file_decides(
    ledger: Ledger, tiny: DataSet, other: Ledger, tmp_path: Path, size: int
) -> None:
    """A bad row of an artifact must not be the end of all trials that give its file."""
    file = b"a file"
    row = {"sha256": sha256_hex(file), "size_bytes": size, "created_at": PAST}
    assert inject(ledger, "artifacts", [row])
    fill(ledger, tiny, file, b"one")
    claims = ledger.rows("claims")
    assert [claim["size_bits"] for claim in claims] == [48, 24]
    assert len(ledger.rows("trials")) == 3
    # A claim that is as short as the bad row says is not the smallest one.
    short = {**claims[0], "uid": "d" * 32, "size_bits": 8}
    del short["id"]
    inject(ledger, "claims", [short])
    best = ledger.best_claim(tiny.digest, 0.9)
    assert best is not None
    assert best.verification.size_bits == 24
    assert ledger.rows("claims") == claims
    # And it stands in the way of no other ledger's rows.
    fill(other, tiny, file)
    write_json_lines(other, tmp_path / "other.jsonl")
    assert import_json_lines(tmp_path / "other.jsonl", ledger).new["claims"] == 3
    assert take(LedgerSource(other), ledger).new == dict.fromkeys(TABLES, 0)


def test_every_result_of_one_uid_is_kept(ledger: Ledger, tiny: DataSet) -> None:
    results = [done(b"one"), done(b"two"), done(b"one", correct=8)]
    entries = [
        TrialEntry(tiny, 0.9, item.of_candidate("rung"), PROVENANCE, "e" * 32) for item in results
    ]
    numbers = ledger.append_trials(entries)
    assert len(set(numbers)) == 3
    time.sleep(1.1)  # what arrives again may arrive later
    assert ledger.append_trials(entries[::-1]) == numbers[::-1]
    rows = {row["id"]: row for row in ledger.rows("trials")}
    for number, result in zip(numbers, results, strict=True):
        assert result.network_file is not None
        assert rows[number]["artifact_sha256"] == sha256_hex(result.network_file)
        assert rows[number]["validation_correct"] == result.validation_correct
    assert len(rows) == 3
