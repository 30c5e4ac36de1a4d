"""A table is verified on the data set that its file was made for, and on no other."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import minbits
from minbits.claims.ledger_verification import verify_ledger
from minbits.claims.own_data import plain_run, verify
from minbits.claims.verification import verify_file
from minbits.codec.architecture import Architecture
from minbits.codec.file_format import decode_network, encode_network
from minbits.codec.inference import predict
from minbits.data import load
from minbits.data.companion import companion_bytes, companion_of, companion_path
from minbits.data.encoding import encode
from minbits.errors import DataError, LedgerError
from minbits.files import sha256_hex
from minbits.layers.linear import Linear
from minbits.ledger.provenance import Provenance
from minbits.ledger.store import Ledger
from minbits.types import DataSet, TrainingRecipe, TrialConfig, TrialOutcome
from tests.cli.here import Here
from tests.strategies import random_network

PROVENANCE = Provenance("0+test", {"numpy": "2"}, {"cores": 2})


def rows_of(cells: np.ndarray) -> str:
    lines = [f"{a},{b},{'xy'[i % 2]}" for i, (a, b) in enumerate(cells)]
    return "a,b,kind\n" + "\n".join(lines) + "\n"


@pytest.fixture
def cells() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(60, 2))


@pytest.fixture
def table(tmp_path: Path, cells: np.ndarray) -> DataSet:
    (tmp_path / "t.csv").write_text(rows_of(cells))
    return load(tmp_path / "t.csv")


@pytest.fixture
def edited(tmp_path: Path, cells: np.ndarray) -> DataSet:
    """Return the same rows with two cells changed, which changes the encoding of all of them."""
    cells = cells.copy()
    cells[3] = 1000
    (tmp_path / "edited.csv").write_text(rows_of(cells))
    return load(tmp_path / "edited.csv")


def network(folder: Path, shape: tuple[int, int, int], classes: int = 2, exponent: int = 0) -> Path:
    path = folder / "n.mbn"
    made = random_network(Architecture(shape, exponent, (Linear(classes),)), 1)
    path.write_bytes(encode_network(made))
    return path


def put_card(path: Path, data: DataSet, **changes: object) -> None:
    content = path.read_bytes()
    card = {
        "data": data.name, "data_digest": data.digest, "target_accuracy": 0.5,
        "size_bits": 8 * len(content), "sha256": sha256_hex(content),
        "n_test": len(data.test_labels), "correct": 1, "validation": {"correct": 1, "examples": 2},
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps({**card, **changes}))


def test_the_own_table_is_run(tmp_path: Path, table: DataSet) -> None:
    path = network(tmp_path, table.input_shape)
    put_card(path, table)
    run = verify(path, table)
    assert (run.is_own_data, run.encoding_fitted_anew, run.remarks) == (True, False, ())
    assert run.verification.correct == verify_file(path, table).correct
    plain = plain_run(run)
    assert plain["counted_as_look"] is False
    assert plain["made_for_digests"] == [table.digest]
    assert minbits.verify(path, table).verification.sha256 == run.verification.sha256


def test_another_table_is_an_error(tmp_path: Path, table: DataSet, edited: DataSet) -> None:
    path = network(tmp_path, table.input_shape)
    put_card(path, table)
    with pytest.raises(
        DataError, match=f"{edited.digest}; expected {table.digest}.*`any_data=True`"
    ):
        verify(path, edited)
    run = verify(path, edited, any_data=True)
    assert (run.is_own_data, run.encoding_fitted_anew) == (False, True)
    assert "fitted anew" in run.remarks[1]


def test_a_table_of_which_nothing_is_known_is_an_error(tmp_path: Path, table: DataSet) -> None:
    path = network(tmp_path, table.input_shape)
    with pytest.raises(DataError, match="nothing that says what the file was made for"):
        verify(path, table)
    run = verify(path, table, any_data=True)
    assert (run.made_for, run.is_own_data, run.encoding_fitted_anew) == (None, None, True)


def test_a_ledger_knows_files_without_a_card(
    tmp_path: Path, table: DataSet, edited: DataSet
) -> None:
    path = network(tmp_path, table.input_shape)
    target = tmp_path / "ledger.sqlite"
    ledger = Ledger(target)
    config = TrialConfig("linear 2", TrainingRecipe(1, 1), 0)
    result = TrialOutcome(config, "done", 1.0, None, path.read_bytes(), 5, 10)
    ledger.append_trial(table, 0.5, result.of_candidate("linear 2"), PROVENANCE)
    ledger.append_claim(table, 0.5, verify_file(path, table), PROVENANCE)
    ledger.close()
    run = verify(path, table, ledger=target)
    assert run.is_own_data
    assert run.made_for is not None
    assert run.made_for.name == "t"
    with pytest.raises(DataError, match=r"as the ledger .* says of t"):
        verify(path, edited, ledger=target)
    with pytest.raises(LedgerError):
        verify(path, table, ledger=tmp_path / "none.sqlite")
    other = Ledger(target)
    with pytest.raises(DataError, match=f"`data` edited: got .*{edited.digest}"):
        verify_ledger(other, [edited])
    assert other.row_count("verifications") == 0
    assert verify_ledger(other, [table]).is_good
    other.close()


def test_images_may_be_an_own_test_set_and_the_difference_is_told(
    tmp_path: Path, tiny: DataSet
) -> None:
    path = network(tmp_path, (1, 8, 8), exponent=8)
    unknown = verify(path, tiny)
    assert unknown.is_own_data is None
    assert "Nothing says which data set" in unknown.remarks[0]
    put_card(path, tiny, data_digest="0" * 64)
    other = verify(path, tiny)
    assert (other.is_own_data, other.encoding_fitted_anew) == (False, False)
    assert "not the data set that the file was made for" in other.remarks[0]
    assert other.verification.correct == verify_file(path, tiny).correct


def test_images_of_other_classes_are_refused(tmp_path: Path, tiny: DataSet) -> None:
    path = network(tmp_path, (1, 8, 8), classes=3, exponent=8)
    with pytest.raises(DataError, match="a network of 3 classes; expected 2"):
        verify(path, tiny)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "as on the card"),
        ("{", "the card of the network file beside it"),
        ('{"sha256": 3}', "the card of the network file beside it"),
        ("[" * 50_000, "nested too deep"),
    ],
)
def test_a_card_that_is_damaged_or_of_another_file_is_an_error(
    tmp_path: Path, tiny: DataSet, text: str | None, message: str
) -> None:
    path = network(tmp_path, (1, 8, 8), exponent=8)
    put_card(path, tiny, sha256="0" * 64)
    if text is not None:
        path.with_suffix(".json").write_text(text)
    with pytest.raises(DataError, match=message):
        verify(path, tiny, any_data=True)


def test_json_beside_a_file_that_is_no_card_says_nothing(tmp_path: Path, tiny: DataSet) -> None:
    path = network(tmp_path, (1, 8, 8), exponent=8)
    path.with_suffix(".json").write_text('{"weights": [1, 2]}')
    assert verify(path, tiny).made_for is None


def test_the_command_line_says_it_all(
    here: Here, tmp_path: Path, table: DataSet, edited: DataSet
) -> None:
    path = network(tmp_path, table.input_shape)
    put_card(path, table)
    done = here("verify", path, "--data", tmp_path / "t.csv")
    assert done.returncode == 0
    assert "is not counted" in " ".join(done.stdout.split())
    done = here("verify", path, "--data", tmp_path / "edited.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert edited.digest in done.stderr
    assert table.digest in done.stderr
    # The same file read in another way is another data set.
    done = here(
        "verify", path, "--data", tmp_path / "t.csv", "--label", "kind", "--categorical", "b"
    )
    assert done.returncode == 2
    done = here("verify", path, "--data", tmp_path / "edited.csv", "--any-data", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert (found["is_own_data"], found["encoding_fitted_anew"]) == (False, True)
    assert (found["made_for"], found["data"]) == ("t", "edited")
    done = here("verify", path, "--data", tmp_path / "edited.csv", "--any-data")
    assert "fitted anew" in " ".join(done.stdout.split())


# --- with a companion


def put_companion(path: Path, data: DataSet) -> None:
    made = companion_of(data, sha256_hex(path.read_bytes()), 1.0, 5)
    companion_path(path).write_bytes(companion_bytes(made))


def test_another_table_is_encoded_by_the_companion(
    tmp_path: Path, table: DataSet, edited: DataSet
) -> None:
    path = network(tmp_path, table.input_shape)
    put_companion(path, table)
    own = verify(path, table)
    assert (own.is_own_data, own.encoded_by_companion, own.remarks) == (True, True, ())
    assert own.made_for is not None
    assert own.made_for.source.endswith("n.data.json")
    assert own.verification.correct == verify_file(path, table).correct

    run = verify(path, edited)
    assert (run.is_own_data, run.encoding_fitted_anew) == (False, False)
    assert "nothing was fitted" in run.remarks[1]
    assert edited.table is not None
    assert table.table is not None
    inputs = encode(table.table.columns, edited.table.test_values)
    assert (inputs[:, :, None, None] != edited.test_inputs).any()
    found = predict(decode_network(path.read_bytes()), inputs)
    assert run.verification.correct == (found == edited.test_labels).sum()
    assert plain_run(run)["encoded_by_companion"]


def test_columns_and_classes_are_found_by_their_names(tmp_path: Path, cells: np.ndarray) -> None:
    lines = [f"{a},{b},{'xyz'[i % 3]}" for i, (a, b) in enumerate(cells)]
    (tmp_path / "t.csv").write_text("a,b,kind\n" + "\n".join(lines))
    swapped = [f"{'z' if i % 2 else 'y'},{b},{a}" for i, (a, b) in enumerate(cells)]
    (tmp_path / "s.csv").write_text("kind,b,a\n" + "\n".join(swapped))
    table, other = load(tmp_path / "t.csv"), load(tmp_path / "s.csv", label="kind")
    path = network(tmp_path, table.input_shape, classes=3)
    put_companion(path, table)
    assert other.table is not None
    assert table.table is not None
    inputs = encode(table.table.columns, other.table.test_values[:, ::-1])
    found = predict(decode_network(path.read_bytes()), inputs)
    assert verify(path, other).verification.correct == (found == other.test_labels + 1).sum()


def test_a_table_without_a_column_or_with_another_class_is_refused(
    tmp_path: Path, table: DataSet, cells: np.ndarray
) -> None:
    path = network(tmp_path, table.input_shape)
    put_companion(path, table)
    other = tmp_path / "other.csv"
    other.write_text(rows_of(cells).replace("a,b,", "a,c,"))
    with pytest.raises(DataError, match="no column 'b' among a, c"):
        verify(path, load(other))
    other.write_text(rows_of(cells).replace(",y\n", ",z\n"))
    with pytest.raises(DataError, match="the class 'z'; expected the classes of the network, x, y"):
        verify(path, load(other))


def test_images_have_their_classes_by_name(tmp_path: Path, tiny: DataSet) -> None:
    path = network(tmp_path, (1, 8, 8), exponent=8)
    put_companion(path, dataclasses.replace(tiny, class_names=("1", "0")))
    swapped = verify(path, tiny).verification.correct
    put_companion(path, tiny)
    assert verify(path, tiny).verification.correct == len(tiny.test_labels) - swapped


def test_a_companion_that_the_card_does_not_name_is_an_error(
    tmp_path: Path, table: DataSet
) -> None:
    path = network(tmp_path, table.input_shape)
    put_companion(path, table)
    put_card(path, table, companion={"file": "n.data.json", "sha256": "0" * 64})
    with pytest.raises(DataError, match=r"n\.data\.json: got a companion with SHA-256"):
        verify(path, table)
    put_card(path, table)
    companion_path(path).write_text("{}")
    with pytest.raises(DataError, match=r"n\.data\.json: got no key 'format'"):
        verify(path, table)
