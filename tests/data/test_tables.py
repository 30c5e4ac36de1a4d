from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minbits import entropy
from minbits.data import load
from minbits.data.assemble import assemble
from minbits.data.encoding import encode, encoding_bits, fit_encoding
from minbits.data.splits import validation_split
from minbits.data.tables import RawTable, assemble_table, number_columns, table_of
from minbits.errors import DataError
from minbits.types import Column

NUMBERS = arrays(
    np.float64, st.integers(2, 30), elements=st.floats(-1e12, 1e12, allow_subnormal=False)
)


@given(NUMBERS)
def test_encoded_numbers_lie_within_about_one_and_decode_to_themselves(values: np.ndarray) -> None:
    (column,) = fit_encoding((Column("a", "real"),), values[:, None])
    encoded = encode((column,), values[:, None])[:, 0]
    assert np.abs(encoded).max() <= 1.5
    decoded = np.ldexp(encoded.astype(np.float64) + column.offset, column.exponent)
    # float32 keeps 24 bits of the encoded number, whose unit is 2 ** exponent.
    assert np.allclose(decoded, values, rtol=0, atol=np.ldexp(1.0, column.exponent - 22))


def test_categories_and_missing_values_have_their_channels() -> None:
    columns = (Column("colour", "categorical", ("blue", "red")), Column("n", "integer"))
    training = np.array([[0, 4.0], [1, np.nan], [np.nan, 8.0], [1, 6.0]])
    fitted = fit_encoding(columns, training)
    assert [column.channels for column in fitted] == [3, 2]
    assert encode(fitted, training).tolist() == [
        [1, 0, 0, -1, 0],
        [0, 1, 0, 0, 1],
        [0, 0, 1, 1, 0],
        [0, 1, 0, 0, 0],
    ]


def test_a_column_of_too_many_categories_takes_no_channel() -> None:
    names = tuple(f"customer {index}" for index in range(400))
    columns = (Column("id", "categorical", names), Column("n", "integer"))
    values = np.column_stack([np.arange(400.0), np.arange(400.0) % 7])
    table = RawTable(values, np.arange(400) % 2)
    data = assemble_table("t", columns, table, None, "here", "test")
    assert data.input_shape == (1, 1, 1)
    assert data.table is not None
    assert data.table.train_values.shape == (320, 2)
    alone = assemble_table("t", columns[:1], RawTable(values[:, :1], table.labels), None, "h", "t")
    assert entropy(alone, minutes=0).figure("label_entropy").value == pytest.approx(1)
    with pytest.raises(DataError, match="too many categories"):
        validation_split(alone)


def test_scales_come_from_training_rows_alone() -> None:
    train = RawTable(np.array([[1.0], [-1.0], [0.5], [-0.5]]), np.array([0, 1, 0, 1]))
    test = RawTable(np.array([[1000.0], [0.0]]), np.array([0, 1]))
    data = assemble_table("t", (Column("a", "real"),), train, test, "here", "test")
    assert data.table is not None
    assert data.table.columns[0].exponent == 0
    assert data.test_inputs.ravel().tolist() == [1000, 0]
    assert data.input_exponent == 0


def test_a_test_value_beyond_all_scales_is_refused() -> None:
    train = RawTable(np.array([[1.0], [-1.0], [0.5], [-0.5]]), np.array([0, 1, 0, 1]))
    test = RawTable(np.array([[1e300], [0.0]]), np.array([0, 1]))
    with pytest.raises(DataError, match="column 'a': got a value far beyond"):
        assemble_table("t", (Column("a", "real"),), train, test, "here", "test")


@pytest.mark.parametrize("value", [0.0, 5e-324, 1e-300, 7.0, -1e300])
def test_constant_and_extreme_columns_are_encoded(value: float) -> None:
    values = np.array([[value], [value], [2 * value], [value]])
    (column,) = fit_encoding((Column("a", "real"),), values)
    assert np.abs(encode((column,), values)).max() <= 1.5


@pytest.mark.parametrize(
    ("name", "examples", "features", "classes"),
    [("iris", 150, 4, 3), ("wine", 178, 13, 3), ("breast_cancer", 569, 30, 2)],
)
def test_the_tables_of_scikit_learn(name: str, examples: int, features: int, classes: int) -> None:
    data = load(name)
    assert len(data.train_labels) + len(data.test_labels) == examples
    assert data.input_shape == (features, 1, 1)
    assert data.class_count == classes
    assert data.table is not None
    assert np.abs(data.train_inputs).max() <= 1.5
    assert 0 < encoding_bits(data.table.columns) < 12 * features


def test_the_digests_of_the_first_data_sets_never_change() -> None:
    assert load("digits").digest.startswith("260e0cb15cb3e303")
    assert load("iris").digest != load("wine").digest


def test_the_digest_sees_names_and_kinds() -> None:
    values, labels = np.arange(20.0)[:, None], np.arange(20) % 2
    digests = {
        assemble_table("t", (column,), RawTable(values, labels), None, "here", "test").digest
        for column in (Column("a", "real"), Column("b", "real"), Column("a", "integer"))
    }
    assert len(digests) == 3


def test_vectors_without_a_table_get_one_and_images_none() -> None:
    inputs = np.column_stack([np.arange(20.0), np.linspace(0, 1, 20)])
    vectors = assemble("v", (inputs, np.arange(20) % 2), None, "here", "test")
    table = table_of(vectors)
    assert table is not None
    assert [column.kind for column in table.columns] == ["integer", "real"]
    assert table_of(load("digits")) is None
    assert number_columns(["a"], np.full((3, 1), np.nan))[0].kind == "integer"


def test_mnist1d_is_generated_and_leaves_global_chance_alone() -> None:
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.RandomState(1).random(3)
    data = load("mnist1d")
    assert data.input_shape == (1, 1, 40)
    assert np.bincount(data.train_labels).min() > 300
    assert (len(data.train_labels), len(data.test_labels)) == (4000, 1000)
    assert np.array_equal(np.random.random(3), expected)  # noqa: NPY002


@pytest.mark.parametrize("name", ["parity", "majority", "xor", "teacher", "random-labels"])
def test_known_sources_load_by_name(name: str) -> None:
    data = load(name)
    assert len(data.train_labels) == 4000
    assert {figure.key for figure in data.truth} >= {"true_mutual_information"}
