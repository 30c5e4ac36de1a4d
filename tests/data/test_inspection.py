from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minbits.data import from_arrays, load
from minbits.data.inspection import DataReport, inspect_data

ROWS = arrays(np.uint8, st.tuples(st.integers(4, 25), st.just(2)), elements=st.integers(0, 2))


def by_hand(x: np.ndarray, y: np.ndarray, tx: np.ndarray, ty: np.ndarray) -> list[int]:
    """Compare every pair of examples, as a newcomer would."""
    train, test = [tuple(row) for row in x], [tuple(row) for row in tx]
    pairs = list(zip(train, y, strict=True))
    return [
        sum(row in train[:index] for index, row in enumerate(train)),
        sum(row in test[:index] for index, row in enumerate(test)),
        sum(
            any(train[j] == row and y[j] != y[i] for j in range(len(train)))
            for i, row in enumerate(train)
        ),
        sum(row in train for row in test),
        sum(pair in pairs for pair in zip(test, ty, strict=True)),
    ]


@given(ROWS, ROWS)
def test_counts_equal_comparing_every_pair(x: np.ndarray, tx: np.ndarray) -> None:
    y, ty = np.arange(len(x)) % 2, np.arange(len(tx)) % 2
    report = inspect_data(from_arrays(x, y, (tx, ty)))
    found = [
        report.train_duplicates,
        report.test_duplicates,
        report.contradictions,
        report.leaked,
        report.leaked_with_label,
    ]
    assert found == by_hand(x, y, tx, ty)
    assert report.constant_inputs == sum(len(set(x[:, i])) == 1 for i in range(2))


def test_what_is_odd_is_said() -> None:
    x = np.array([[0, 5], [0, 5], [1, 5], [2, 5], [3, 5], [4, 5]])
    y = np.array([0, 1, 0, 0, 0, 0])
    said = " ".join(inspect_data(from_arrays(x, y, (x[:2], y[:2]))).remarks())
    for words in ("repeat", "another label", "Leakage: 2 of 2", "never change", "uneven"):
        assert words in said


def test_minus_zero_is_zero() -> None:
    x = np.array([[0.0], [-0.0], [1.0], [2.0]], np.float32)
    report = inspect_data(from_arrays(x, [0, 0, 1, 1], (x[2:], [0, 1])))
    assert report.train_duplicates == 1


def test_iris_has_one_flower_twice() -> None:
    report = inspect_data(load("iris"))
    assert report.train_duplicates + report.test_duplicates + report.leaked == 1
    assert report.split.startswith("a fifth of each class")
    assert isinstance(report, DataReport)
