"""Bounds of all of X: columns of any kind, pixels, and the intervals of code lengths."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.data import from_arrays, load
from minbits.information.binary_pixels import count_pixels, pixel_quantities
from minbits.information.columns import column_quantities
from minbits.information.entropy_table import entropy_table
from minbits.information.mean_interval import mean_ends
from minbits.information.ranks import normal_scores
from minbits.types import DataSet, Quantity


def table(tmp_path: Path, rows: list[str], header: str) -> DataSet:
    path = tmp_path / "t.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return load(path)


def test_columns_of_many_categories_count(tmp_path: Path) -> None:
    """One column of 1,000 categories, of which a network sees nothing, and one of two."""
    generator = np.random.default_rng(0)
    rows = [
        f"c{generator.integers(0, 1000)},{'ab'[generator.integers(0, 2)]},{i % 2}"
        for i in range(4000)
    ]
    data = table(tmp_path, rows, "name,letter,label")
    assert data.table is not None
    assert [column.channels for column in data.table.columns] == [0, 2]
    found = entropy_table(data)
    assert found.pixels is None
    figure = found.figure("independent_columns")
    truth = math.log2(1000) + 1
    assert figure.low is not None
    assert figure.bound is not None
    assert figure.value < truth <= figure.bound  # plug-in alone is too low
    assert figure.bound < truth + 0.2
    assert figure.warning is None
    assert "independent_pixels" not in {item.key for item in found.figures}


def test_a_column_of_names_is_bounded_by_the_names_there_are(tmp_path: Path) -> None:
    data = table(tmp_path, [f"n{i},1,{i % 2}" for i in range(300)], "name,one,label")
    figure = column_quantities(data)[0]
    assert figure.bound is not None
    assert figure.bound >= math.log2(240)
    assert "name" in str(figure.warning)


def test_missing_values_and_numbers_count(tmp_path: Path) -> None:
    generator = np.random.default_rng(11)
    rows = [
        f"{'' if generator.random() < 0.25 else generator.integers(0, 4)},"
        f"{generator.normal():.6f},{i % 2}"
        for i in range(6000)
    ]
    data = table(tmp_path, rows, "whole,real,label")
    figure = column_quantities(data, 0.25)[0]
    missing = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75)) + 0.75 * 2
    real = 0.5 * math.log2(2 * math.pi * math.e) + 2
    assert figure.value == pytest.approx(missing + real, abs=0.06)
    assert figure.low is not None
    assert figure.bound is not None
    assert figure.low <= missing + real <= figure.bound


@pytest.mark.parametrize("kind", ["text", "0/1 vectors", "counts"])
def test_tables_are_no_images(tmp_path: Path, kind: str) -> None:
    generator = np.random.default_rng(2)
    if kind == "text":
        words = np.array(["red", "green", "blue"])[generator.integers(0, 3, (60, 16))]
        header = ",".join(f"c{i}" for i in range(16)) + ",label"
        rows = [",".join(row) + f",{i % 2}" for i, row in enumerate(words)]
        data = table(tmp_path, rows, header)
    else:
        top = 2 if kind == "0/1 vectors" else 30
        data = from_arrays(generator.integers(0, top, (60, 48)).astype(np.uint8), np.arange(60) % 2)
    found = entropy_table(data)
    assert found.pixels is None
    assert {figure.key for figure in found.figures if figure.of == "X"} == {"independent_columns"}


def test_independent_columns_cover_their_sum() -> None:
    generator = np.random.default_rng(3)
    p = [np.array([0.999, 0.001]), np.full(40, 1 / 40), np.array([0.5, 0.3, 0.2])]
    truth = sum(float(-(one * np.log2(one)).sum()) for one in p)
    covered = 0
    for _ in range(60):
        columns = [generator.choice(len(one), 120, p=one) for one in p]
        data = from_arrays(np.stack(columns, axis=1), np.arange(120) % 2)
        figure = column_quantities(data)[0]
        assert figure.bound is not None
        covered += truth <= figure.bound
    assert covered >= 57


@pytest.mark.parametrize("p", [0.5, 0.02, 0.001])
def test_independent_pixels_cover_their_sum(p: float) -> None:
    generator = np.random.default_rng(4)
    truth = -36 * (p * math.log2(p) + (1 - p) * math.log2(1 - p))
    covered = 0
    for _ in range(60):
        images = (generator.random((80, 1, 6, 6)) < p).astype(np.uint8)
        figure = next(
            item
            for item in pixel_quantities(count_pixels(images, 0))
            if item.key == "independent_pixels"
        )
        assert figure.low is not None
        assert figure.bound is not None
        assert figure.low <= figure.value <= figure.bound <= 36
        covered += truth <= figure.bound
    assert covered >= 57


def test_the_code_variance_of_pixels_equals_the_plain_sum() -> None:
    images = np.random.default_rng(5).integers(0, 3, (300, 1, 2, 5)).astype(np.uint8)
    counts = count_pixels(images, 0)
    p = counts.probabilities
    lengths = [-np.log2(np.where(image > 0, p, 1 - p)).sum() for image in images]
    assert counts.code_variance == pytest.approx(np.var(lengths, ddof=1), rel=1e-4)
    assert np.mean(lengths) == pytest.approx(pixel_quantities(counts)[1].value)


@given(st.floats(0, 50), st.floats(0, 30), st.integers(2, 500), st.floats(0, 200))
def test_a_surprise_only_raises_the_upper_end(
    mean: float, variance: float, examples: int, surprise: float
) -> None:
    low, high = mean_ends(mean, variance, examples)
    again, higher = mean_ends(mean, variance, examples, mean + surprise)
    assert low == again <= mean <= high + 1e-9
    assert higher >= mean
    assert mean_ends(mean, variance, examples, mean + surprise + 10)[1] >= higher


def test_rare_long_codes_that_were_not_drawn_are_within_the_interval() -> None:
    """One example in a hundred takes ten bits, the others none: a mean of 0.1."""
    generator = np.random.default_rng(6)
    plain = surprised = 0
    for _ in range(300):
        lengths = 10.0 * (generator.random(60) < 0.01)
        ends = lengths.mean(), lengths.var(ddof=1), 60
        plain += mean_ends(*ends)[1] >= 0.1
        surprised += mean_ends(*ends, 10.0)[1] >= 0.1
    assert plain < 200
    assert surprised >= 285


def test_a_bound_is_the_end_that_holds() -> None:
    def figure(kind: str, low: float | None, high: float | None) -> Quantity:
        return Quantity("k", 1.0, "bits", "X", "example", kind, "m", low, high)  # type: ignore[arg-type]

    assert figure("lower bound", 0.8, 1.2).bound == 0.8
    assert figure("upper bound", 0.8, 1.2).bound == 1.2
    assert figure("upper bound", None, None).bound == 1.0
    assert figure("estimate", 0.8, 1.2).bound is None


def test_normal_scores_are_normal_and_keep_the_order() -> None:
    generator = np.random.default_rng(7)
    values = generator.standard_cauchy((2000, 2))
    scores = normal_scores(values)
    assert scores.mean() == pytest.approx(0, abs=1e-9)
    assert scores.std() == pytest.approx(1, abs=0.01)
    assert (np.argsort(scores[:, 0]) == np.argsort(values[:, 0])).all()
    assert len(np.unique(normal_scores(np.array([[1.0], [1.0], [5.0]])))) == 2
    far = normal_scores(np.array([[-1e9], [0.0], [1e9]]), values[:, :1])[:, 0]
    assert far[0] == scores[:, 0].min()
    assert far[2] == scores[:, 0].max()
