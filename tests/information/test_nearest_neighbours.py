from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from minbits import sources
from minbits.errors import ArgumentError
from minbits.information.nearest_neighbours import ksg, ross

DRAWS = 200


def truth_of(source: sources.Source, key: str = "true_mutual_information") -> float:
    return next(figure.value for figure in source.truth() if figure.key == key)


def plain_ksg(x: np.ndarray, y: np.ndarray, k: int) -> float:
    """Compare every pair of rows, as the paper's text does."""
    dx = np.abs(x[:, None] - x[None]).max(axis=2)
    dy = np.abs(y[:, None] - y[None]).max(axis=2)
    both = np.maximum(dx, dy)
    np.fill_diagonal(both, np.inf)
    radius = np.sort(both, axis=1)[:, k - 1]
    n_x = (dx < radius[:, None]).sum(axis=1) - 1
    n_y = (dy < radius[:, None]).sum(axis=1) - 1
    nats = digamma(k) + digamma(len(x)) - (digamma(n_x + 1) + digamma(n_y + 1)).mean()
    return float(nats / math.log(2))


def plain_ross(x: np.ndarray, labels: np.ndarray, k: int) -> float:
    distances = np.abs(x[:, None] - x[None]).max(axis=2)
    terms = []
    for i in range(len(x)):
        same = np.sort(distances[i][(labels == labels[i]) & (np.arange(len(x)) != i)])
        within = (distances[i] < same[k - 1]).sum()
        own = (labels == labels[i]).sum()
        terms.append(digamma(len(x)) + digamma(k) - digamma(own) - digamma(within))
    return float(np.mean(terms) / math.log(2))


@given(st.integers(0, 10**6), st.integers(20, 60), st.integers(1, 3), st.integers(1, 4))
@settings(max_examples=40)
def test_fast_equals_comparing_every_pair(seed: int, n: int, dimensions: int, k: int) -> None:
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(n, dimensions)), generator.normal(size=(n, 1))
    labels = np.arange(n) % 2
    assert ksg(x, y, k).value_bits == pytest.approx(plain_ksg(x, y, k), abs=1e-9)
    assert ross(x, labels, k).value_bits == pytest.approx(plain_ross(x, labels, k), abs=1e-9)


def test_one_dimension_equals_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=800)
    labels = (x + generator.normal(size=800) > 0).astype(int)
    other = 0.8 * x + 0.6 * generator.normal(size=800)
    # Scikit-learn adds noise of 1e-10 against ties, and so differs in the last digits.
    theirs = mutual_info_classif(x[:, None] / x.std(), labels, random_state=0)[0] / math.log(2)
    assert ross(x / x.std(), labels).value_bits == pytest.approx(theirs, abs=2e-3)
    theirs = mutual_info_regression(x[:, None], other, random_state=0)[0] / math.log(2)
    assert ksg(x / x.std(), other / other.std()).value_bits == pytest.approx(theirs, abs=5e-3)


MIXTURES = [
    sources.GaussianMixture(),
    sources.GaussianMixture((-2.0, 2.0), dimensions=2),
    sources.GaussianMixture((-1.0, 0.0, 2.0), (0.2, 0.3, 0.5), 3),
    sources.GaussianMixture((0.0, 0.0)),
]
PAIRS = [sources.GaussianPair(rho) for rho in (0.0, 0.6, 0.9, 0.99)]


@pytest.mark.parametrize("source", MIXTURES, ids=str)
def test_ross_covers_the_truth(source: sources.GaussianMixture) -> None:
    generator, truth = np.random.default_rng(4), truth_of(source)
    found = [ross(*source.draw(400, generator)) for _ in range(DRAWS)]
    assert not any(one.warning for one in found)
    covered = sum(one.low_bits - 1e-9 <= truth <= one.high_bits + 1e-9 for one in found)
    assert covered >= 0.9 * DRAWS


@pytest.mark.parametrize("source", PAIRS, ids=str)
def test_ksg_covers_the_truth_where_it_does_not_warn(source: sources.GaussianPair) -> None:
    generator = np.random.default_rng(4)
    truth = source.pair_information_bits
    found = [ksg(*source.draw_pair(400, generator)) for _ in range(DRAWS)]
    trusted = [one for one in found if one.warning is None]
    assert len(trusted) > 0.6 * DRAWS
    covered = sum(one.low_bits - 1e-9 <= truth <= one.high_bits + 1e-9 for one in trusted)
    assert covered >= 0.9 * len(trusted)


def test_estimates_converge() -> None:
    generator = np.random.default_rng(0)
    for source in MIXTURES[:2]:
        errors = [
            np.mean(
                [
                    abs(ross(*source.draw(n, generator)).value_bits - truth_of(source))
                    for _ in range(10)
                ]
            )
            for n in (100, 6400)
        ]
        assert errors[1] < 0.5 * errors[0]
        assert errors[1] < 0.02


def test_many_dimensions_few_examples_and_ties_give_a_warning() -> None:
    generator = np.random.default_rng(0)
    assert "examples" in str(ross(*MIXTURES[0].draw(50, generator)).warning)
    wide = sources.GaussianPair(0.8, 4)
    found = ksg(*wide.draw_pair(1000, generator))
    assert "dimensions" in str(found.warning)
    assert found.high_bits < wide.pair_information_bits  # which the warning is for
    ties = generator.integers(0, 3, 500).astype(float)
    assert "tied" in str(ross(ties, generator.integers(0, 2, 500)).warning)


def test_impossible_arguments_are_refused() -> None:
    x = np.arange(10.0)
    for call in (
        lambda: ksg(x, x[:9]),
        lambda: ksg(x, x, 10),
        lambda: ksg(np.append(x, np.nan), np.append(x, 1)),
        lambda: ross(x, np.arange(10)),
        lambda: ross(x, np.zeros(9, int)),
    ):
        with pytest.raises(ArgumentError):
            call()
