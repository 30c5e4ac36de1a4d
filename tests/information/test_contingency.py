"""Information of tables of counts: what independence comes to, and limits that hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ncx2

from minbits.data import from_arrays
from minbits.information.contingency import (
    IndependentDeviance,
    InformationTables,
    _non_central,
    mean_deviance,
    plug_in_nats,
)
from minbits.information.features import best_input, feature_information, quantile_bins
from minbits.information.label_information import label_information
from tests.information.cells import exact_bits


def joint_of(x: np.ndarray, y: np.ndarray, rows: int, columns: int) -> np.ndarray:
    joint = np.zeros((rows, columns), int)
    np.add.at(joint, (x, y), 1)
    return joint


@pytest.mark.parametrize("expected", [0.02, 0.5, 1.0, 3.0, 40.0, 200.0])
def test_the_mean_deviance_equals_that_of_many_draws(expected: float) -> None:
    counts = np.random.default_rng(0).poisson(expected, 400_000)
    logs = np.where(counts > 0, counts * np.log(np.maximum(counts, 1) / expected), 0)
    drawn = 2 * (logs - counts + expected).mean()
    assert float(mean_deviance(expected)) == pytest.approx(drawn, abs=0.02)


@pytest.mark.parametrize(
    ("rows", "columns", "examples"), [(16, 10, 200), (4, 3, 60), (50, 2, 100), (16, 10, 5000)]
)
def test_independence_comes_to_what_shuffled_labels_show(
    rows: int, columns: int, examples: int
) -> None:
    generator = np.random.default_rng(1)
    x, y = generator.integers(0, rows, examples), generator.integers(0, columns, examples)
    found = []
    for _ in range(200):
        joint = joint_of(x, generator.permutation(y), rows, columns)
        found.append(2 * examples * plug_in_nats(joint))
    expected = IndependentDeviance(joint.sum(axis=0))(joint.sum(axis=1))
    assert expected == pytest.approx(np.mean(found), rel=0.03, abs=0.6)


@pytest.mark.parametrize(("deviance", "degrees"), [(40.0, 3.3), (300.0, 135.0), (20_000.0, 15.0)])
def test_limits_invert_the_non_central_distribution(deviance: float, degrees: float) -> None:
    for chance, z in ((0.025, -1.959964), (0.975, 1.959964)):
        centre = _non_central(deviance, degrees, chance, z)
        assert ncx2.cdf(deviance, degrees, centre) == pytest.approx(chance, abs=2e-3)


def test_a_column_of_names_tells_nothing_and_a_function_all() -> None:
    labels = np.arange(400) % 2
    names = joint_of(np.arange(400), labels, 400, 2)
    assert InformationTables(names.sum(axis=0)).value(names) / math.log(2) < 0.02
    assert InformationTables(names.sum(axis=0)).limits(names, 0.025, 0.025).low_nats == 0
    follows = joint_of(np.arange(400) % 10, labels, 10, 2)
    assert InformationTables(follows.sum(axis=0)).value(follows) / math.log(2) > 0.98


CELLS = {
    "none": np.full((12, 4), 1 / 48),
    "channel": np.array([[0.36, 0.04], [0.12, 0.48]]),
    "follows": np.kron(np.eye(3), np.full((4, 1), 1 / 12)),
    "uneven": np.array([[0.55, 0.05, 0.1], [0.02, 0.08, 0.2]]),
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("examples", [60, 600])
def test_limits_cover_the_truth(name: str, examples: int) -> None:
    cells, generator = CELLS[name], np.random.default_rng(2)
    truth, covered = exact_bits(cells) * math.log(2), 0
    for _ in range(100):
        joint = generator.multinomial(examples, cells.ravel()).reshape(cells.shape)
        found = InformationTables(joint.sum(axis=0)).limits(joint, 0.025, 0.025)
        covered += found.low_nats - 1e-12 <= truth <= found.high_nats + 1e-12
    assert covered >= 92


@pytest.mark.parametrize("inputs", [1, 30, 200])
def test_the_best_of_inputs_that_tell_nothing_tells_nothing(inputs: int) -> None:
    generator = np.random.default_rng(3)
    found = []
    for _ in range(20):
        labels = generator.integers(0, 5, 150)
        codes = list(generator.integers(0, 6, (inputs, 150)))
        found.append(best_input(codes, labels, 5))
    assert sum(one.low_bits > 0 for one in found) <= 1
    assert np.mean([one.value_bits for one in found]) < 0.05
    assert sum(one.warning is not None for one in found) >= 19


def test_the_best_input_is_found_among_many_and_not_overstated() -> None:
    generator = np.random.default_rng(4)
    channel = np.array([[0.45, 0.05], [0.05, 0.45]])
    truth, found = exact_bits(channel), []
    for _ in range(30):
        labels = generator.integers(0, 2, 400)
        told = labels ^ (generator.random(400) < 0.1)
        codes = [*generator.integers(0, 8, (60, 400)), told]
        found.append(best_input(codes, labels, 2))
    assert sum(one.low_bits <= truth <= one.high_bits for one in found) >= 28
    assert min(one.low_bits for one in found) > 0.2
    assert np.mean([one.value_bits for one in found]) == pytest.approx(truth, abs=0.03)


def test_noise_in_many_inputs_is_a_warned_bound_of_nothing() -> None:
    generator = np.random.default_rng(5)
    data = from_arrays(generator.normal(size=(200, 300)), generator.integers(0, 10, 200))
    figures = {figure.key: figure for figure in label_information(data).figures}
    best = figures["best_input_information"]
    assert best.kind == "lower bound"
    assert best.bound == best.low == 0
    assert best.value < 0.1
    assert "chance" in str(best.warning)
    assert "chance" in str(figures["input_information_sum"].warning)
    assert abs(figures["input_information_sum"].value) < 10
    assert figures["mutual_information_classifier"].bound == 0


def test_few_examples_make_fewer_bins() -> None:
    generator = np.random.default_rng(6)
    data = from_arrays(generator.normal(size=(200, 2)), np.arange(200) % 10)
    assert "at most 3 values" in feature_information(data).method
    assert quantile_bins(generator.normal(size=100), 3).max() == 3
