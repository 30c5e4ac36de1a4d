"""What is found out about a data set stays in the ledger, and a look at one makes no ledger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minbits.errors import LedgerError
from minbits.information.entropy_table import entropy_table
from minbits.jobs.codelength import codelength_job
from minbits.jobs.codelength_request import CodelengthRequest
from minbits.jobs.entropy_report import entropy_job
from minbits.jobs.entropy_request import EntropyRequest
from minbits.jobs.kept_figures import keep_counts
from minbits.ledger.location import default_ledger_path
from minbits.ledger.store import open_ledger, read_ledger
from minbits.studies.kept import CODELENGTH, ENTROPY
from tests.reports.examples import PROVENANCE, data_set


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty user data directory."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "own"))
    return tmp_path / "own"


def test_entropies_are_kept_where_a_ledger_is_named(own_folder: Path, tmp_path: Path) -> None:
    data, place = data_set("one"), tmp_path / "ledger.sqlite"
    report = entropy_job(data, EntropyRequest(minutes=0, ledger=place))
    with read_ledger(place) as ledger:
        (row,) = ledger.measurements(data.digest, ENTROPY)
    result = json.loads(row["result"])
    assert [item["key"] for item in result["figures"]] == [item.key for item in report.figures]
    assert (result["training_examples"], result["classes"], result["ladder"]) == (48, 3, None)
    assert json.loads(row["settings"])["minutes"] == 0
    assert not own_folder.exists()


def test_a_look_at_a_data_set_makes_no_ledger(own_folder: Path, tmp_path: Path) -> None:
    entropy_job(data_set("one"), EntropyRequest(minutes=0))
    codelength_job(data_set("one"), CodelengthRequest("uniform"))
    # Codes read a ledger, and are kept in one that is there.
    codelength_job(data_set("one"), CodelengthRequest("uniform", ledger=tmp_path / "none.sqlite"))
    assert list(tmp_path.iterdir()) == []
    assert not own_folder.exists()


def test_the_users_own_ledger_keeps_figures_once_it_is_there(own_folder: Path) -> None:
    data = data_set("one")
    open_ledger(default_ledger_path()).close()
    entropy_job(data, EntropyRequest(minutes=0))
    report = codelength_job(data, CodelengthRequest("uniform", seed=5))
    with read_ledger(default_ledger_path()) as ledger:
        (entropies,) = ledger.measurements(data.digest, ENTROPY)
        (codes,) = ledger.measurements(data.digest, CODELENGTH)
    assert entropies["data_name"] == "one"
    assert codes["seed"] == 5
    result = json.loads(codes["result"])
    assert [item["size_bits"] for item in result["codes"]] == [report.codes[0].size_bits]
    assert "outputs" not in result


def test_a_ledger_that_cannot_be_used_is_told_before_the_work(tmp_path: Path) -> None:
    place = tmp_path / "ledger.sqlite"
    place.write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerError):
        entropy_job(data_set("one"), EntropyRequest(minutes=1000, ledger=place))


def test_counts_are_kept_once(tmp_path: Path) -> None:
    data = data_set("one")
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        for _ in range(2):
            keep_counts(ledger, data, entropy_table(data), PROVENANCE)
        (row,) = ledger.measurements(data.digest, ENTROPY)
    keys = [item["key"] for item in json.loads(row["result"])["figures"]]
    assert "label_entropy_total" in keys
