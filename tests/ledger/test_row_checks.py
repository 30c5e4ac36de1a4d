"""One schema for all rows: what it refuses, and that it refuses nothing that minbits ever wrote."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.errors import LedgerError
from minbits.ledger.migrate import known_versions
from minbits.ledger.provenance import Provenance
from minbits.ledger.references import Known, reference_fault
from minbits.ledger.row_checks import row_fault
from minbits.ledger.rows import storable_text
from minbits.ledger.schema import TABLES
from minbits.ledger.shown import shown
from minbits.ledger.store import Ledger, TrialEntry, read_ledger
from minbits.types import DataSet, TrainingRecipe, TrialConfig, TrialOutcome, trial_config
from tests.ledger.bad_rows import CASES, IDS, Changes, changed
from tests.ledger.examples import PROVENANCE, done, fill, fill_rest, verification

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "golden" / "ledgers"
RECORDS = HERE.parent.parent / "records" / "ledger.sqlite"


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, tiny: DataSet) -> dict[str, dict[str, Any]]:
    """Return a sound row of every table."""
    ledger = Ledger(tmp_path_factory.mktemp("rows") / "ledger.sqlite")
    fill(ledger, tiny, b"one")
    fill_rest(ledger, tiny)
    first = {table: ledger.rows(table)[0] for table in TABLES}
    ledger.close()
    return first


@pytest.fixture(scope="module")
def known(rows: dict[str, dict[str, Any]]) -> Known:
    found = Known()
    for table, row in rows.items():
        found.add(table, row)
    return found


@pytest.mark.parametrize(("table", "changes"), CASES, ids=IDS)
def test_every_fault_is_found(
    rows: dict[str, dict[str, Any]], known: Known, table: str, changes: Changes
) -> None:
    assert row_fault(table, rows[table]) is None
    assert reference_fault(table, rows[table], known) is None
    row = changed(table, rows[table], changes)
    fault = row_fault(table, row) or reference_fault(table, row, known)
    assert fault is not None
    text = str(fault)
    assert len(text) < 1000
    assert text.isprintable()
    assert text.isascii() or text.replace("…", "").isascii()
    assert "; expected " in text


@pytest.mark.parametrize(
    "path", [*(GOLDEN / v / "ledger.sqlite" for v in known_versions()), RECORDS]
)
def test_nothing_that_was_ever_written_is_refused(path: Path) -> None:
    reader = read_ledger(path)
    for table in TABLES:
        assert len(reader.rows(table)) == reader.row_count(table)
    assert reader.row_count("claims") > 0
    assert reader.faulty_rows() == []
    reader.close()


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40),
    st.binary(max_size=9), st.sampled_from([2**31 - 1, 2**31, 2**63 - 1, 10**400, 1e308]),
    st.sampled_from(["0" * 64, "0" * 32, "{}", "done"]),
)  # fmt: skip


@given(data=st.data())
def test_what_passes_can_be_relied_upon(
    rows: dict[str, dict[str, Any]], data: st.DataObject
) -> None:
    """Whatever stands in the columns: it is refused, or all that readers do with it works."""
    table = data.draw(st.sampled_from(list(TABLES)))
    names = data.draw(st.lists(st.sampled_from(list(rows[table])), max_size=3))
    row = {**rows[table], **{name: data.draw(values) for name in names}}
    if row_fault(table, row) is not None:
        return
    json.dumps(row, allow_nan=False).encode()
    if table == "trials":
        config = trial_config(json.loads(row["config"]))
        assert config.recipe.float_epochs + config.seed >= 0
        if row["validation_correct"] is not None:
            assert 0 <= row["validation_correct"] / row["validation_examples"] <= 1
            assert row["size_bits"] >= 8
    if table == "claims":
        assert 0 <= row["correct"] / row["n_test"] <= 1
        assert row["size_bits"] // 8 > 0


@given(value=st.one_of(values, st.text(), st.binary(), st.lists(st.text())))
def test_what_is_shown_is_short_and_printable(value: object) -> None:
    assert len(shown(value)) <= 61
    assert shown(value).isprintable()


def test_a_long_text_is_refused_at_once(rows: dict[str, dict[str, Any]]) -> None:
    row = {**rows["trials"], "candidate": "\x1b" * 2**27}
    start = time.perf_counter()
    fault = row_fault("trials", row)
    assert time.perf_counter() - start < 0.2
    assert fault is not None
    assert len(str(fault)) < 200


def test_what_minbits_makes_of_odd_facts_is_appended(ledger: Ledger, tiny: DataSet) -> None:
    """A name of a file that is no Unicode, an error of a megabyte: no trial is lost for them."""
    config = TrialConfig("linear 2", TrainingRecipe(1, 1), 5)
    for error in ("a\0b", "\udcff.csv", "x" * (2**20 + 5)):
        result = TrialOutcome(config, "failed", 1.0, error, energy_joules=float("inf"))
        entry = TrialEntry(tiny, 0.9, result.of_candidate(f"from {error[:5]}"), PROVENANCE)
        (number,) = ledger.append_trials([entry])
        (row,) = ledger.find("trials", str(number))
        assert row["error"] == storable_text(error)
        assert row["energy_joules"] is None
    assert [len(row["error"]) for row in ledger.rows("trials")] == [4, 10, 2**20]


@pytest.mark.parametrize(
    ("provenance", "message"),
    [
        (Provenance("v\0", {}, {}), "code_version 'v\\\\x00'; expected a text without NUL"),
        (Provenance("v", {}, {"cores": float("nan")}), "machine .*; expected JSON"),  # type: ignore[dict-item]
    ],
)
def test_a_row_that_nothing_could_rely_upon_is_not_appended(
    ledger: Ledger, tiny: DataSet, provenance: Provenance, message: str
) -> None:
    with pytest.raises(LedgerError, match=message):
        ledger.append_trial(tiny, 0.9, done(b"x").of_candidate("rung"), provenance)
    assert ledger.rows("trials") == ledger.rows("artifacts") == []
    ledger.append_trial(tiny, 0.9, done(b"x").of_candidate("rung"), PROVENANCE)
    other = dataclasses.replace(tiny, digest="d" * 64)
    with pytest.raises(LedgerError, match=r"a claim of file .* expected a trial on the same data"):
        ledger.append_claim(other, 0.9, verification(b"x", 9000), PROVENANCE)
    with pytest.raises(LedgerError, match=r"names artifact .* expected a row of that artifact"):
        ledger.append_claim(tiny, 0.9, verification(b"y", 9000), PROVENANCE)
    assert ledger.rows("claims") == []
