"""Appending to ledgers and asking them: the same tests on SQLite and on PostgreSQL."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from minbits.errors import LedgerError
from minbits.files import sha256_hex
from minbits.ledger.artifacts import FolderArtifacts, problem_of
from minbits.ledger.location import LedgerTarget
from minbits.ledger.migrate import current_version
from minbits.ledger.provenance import current_provenance
from minbits.ledger.rows import expected_row_hash, trial_outcome
from minbits.ledger.schema import ARTIFACT_CONTENTS, METADATA
from minbits.ledger.store import Ledger, TrialEntry, VerificationEntry, read_ledger
from minbits.types import DataSet
from tests.ledger.examples import PROVENANCE, done, failed, fill, verification


def test_trials_are_kept_with_all_that_made_them(ledger: Ledger, tiny: DataSet) -> None:
    ledger.append_trial(tiny, 0.9, done(b"network").of_candidate("rung"), PROVENANCE)
    ledger.append_trial(tiny, 0.9, failed().of_candidate("rung"), PROVENANCE)
    first, second = ledger.rows("trials")
    assert (first["size_bits"], first["status"], first["seed"]) == (56, "done", 5)
    assert ledger.artifacts.read(first["artifact_sha256"]) == b"network"
    assert ledger.artifacts.path(first["artifact_sha256"]).read_bytes() == b"network"
    assert (second["status"], second["error"], second["size_bits"]) == (
        "failed", "ValueError: no", None,
    )  # fmt: skip
    assert '"float_epochs": 1' in first["config"]
    assert (first["code_version"], first["seconds"]) == ("0+test", 1.5)
    assert (first["energy_joules"], second["energy_joules"]) == (20.5, None)
    assert (first["training_correct"], first["training_examples"]) == (19, 20)
    assert json.loads(first["libraries"]) == {"numpy": "2"}
    assert json.loads(first["machine"]) == {"cores": 2}
    for row in (first, second):
        assert row["row_hash"] == expected_row_hash("trials", row)


def test_the_same_artifact_is_stored_once(ledger: Ledger, tiny: DataSet) -> None:
    for _ in range(2):
        ledger.append_trial(tiny, 0.9, done(b"network").of_candidate("rung"), PROVENANCE)
    assert len(ledger.rows("artifacts")) == 1
    assert len(ledger.rows("trials")) == 2


def test_many_trials_are_appended_in_one_transaction(ledger: Ledger, tiny: DataSet) -> None:
    entries = [
        TrialEntry(tiny, 0.9, done(b"n%d" % (i % 3)).of_candidate(f"rung {i}"), PROVENANCE)
        for i in range(9)
    ]
    assert ledger.append_trials(entries) == list(range(1, 10))
    assert ledger.append_trials([]) == []
    rows = ledger.rows("trials")
    assert [row["candidate"] for row in rows] == [entry.outcome.candidate for entry in entries]
    assert len(ledger.rows("artifacts")) == 3
    bad = dataclasses.replace(entries[0], outcome=dataclasses.replace(done(b"x"), seconds=None))  # type: ignore[arg-type]
    with pytest.raises(
        LedgerError, match=r"new row of trials: got seconds None; expected a finite"
    ):
        ledger.append_trials([entries[0], bad])
    assert ledger.rows("trials") == rows
    assert len(ledger.rows("artifacts")) == 3


def test_a_result_that_arrives_twice_is_one_row(ledger: Ledger, tiny: DataSet) -> None:
    entry = TrialEntry(tiny, 0.9, done(b"network").of_candidate("rung"), PROVENANCE, uid="a" * 32)
    other = TrialEntry(tiny, 0.9, failed().of_candidate("rung"), PROVENANCE, uid="b" * 32)
    assert ledger.append_trials([entry]) == ledger.append_trials([entry])
    first, second = ledger.append_trials([other, entry])
    assert second == 1 != first
    assert [row["uid"][0] for row in ledger.rows("trials")] == ["a", "b"]


def test_several_threads_append_to_one_ledger(ledger: Ledger, tiny: DataSet) -> None:
    numbers: list[int] = []

    def append(name: str) -> None:
        for i in range(10):
            result = done(f"{name} {i}".encode())
            numbers.append(ledger.append_trial(tiny, 0.9, result.of_candidate(name), PROVENANCE))

    threads = [threading.Thread(target=append, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(numbers)) == 40
    assert ledger.trial_count(tiny.digest) == 40
    for row in ledger.rows("trials"):
        assert problem_of(ledger.artifacts, row["artifact_sha256"]) is None


def test_the_best_claim_is_the_smallest_that_reaches(ledger: Ledger, tiny: DataSet) -> None:
    sizes = {b"a" * 30: 9950, b"b" * 20: 9900, b"c" * 10: 9899}
    for content, correct in sizes.items():
        ledger.append_trial(
            tiny, 0.99, done(content).of_candidate(f"rung {len(content)}"), PROVENANCE
        )
        ledger.append_claim(tiny, 0.99, verification(content, correct), PROVENANCE)
    best = ledger.best_claim(tiny.digest, 0.99)
    assert best is not None
    assert (best.verification.size_bits, best.verification.correct) == (160, 9900)
    assert Path(best.verification.path).read_bytes() == b"b" * 20
    lower = ledger.best_claim(tiny.digest, 0.98)
    assert lower is not None
    assert lower.verification.size_bits == 80
    for narrow in (
        ledger.best_claim(tiny.digest, 0.98, among={sha256_hex(b"a" * 30)}),
        ledger.best_claim(tiny.digest, 0.98, candidates=["rung 30"]),
    ):
        assert narrow is not None
        assert narrow.verification.size_bits == 240
    assert ledger.best_claim(tiny.digest, 0.999) is None
    assert ledger.best_claim("another digest", 0.5) is None
    assert ledger.look_count(tiny.digest) == 3
    assert ledger.is_claimed(tiny.digest, sha256_hex(b"a" * 30))
    assert not ledger.is_claimed(tiny.digest, sha256_hex(b"d"))


def damage(ledger: Ledger, content: bytes) -> None:
    """Flip one bit of a stored file, behind the ledger's back."""
    sha256 = sha256_hex(content)
    flipped = bytes([content[0] ^ 1]) + content[1:]
    if isinstance(ledger.artifacts, FolderArtifacts):
        ledger.artifacts.path(sha256).write_bytes(flipped)
        return
    with ledger.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE artifact_contents DISABLE TRIGGER ALL")
        query = sa.update(ARTIFACT_CONTENTS).where(ARTIFACT_CONTENTS.c.sha256 == sha256)
        connection.execute(query.values(content=flipped))


def test_a_damaged_file_is_passed_over_with_a_warning(
    ledger: Ledger, tiny: DataSet, caplog: pytest.LogCaptureFixture
) -> None:
    fill(ledger, tiny, b"a" * 30, b"b" * 20)
    damage(ledger, b"b" * 20)
    with caplog.at_level(logging.WARNING):
        best = ledger.best_claim(tiny.digest, 0.99)
    assert best is not None
    assert best.verification.size_bits == 240
    assert "claim 2 of 160 bits is passed over: a damaged file" in caplog.text
    with pytest.raises(LedgerError, match="a damaged file"):
        ledger.artifacts.read(sha256_hex(b"b" * 20))
    damage(ledger, b"a" * 30)
    assert ledger.best_claim(tiny.digest, 0.99) is None


def test_a_claim_that_was_contradicted_is_passed_over(
    ledger: Ledger, tiny: DataSet, caplog: pytest.LogCaptureFixture
) -> None:
    fill(ledger, tiny, b"a" * 30, b"b" * 20)
    claim = ledger.rows("claims")[1]
    found = verification(b"b" * 20, 9800)
    entry = VerificationEntry(claim, "differs", "9,800, not 9,900", 2.0, PROVENANCE, found)
    assert ledger.append_verification(entry) == 1
    best = ledger.best_claim(tiny.digest, 0.99)
    assert best is not None
    assert best.verification.size_bits == 240
    assert "verification 1 found 9,800 of 10,000 correct" in caplog.text
    # A row that was wrong once is not relied upon at a lower accuracy either: its file is to be
    # put to the test anew.
    lower = ledger.best_claim(tiny.digest, 0.98)
    assert lower is not None
    assert lower.verification.size_bits == 240
    assert [item.size_bits for item in ledger.files_to_claim(tiny.digest, 0.98, 200)] == [160]
    ledger.append_verification(VerificationEntry(claim, "missing", "no file", 0.0, PROVENANCE))
    ledger.append_verification(
        dataclasses.replace(
            entry, outcome="confirmed", problem=None, found=verification(b"b" * 20, 9900)
        )
    )
    again = ledger.best_claim(tiny.digest, 0.99)
    assert again is not None
    assert again.verification.size_bits == 160
    row = ledger.rows("verifications")[0]
    assert row["row_hash"] == expected_row_hash("verifications", row)
    assert (row["outcome"], row["correct"], row["claim_uid"]) == ("differs", 9800, claim["uid"])


def test_files_to_claim_reached_validation_and_were_not_tested(
    ledger: Ledger, tiny: DataSet
) -> None:
    fill(ledger, tiny, b"tested")
    for content, correct, candidate in (
        (b"good", 9, "x"),
        (b"better file", 10, "y"),
        (b"b", 8, "x"),
    ):
        ledger.append_trial(tiny, 0.9, done(content, correct).of_candidate(candidate), PROVENANCE)
    found = ledger.files_to_claim(tiny.digest, 0.9, float("inf"))
    assert [
        (item.size_bits, item.validation_correct, item.validation_examples) for item in found
    ] == [(32, 9, 10), (88, 10, 10)]
    assert found[0].sha256 == sha256_hex(b"good")
    assert ledger.files_to_claim(tiny.digest, 0.9, 88) == found[:1]
    assert ledger.files_to_claim(tiny.digest, 0.9, 1e9, ["y"]) == found[1:]
    assert ledger.files_to_claim("another digest", 0.5, 1e9) == []


def test_narrow_queries_agree_with_all_rows(ledger: Ledger, tiny: DataSet) -> None:
    fill(ledger, tiny, b"one", b"two")
    ledger.append_trial(
        tiny,
        0.9,
        dataclasses.replace(failed(), status="interrupted", candidate="other"),
        PROVENANCE,
    )
    rows = ledger.rows("trials")
    assert ledger.trial_count(tiny.digest) == len(rows) == ledger.row_count("trials") == 4
    assert ledger.trials_of(tiny.digest, "rung") == [trial_outcome(row) for row in rows[:3]]
    assert ledger.trial_of_file(tiny.digest, sha256_hex(b"two")) == rows[1]
    assert ledger.trial_of_file(tiny.digest, sha256_hex(b"three")) is None
    assert ledger.trial_outcomes(tiny.digest) == [trial_outcome(row) for row in rows]
    assert ledger.latest("trials", None, 2) == rows[2:]
    assert ledger.latest("trials", "stripes", None) == rows
    assert ledger.latest("trials", "others", None) == []
    assert ledger.find("trials", "2") == [rows[1]]
    assert ledger.find("trials", rows[1]["uid"][:9]) == [rows[1]]
    assert ledger.find("artifacts", sha256_hex(b"two")[:7]) == [
        row for row in ledger.rows("artifacts") if row["sha256"] == sha256_hex(b"two")
    ]
    # no row has this number, and a random uid does not start with nine nines
    assert ledger.find("claims", "999999999") == []
    for table in ("claims", "artifacts"):
        for wildcard in ("%", "_"):
            assert ledger.find(table, wildcard) == []
    assert ledger.named_files() == {sha256_hex(b"one"), sha256_hex(b"two")}


@pytest.mark.parametrize("table", ["trials", "claims", "artifacts", "verifications"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET created_at = 'x'"])
def test_rows_can_be_neither_changed_nor_removed(
    ledger: Ledger, tiny: DataSet, table: str, statement: str
) -> None:
    fill(ledger, tiny, b"network")
    claim = ledger.rows("claims")[0]
    ledger.append_verification(VerificationEntry(claim, "confirmed", None, 1.0, PROVENANCE))
    before = ledger.rows(table)
    with (
        pytest.raises(sa.exc.DBAPIError, match="append-only"),
        ledger.database.engine.begin() as connection,
    ):
        connection.exec_driver_sql(statement.format(table))
    assert ledger.rows(table) == before != []


def test_the_migrations_give_the_tables_of_the_schema(ledger: Ledger) -> None:
    dialect = ledger.database.engine.dialect
    inspector = sa.inspect(ledger.database.engine)
    for name, table in METADATA.tables.items():
        found = {
            column["name"]: (column["type"].compile(dialect), column["nullable"])
            for column in inspector.get_columns(name)
        }
        assert found == {
            column.name: (
                column.type.compile(dialect).replace("FLOAT", found[column.name][0]),
                column.nullable,
            )
            for column in table.columns
        }
        indices = {
            (index["name"], tuple(index["column_names"])) for index in inspector.get_indexes(name)
        }
        assert indices == {
            (index.name, tuple(column.name for column in index.columns)) for index in table.indexes
        }
    on_server = inspector.has_table(ARTIFACT_CONTENTS.name)
    assert on_server == (dialect.name == "postgresql")


def test_a_ledger_is_opened_again_as_it_was(
    ledger: Ledger, target: LedgerTarget, tiny: DataSet
) -> None:
    fill(ledger, tiny, b"network")
    rows = {table: ledger.rows(table) for table in METADATA.tables}
    ledger.close()
    for opened in (Ledger(target), read_ledger(target)):
        assert {table: opened.rows(table) for table in METADATA.tables} == rows
        assert opened.artifacts.read(rows["artifacts"][0]["sha256"]) == b"network"
        opened.close()


def test_a_ledger_of_the_future_is_refused(ledger: Ledger, target: LedgerTarget) -> None:
    with ledger.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    ledger.close()
    version = current_version()
    for way_to_open in (Ledger, read_ledger):
        with pytest.raises(LedgerError, match=f"schema version 9999; expected at most {version}"):
            way_to_open(target)


def test_provenance_tells_code_and_machine() -> None:
    found = current_provenance("cpu", 2)
    assert found.code_version.startswith("0.")
    assert "+" in found.code_version
    assert found.libraries["numpy"] != "not installed"
    assert found.machine["workers"] == 2


def test_a_path_that_is_not_utf_8_is_one_error() -> None:
    with pytest.raises(LedgerError, match="not UTF-8"):
        Ledger("l\udce9.sqlite")
