"""Each source's stated truth against brute force: all examples where that is possible, or many."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits import distributions
from minbits.data import sample
from minbits.distributions import Source
from minbits.errors import ArgumentError

MANY = 200_000

DISCRETE: list[Source] = [
    distributions.IndependentBits((0.1, 0.5, 0.9)),
    distributions.NoisyLabels(3, 0.2, 2),
    distributions.RandomLabels(4, (0.2, 0.3, 0.5)),
    distributions.parity(4, flip=0.1),
    distributions.majority(5),
    distributions.xor(3),
    distributions.teacher(6, 3, seed=1),
    distributions.MarkovChain((0.3, 0.7), ((0.9, 0.1), (0.4, 0.6)), 5),
    distributions.ising_chain(6, 0.5),
    distributions.IsingTree((0, 0, 1), (1.0, 0.5, 0.2)),
    distributions.PottsGrid(2, 2, 3, 0.7),
    distributions.ising_grid(3, 2),
    distributions.BarsAndStripes(3),
]


def truth_of(source: Source) -> dict[str, float]:
    return {figure.key: figure.value for figure in source.truth()}


def plug_in(symbols: np.ndarray) -> tuple[float, float]:
    """Return the plug-in entropy, and an upper bound of its bias by states seen."""
    _, counts = np.unique(symbols, axis=0, return_counts=True)
    p = counts / counts.sum()
    return float(-(p * np.log2(p)).sum()), len(counts) / (2 * math.log(2) * counts.sum())


@pytest.mark.parametrize("source", DISCRETE, ids=lambda source: source.name)
def test_the_truth_agrees_with_counting_many_draws(source: Source) -> None:
    inputs, labels = source.draw(MANY, np.random.default_rng(3))
    inputs = inputs.reshape(MANY, -1).astype(np.int64)
    truth = truth_of(source)
    entropy, bias = plug_in(inputs)
    joint, joint_bias = plug_in(np.column_stack([inputs, labels]))
    label, _ = plug_in(labels[:, None])
    # The standard deviation of a plug-in entropy of this many draws is below 0.004 bits here.
    assert entropy + bias == pytest.approx(truth["true_input_entropy"], abs=0.015)
    assert label == pytest.approx(truth["true_label_entropy"], abs=0.01)
    information = entropy + bias + label - joint - joint_bias
    assert information == pytest.approx(truth["true_mutual_information"], abs=0.01)
    difference = truth["true_label_entropy"] - truth["true_mutual_information"]
    assert truth["true_conditional_label_entropy"] == pytest.approx(difference)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(2, 3), st.floats(-2, 2, allow_nan=False))
@settings(max_examples=25)
def test_the_transfer_matrix_equals_the_sum_over_all_images(
    height: int, width: int, states: int, coupling: float
) -> None:
    if states ** (height * width) > 1000:
        return
    weights = []
    for pixels in itertools.product(range(states), repeat=height * width):
        image = np.array(pixels).reshape(height, width)
        equal = (image[1:] == image[:-1]).sum() + (image[:, 1:] == image[:, :-1]).sum()
        weights.append(math.exp(coupling * equal))
    p = np.array(weights) / sum(weights)
    entropy = float(-(p * np.log2(p)).sum())
    found = truth_of(distributions.PottsGrid(height, width, states, coupling))["true_input_entropy"]
    assert found == pytest.approx(entropy, abs=1e-9)


def test_a_grid_of_one_column_is_the_chain() -> None:
    chain = truth_of(distributions.ising_chain(7, 0.4))["true_input_entropy"]
    grid = truth_of(distributions.ising_grid(7, 1, 0.4))["true_input_entropy"]
    tree = truth_of(distributions.IsingTree(tuple(range(6)), (0.4,) * 6))["true_input_entropy"]
    assert chain == pytest.approx(grid)
    assert chain == pytest.approx(tree)


def test_gaussian_pairs_have_the_covariance_that_the_truth_rests_on() -> None:
    source = distributions.GaussianPair(0.7, 3)
    first, second = source.draw_pair(MANY, np.random.default_rng(0))
    covariance = np.cov(np.concatenate([first, second], axis=1).T)
    expected = np.block([[np.eye(3), 0.7 * np.eye(3)], [0.7 * np.eye(3), np.eye(3)]])
    assert np.allclose(covariance, expected, atol=0.015)
    density = 0.5 * np.log2(np.linalg.det(2 * np.pi * np.e * expected))
    truth = truth_of(source)
    assert truth["true_differential_entropy"] == pytest.approx(density)
    halves = 3 * np.log2(2 * np.pi * np.e)
    assert truth["true_pair_information"] == pytest.approx(halves - density)


def test_a_mixture_by_monte_carlo() -> None:
    source = distributions.GaussianMixture((-1.0, 0.0, 2.0), (0.2, 0.3, 0.5), 2)
    inputs, labels = source.draw(MANY, np.random.default_rng(0))
    joint = np.array(source.weights) * np.exp(-0.5 * (inputs[:, :1] - np.array(source.means)) ** 2)
    posterior = joint / joint.sum(axis=1, keepdims=True)
    conditional = float(-np.log2(posterior[np.arange(MANY), labels]).mean())
    assert truth_of(source)["true_conditional_label_entropy"] == pytest.approx(
        conditional, abs=0.01
    )


def test_far_classes_tell_all_and_equal_ones_nothing() -> None:
    assert truth_of(distributions.GaussianMixture((-20, 20)))[
        "true_mutual_information"
    ] == pytest.approx(1)
    nothing = truth_of(distributions.GaussianMixture((0.0, 0.0)))["true_mutual_information"]
    assert nothing == pytest.approx(0, abs=1e-9)


def test_a_sampled_data_set_carries_its_truth_and_repeats() -> None:
    first = sample(distributions.parity(6), 300, 100, seed=5)
    again = sample(distributions.parity(6), 300, 100, seed=5)
    other = sample(distributions.parity(6), 300, 100, seed=6)
    assert first.digest == again.digest != other.digest
    assert first.input_shape == (6, 1, 1)
    assert len(first.train_labels) == 300
    assert {figure.kind for figure in first.truth} == {"exact"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: distributions.IndependentBits((0.5, 1.5)),
        lambda: distributions.IndependentBits(()),
        lambda: distributions.MarkovChain((0.5, 0.6), ((1, 0), (0, 1)), 3),
        lambda: distributions.MarkovChain((0.5, 0.5), ((1, 0), (0, 1)), 0),
        lambda: distributions.IsingTree((1,), (0.5,)),
        lambda: distributions.PottsGrid(4, 11, 2),
        lambda: distributions.GaussianPair(1.0),
        lambda: distributions.GaussianMixture((0.0, 1.0), (0.5, 0.6)),
        lambda: distributions.BarsAndStripes(1),
        lambda: distributions.parity(30),
        lambda: distributions.xor(4, flip=1.2),
        lambda: sample(distributions.xor(), 0, 5),
    ],
)
def test_impossible_sources_are_refused(make: object) -> None:
    with pytest.raises(ArgumentError):
        make()  # type: ignore[operator]
