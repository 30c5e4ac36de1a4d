from __future__ import annotations

import math

import numpy as np
import pytest

from minbits.data.assemble import assemble
from minbits.errors import ArgumentError
from minbits.information.binary_pixels import count_pixels, pixel_figures
from minbits.information.ladder import entropy_table
from minbits.types import DataSet

MNIST = {
    "pixel_sum_without_complement": (190.79, "not an entropy"),
    "independent_pixels": (342.41, "upper bound"),
    "histogram_over_pixels": (8.50, "not an entropy"),
    "label_entropy": (3.31987, "estimate"),
    "label_entropy_total": (199_192, "upper bound"),
    "question_estimate_neurons": (95, "estimate"),
    "corrected_estimate_weights": (99_596, "estimate"),
}


@pytest.mark.parametrize("key", MNIST)
def test_the_figures_of_the_question(mnist: DataSet, key: str) -> None:
    value, kind = MNIST[key]
    figure = entropy_table(mnist).figure(key)
    decimals = 5 if key == "label_entropy" else 2 if value < 1000 else 0
    assert round(figure.value, decimals) == value
    assert figure.kind == kind
    assert figure.unit
    assert figure.method


def test_another_threshold(mnist: DataSet) -> None:
    assert round(entropy_table(mnist, 127).figure("independent_pixels").value, 2) == 297.26


def test_counting_pixels_equals_the_plain_loop() -> None:
    images = np.random.default_rng(0).integers(0, 4, (5000, 1, 2, 3)).astype(np.uint8)
    ones = np.zeros((1, 2, 3), int)
    for image in images:
        ones += image > 1
    counts = count_pixels(images, 1)
    assert np.array_equal(counts.ones, ones)
    assert counts.examples == 5000


def test_fair_coins_are_bounded_tightly() -> None:
    coins = np.random.default_rng(0).integers(0, 2, (40_000, 1, 4, 4)).astype(np.uint8)
    figures = {figure.key: figure.value for figure in pixel_figures(count_pixels(coins, 0))}
    assert figures["independent_pixels"] == pytest.approx(16, abs=1e-2)
    assert figures["histogram_over_pixels"] == pytest.approx(4, abs=1e-3)
    assert figures["pixel_sum_without_complement"] == pytest.approx(8, abs=0.1)


def test_black_images_have_no_histogram() -> None:
    figures = pixel_figures(count_pixels(np.zeros((10, 1, 2, 2), np.uint8), 0))
    assert [figure.key for figure in figures] == [
        "pixel_sum_without_complement",
        "independent_pixels",
    ]
    assert [figure.value for figure in figures] == [0, 0]


def test_a_table_of_real_columns_is_bounded_by_its_columns() -> None:
    inputs = np.random.default_rng(0).normal(size=(60, 3))
    data = assemble("reals", (inputs, np.arange(60) % 4), None, "test", "test")
    table = entropy_table(data)
    assert table.pixels is None
    assert {figure.key for figure in table.figures} == {
        "independent_columns",
        "label_entropy",
        "label_entropy_total",
        "label_uniform_code_total",
    }
    assert table.figure("label_entropy").value == pytest.approx(2)


def test_a_threshold_that_is_no_number_is_refused(tiny: DataSet) -> None:
    with pytest.raises(ArgumentError, match="`threshold`"):
        entropy_table(tiny, math.nan)


def test_an_unknown_figure_is_named(tiny: DataSet) -> None:
    with pytest.raises(ArgumentError, match="label_entropy"):
        entropy_table(tiny).figure("none")
