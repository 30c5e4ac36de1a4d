"""Rows and images that a network never saw: handled, or refused with row and column named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import minbits
from minbits.codec.architecture import Architecture
from minbits.codec.file_format import encode_network
from minbits.codec.inference import predict_logits
from minbits.codec.network import Network
from minbits.data import load
from minbits.data.companion import companion_bytes, companion_path
from minbits.errors import ArgumentError, DataError, OutputError
from minbits.evaluation.calibration import calibrated_companion, fitted_inverse
from minbits.files import sha256_hex
from minbits.layers.linear import Linear
from minbits.types import DataSet
from tests.cli.here import Here
from tests.conftest import idx_bytes, stripes
from tests.strategies import random_network

KINDS = ("ant", "bee")


def write_network(path: Path, data: DataSet) -> Path:
    """Write a network of random weights for a data set, and its companion."""
    shape = Architecture(data.input_shape, data.input_exponent, (Linear(data.class_count),))
    network = random_network(shape, 1)
    content = encode_network(network)
    path.write_bytes(content)
    companion = calibrated_companion(network, sha256_hex(content), data)
    companion_path(path).write_bytes(companion_bytes(companion))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table, images, and a network with its companion for each."""
    place = tmp_path_factory.mktemp("predict")
    generator = np.random.default_rng(0)
    lines = ["size,colour,legs,kind"]
    for i in range(60):
        colour = ("red", "green", "")[i % 3]
        lines.append(f"{generator.normal():.3f},{colour},{6 + i % 3},{KINDS[i % 2]}")
    (place / "t.csv").write_text("\n".join(lines) + "\n")
    write_network(place / "t.mbn", load(place / "t.csv"))
    images, labels = stripes(60, 0)
    np.savez(place / "i.npz", x=images, y=labels)
    write_network(place / "i.mbn", load(place / "i.npz"))
    return place


@pytest.fixture(scope="module")
def table(folder: Path) -> Network:
    return minbits.read(folder / "t.mbn")


@pytest.fixture(scope="module")
def images(folder: Path) -> Network:
    return minbits.read(folder / "i.mbn")


ROWS = pd.DataFrame({"size": [0.5, -1.0, 2.0], "colour": ["red", None, "green"], "legs": [6, 7, 8]})


def rows_file(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


# --- the same rows in every form


def test_all_forms_of_rows_give_the_same_as_the_loader(folder: Path, table: Network) -> None:
    data = load(folder / "t.csv")
    assert data.table is not None
    expected = predict_logits(table.quantized, data.test_inputs)
    names = np.array(["green", "red", None], object)
    values = data.table.test_values
    frame = pd.DataFrame({
        "legs": values[:, 2],
        "size": values[:, 0],
        "colour": names[np.where(np.isnan(values[:, 1]), 2, values[:, 1]).astype(int)],
    })  # fmt: skip
    forms = [
        frame,
        frame.astype({"colour": "category"}),
        frame.to_dict("records"),
        frame.to_dict("list"),
        frame[["size", "colour", "legs"]].to_numpy(),
        frame[["size", "colour", "legs"]].to_numpy().tolist(),
        data.test_inputs,
    ]
    for form in forms:
        np.testing.assert_array_equal(table.predict_logits(form), expected)
    assert (table.predict(frame) == expected.argmax(axis=1)).all()
    assert list(table.predict_names(frame)) == [KINDS[i] for i in expected.argmax(axis=1)]


def test_all_kinds_of_files_give_the_same(folder: Path, tmp_path: Path, table: Network) -> None:
    expected = table.predict_proba(ROWS)
    ROWS.to_csv(tmp_path / "r.csv", index=False)
    ROWS.to_csv(tmp_path / "r.tsv", index=False, sep="\t")
    ROWS.iloc[:, ::-1].to_parquet(tmp_path / "r.parquet")
    text = ROWS.fillna("").to_records(index=False)
    plain = text.astype([("size", "f8"), ("colour", "U9"), ("legs", "i8")])
    np.save(tmp_path / "r.npy", plain)
    for suffix in ("csv", "tsv", "parquet", "npy"):
        found = minbits.predict(folder / "t.mbn", tmp_path / f"r.{suffix}")
        np.testing.assert_array_equal(found.probabilities, expected, suffix)
        assert list(found.names) == ([2, 3, 4] if suffix[1:] == "sv" else [1, 2, 3])
        assert found.remarks == ()
    np.testing.assert_array_equal(minbits.predict(folder / "t.mbn", ROWS).probabilities, expected)


def test_probabilities_are_logits_times_the_stored_factor(table: Network) -> None:
    logits = table.predict_logits(ROWS).astype(np.float64)
    assert table.companion is not None
    powers = np.exp(table.companion.inverse_temperature * logits)
    np.testing.assert_allclose(
        table.predict_proba(ROWS), powers / powers.sum(axis=1, keepdims=True), rtol=1e-12
    )


def test_the_factor_is_one_at_which_labels_have_the_shortest_code() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 500)
    logits = generator.normal(size=(500, 3))
    logits[np.arange(500), labels] += 1

    def code(inverse: float) -> float:
        scaled = inverse * logits
        total = np.log(np.exp(scaled).sum(axis=1)).sum()
        return float(total - scaled[np.arange(500), labels].sum())

    best = fitted_inverse(logits, labels)
    assert code(best) < min(code(0.9 * best), code(1.1 * best))
    assert fitted_inverse(8 * logits, labels) == pytest.approx(best / 8, rel=1e-9)
    assert 0 < fitted_inverse(np.eye(2)[[0, 1]], np.array([0, 1])) < 100
    assert fitted_inverse(np.array([[np.inf, 0.0]]), np.array([0])) == 0


# --- what is odd about rows


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        (
            "size,colour,legs\n1,blue,6\n",
            "'colour': 1 row has a category unknown to training, such as 'blue' (row 2)",
        ),
        (
            "size,colour,legs\n1,red,6\n\n,red,6\n?,red,6\n",
            "'size': 2 rows have no value, which training always had (the first in row 4)",
        ),
        ("size,colour,legs,id\n1,red,6,x\n", "column 'id'"),
    ],
)  # fmt: skip
def test_what_is_handled_is_told(folder: Path, tmp_path: Path, text: str, remark: str) -> None:
    path = rows_file(tmp_path, text)
    (found,) = minbits.predict(folder / "t.mbn", path).remarks
    assert remark in found
    with pytest.raises(DataError, match="`strict` is given"):
        minbits.predict(folder / "t.mbn", path, strict=True)


def test_a_missing_cell_is_one_where_training_had_some(folder: Path, table: Network) -> None:
    missing = ROWS.iloc[[1]]
    unknown = missing.assign(colour="blue")
    assert table.companion is not None
    network = table.quantized.layers[0].weights.values().reshape(2, -1)
    with pytest.warns(UserWarning, match="unknown to training"):
        logits = table.predict_logits(unknown)
    # Channels: size, green, red, no colour, legs.
    np.testing.assert_allclose(table.predict_logits(missing) - logits, network[:, [3]].T, rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size,colour\n1,red\n", "no column 'legs' among size, colour"),
        (
            "size,colour,legs\n1,red,6\nbig,red,6\n",
            "row 3, column 'size': got 'big'; expected a number, as in training",
        ),
        ("size,colour,legs\n1,red,1_0\n", "row 2, column 'legs': got '1_0'"),
        ("size,colour,legs\n1,red,inf\n", "row 2, column 'legs': got an infinite number"),
        ("size,colour,legs\n1e300,red,6\n", "row 2, column 'size': got 1e+300"),
        ("size,colour,legs\n1,red\n", "row 2, column 'legs': got a row that ends before it"),
        ("size,colour,legs,size\n1,red,6,2\n", "column 4: got a second column named 'size'"),
        ("size,colour,legs\n", "no rows"),
        ("1,2,3\n", "no column 'size', 'colour', 'legs' among column 1"),
        ("", "an empty file or first line"),
        ("size,colour,legs\n\"1,red,6\n", "row 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(
    folder: Path, tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        minbits.predict(folder / "t.mbn", rows_file(tmp_path, text))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (None, "got NoneType"),
        ([[1.0, "red"]], "an array of shape (1, 2); expected (rows, 3)"),
        ([1.0, 2.0], "an array of shape (2,)"),
        ([[1], [1, 2]], "rows of different lengths"),
        ([], "an array of shape (0,)"),
        ({"size": [1], "colour": ["red", "red"], "legs": [6]}, "columns of 1 and 2 rows"),
        ([{"size": 1, "colour": "red", "legs": [6]}], "row 1, column 'legs': got a value of type"),
        (ROWS.assign(size=pd.to_datetime("2020-01-01")), "column 'size': got a value of type"),
        (ROWS.iloc[:0], "no rows"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit_are_one_error(table: Network, rows: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        table.predict(rows)
    assert message in str(caught.value)


def test_labels_beside_the_rows_are_counted(folder: Path, tmp_path: Path) -> None:
    names = minbits.predict(folder / "t.mbn", ROWS).predicted
    labelled = ROWS.assign(kind=[names[0], "wasp", None])
    labelled.to_csv(tmp_path / "r.csv", index=False)
    found = minbits.predict(folder / "t.mbn", tmp_path / "r.csv")
    assert found.labelled == (1, 2)
    assert found.remarks == ("Labels that are no class of the network count as wrong: 'wasp'.",)


@pytest.mark.parametrize("label_place", [0, 1, 2])
def test_tables_without_a_header_are_read_by_place(tmp_path: Path, label_place: int) -> None:
    generator = np.random.default_rng(0)
    cells = generator.normal(size=(40, 3))
    cells[:, label_place] = np.arange(40) % 2
    np.savetxt(tmp_path / "t.csv", cells, fmt="%.3f", delimiter=",")
    data = load(tmp_path / "t.csv", label=f"column {label_place + 1}")
    network = write_network(tmp_path / "t.mbn", data)
    whole = minbits.predict(network, tmp_path / "t.csv")
    assert whole.labelled[1] == 40  # 0.000 is the class 0
    np.savetxt(tmp_path / "n.csv", np.delete(cells, label_place, 1), fmt="%.3f", delimiter=",")
    without = minbits.predict(network, tmp_path / "n.csv")
    np.testing.assert_array_equal(without.probabilities, whole.probabilities)
    assert without.remarks == ()


# --- arrays and images


def test_arrays_in_every_shape(folder: Path, tmp_path: Path, images: Network) -> None:
    arrays, labels = stripes(5, 3)
    expected = images.predict(arrays)
    for shape in ((5, 8, 8), (5, 1, 8, 8), (5, 8, 8, 1), (5, 64)):
        for kind in (np.uint8, np.float32, np.int64):
            assert (images.predict(arrays.reshape(shape).astype(kind)) == expected).all()
    np.savez(tmp_path / "a.npz", x=arrays, y=labels)
    np.save(tmp_path / "a.npy", arrays)
    (tmp_path / "a-idx3-ubyte").write_bytes(idx_bytes(arrays))
    for name in ("a.npz", "a.npy", "a-idx3-ubyte"):
        assert (minbits.predict(folder / "i.mbn", tmp_path / name).classes == expected).all()
    found = minbits.predict(folder / "i.mbn", tmp_path / "a.npz")
    assert found.labelled == ((expected == labels).sum(), 5)
    assert list(found.names) == [1, 2, 3, 4, 5]


def test_images_and_folders_of_images(folder: Path, tmp_path: Path, images: Network) -> None:
    arrays, labels = stripes(4, 3)
    for index, (image, label) in enumerate(zip(arrays, labels, strict=True)):
        (tmp_path / "new" / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "new" / str(label) / f"{index}.png")
    found = minbits.predict(folder / "i.mbn", tmp_path / "new")
    order = [int(Path(str(name)).stem) for name in found.names]
    assert (found.classes == images.predict(arrays[order])).all()
    assert found.labelled[1] == 4
    one = minbits.predict(folder / "i.mbn", str(found.names[0]))
    assert (one.predicted, list(one.names)) == (found.predicted[:1], [found.names[0]])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 8, 8)) + 0.5, "numbers from 0.5 to 0.5; expected whole numbers from 0"),
        (np.zeros((2, 8, 8)) - 1, "numbers from -1 to -1"),
        (np.zeros((2, 7, 8)), "examples of shape (7, 8); expected 1 x 8 x 8, as in training"),
        (np.zeros(64), "an array of shape (64,); expected (examples, 1 x 8 x 8)"),
        (np.full((1, 8, 8), np.nan), "NaN or infinite"),
        (np.full((1, 64), "a"), "numbers"),
        (np.full((1, 64), "a", object), "values that are no numbers"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit(images: Network, array: np.ndarray, message: str) -> None:
    with pytest.raises(DataError) as caught:
        images.predict(array)
    assert message in str(caught.value)


def test_images_that_do_not_fit(folder: Path, tmp_path: Path) -> None:
    Image.new("L", (9, 8)).save(tmp_path / "wide.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "colour.png")
    (tmp_path / "empty").mkdir()
    for name, message in [
        ("wide.png", "8 x 9 pixels; expected 8 x 8, as in training"),
        ("colour.png", "a colour image; expected a grey image"),
        ("empty", "no images in the folder"),
        ("none.png", "no such file"),
    ]:
        with pytest.raises(DataError, match=message):
            minbits.predict(folder / "i.mbn", tmp_path / name)
    minbits.predict(folder / "i.mbn", tmp_path / "wide.png", resize=(8, 8))
    with pytest.raises(DataError, match=r"a file of type '\.png'"):
        minbits.predict(folder / "t.mbn", tmp_path / "wide.png")
    with pytest.raises(DataError, match=r"a file of type '\.csv'"):
        minbits.predict(folder / "i.mbn", rows_file(tmp_path, "a\n1\n"))
    with pytest.raises(ArgumentError, match="such as 28x28"):
        minbits.predict(folder / "i.mbn", tmp_path / "wide.png", resize=(8, 0))


def test_a_folder_that_was_resized_resizes_what_is_new(tmp_path: Path) -> None:
    arrays, labels = stripes(40, 0)
    for index, (image, label) in enumerate(zip(arrays, labels, strict=True)):
        (tmp_path / "old" / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "old" / str(label) / f"{index}.png")
    data = load(tmp_path / "old", resize="4x4")
    network = write_network(tmp_path / "n.mbn", data)
    assert minbits.predict(network, tmp_path / "old").labelled[1] == 40


# --- the files


def test_a_network_without_its_companion_says_where_it_is(folder: Path, tmp_path: Path) -> None:
    alone = tmp_path / "t.mbn"
    alone.write_bytes((folder / "t.mbn").read_bytes())
    with pytest.raises(DataError, match=r"no companion; expected the file NAME\.data\.json"):
        minbits.predict(alone, ROWS)
    there = folder / "t.data.json"
    assert minbits.predict(alone, ROWS, companion=there).predicted
    with pytest.raises(DataError, match="the companion of a network file with SHA-256"):
        minbits.predict(alone, ROWS, companion=folder / "i.data.json")
    network = minbits.read(alone)
    with pytest.raises(DataError, match="no companion"):
        network.predict_proba(np.zeros((1, 5)))
    assert network.predict(np.zeros((1, 5))).shape == (1,)  # encoded inputs, as ever


def test_a_companion_of_other_classes_is_refused(folder: Path, tmp_path: Path) -> None:
    alone = tmp_path / "t.mbn"
    alone.write_bytes((folder / "t.mbn").read_bytes())
    plain = json.loads((folder / "t.data.json").read_text())
    plain["classes"].append("wasp")
    companion_path(alone).write_text(json.dumps(plain))
    with pytest.raises(DataError, match="3 classes and 5 inputs; expected 2 and 5"):
        minbits.read(alone)


def test_what_is_written(folder: Path, tmp_path: Path) -> None:
    asked = folder / "t.mbn"
    report = minbits.predict(asked, ROWS, out=tmp_path / "p.csv")
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[0] == "row,class,p(ant),p(bee)"
    assert [line.split(",")[1] for line in lines[1:]] == report.predicted
    minbits.predict(asked, ROWS, out=tmp_path / "p.json")
    plain = json.loads((tmp_path / "p.json").read_text())
    assert plain["counts"] == report.counts
    assert [one["class"] for one in plain["predictions"]] == report.predicted
    for out, message in [("p.csv", "is there"), ("p.png", "suffix"), ("no.csv/p.csv", "p.csv")]:
        (tmp_path / "no.csv").touch()
        with pytest.raises(OutputError, match=message):
            minbits.predict(asked, ROWS, out=tmp_path / out)
    minbits.predict(asked, ROWS, out=tmp_path / "p.csv", force=True)
    with pytest.raises(OutputError, match="its companion"):
        minbits.predict(asked, ROWS, out=folder / "t.data.json", force=True)
    source = rows_file(tmp_path, "size,colour,legs\n1,red,6\n")
    with pytest.raises(OutputError, match="the input"):
        minbits.predict(asked, source, out=source, force=True)


def test_the_command_line(here: Here, folder: Path, tmp_path: Path) -> None:
    lines = "".join(f"{i % 5},blue,6,ant\n" for i in range(30))
    path = rows_file(tmp_path, f"size,colour,legs,kind\n{lines}")
    done = here("predict", folder / "t.mbn", path)
    assert done.returncode == 0
    assert "30 rows have a category unknown to training" in done.stderr
    assert "10 more examples; --out FILE.csv" in done.stdout
    assert "of 30 labels as predicted" in done.stdout
    done = here("predict", folder / "t.mbn", path, "--json")
    plain = json.loads(done.stdout)
    assert (len(plain["predictions"]), plain["labelled"]) == (30, 30)
    assert plain["predictions"][0].keys() == {"name", "class", "probabilities"}
    out = tmp_path / "p.csv"
    done = here("predict", folder / "i.mbn", folder / "i.npz", "--out", out, "--json")
    assert json.loads(done.stdout)["outputs"] == {"predictions": str(out)}
    np.save(tmp_path / "a.npy", stripes(2, 3)[0])
    done = here("predict", folder / "i.mbn", tmp_path / "a.npy", "--json")
    Image.fromarray(stripes(1, 3)[0][0]).save(tmp_path / "one.png")
    image = here("predict", folder / "i.mbn", tmp_path / "one.png", "--json")
    assert json.loads(image.stdout)["predictions"][0]["name"] == str(tmp_path / "one.png")
    assert json.loads(done.stdout)["accuracy"] is None
    done = here("predict", folder / "t.mbn", path, "--strict")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--strict" in done.stderr


def test_predicting_does_not_import_pytorch(folder: Path) -> None:
    code = (
        "import sys, minbits; minbits.predict(sys.argv[1], [[1.0, 'red', 6]]); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(folder / "t.mbn")], check=True)


def test_numbers_are_read_in_the_notation_of_training(tmp_path: Path) -> None:
    rows = "".join(f"$1,{i:03};{i % 7},5;{'ab'[i % 2]}\n" for i in range(30))
    (tmp_path / "t.csv").write_text(f"price;share;label\n{rows}")
    data = load(tmp_path / "t.csv")
    network = write_network(tmp_path / "n.mbn", data)
    found = minbits.predict(network, tmp_path / "t.csv")
    assert found.labelled[1] == 30
    plain = [{"price": 1000 + i, "share": i % 7 + 0.5} for i in range(30)]
    assert np.array_equal(minbits.predict(network, plain).probabilities, found.probabilities)
    with pytest.raises(DataError, match="column 'price': got '5 %'; expected a number, as in"):
        minbits.predict(network, [{"price": "5 %", "share": "0,5"}])
