from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma
from scipy.stats import norm as normal
from scipy.stats import t as student
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from minbits import distributions
from minbits.errors import ArgumentError
from minbits.information.nearest_neighbours import ksg, ross
from minbits.information.tails import tail_index
from minbits.information.ties import resolution
from tests.information.cells import exact_bits

DRAWS = 200


def truth_of(source: distributions.Source, key: str = "true_mutual_information") -> float:
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
    distributions.GaussianMixture(),
    distributions.GaussianMixture((-2.0, 2.0), dimensions=2),
    distributions.GaussianMixture((-1.0, 0.0, 2.0), (0.2, 0.3, 0.5), 3),
    distributions.GaussianMixture((0.0, 0.0)),
]
PAIRS = [distributions.GaussianPair(rho) for rho in (0.0, 0.6, 0.9, 0.99)]


@pytest.mark.parametrize("source", MIXTURES, ids=str)
def test_ross_covers_the_truth(source: distributions.GaussianMixture) -> None:
    generator, truth = np.random.default_rng(4), truth_of(source)
    found = [ross(*source.draw(400, generator)) for _ in range(DRAWS)]
    assert not any(one.warning for one in found)
    covered = sum(one.low_bits - 1e-9 <= truth <= one.high_bits + 1e-9 for one in found)
    assert covered >= 0.9 * DRAWS


@pytest.mark.parametrize("source", PAIRS, ids=str)
def test_ksg_covers_the_truth_where_it_does_not_warn(source: distributions.GaussianPair) -> None:
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


def test_many_dimensions_few_examples_and_copies_give_a_warning_and_lose_their_upper_end() -> None:
    generator = np.random.default_rng(0)
    assert "examples" in str(ross(*MIXTURES[0].draw(50, generator)).warning)
    wide = distributions.GaussianPair(0.8, 4)
    found = ksg(*wide.draw_pair(1000, generator))
    assert "dimensions" in str(found.warning)
    assert found.value_bits < 0.8 * wide.pair_information_bits  # which the warning is for
    assert found.low_bits < wide.pair_information_bits < found.high_bits == math.inf
    x, labels = MIXTURES[0].draw(500, generator)
    rows = generator.integers(0, 500, 1000)
    copied = ross(x[rows], labels[rows])
    assert "copies" in str(copied.warning)
    assert (copied.low_bits, copied.high_bits) == (0, math.inf)
    assert ross(x, labels).warning is None


def rounded_truth_bits(step: float, shift: float) -> float:
    """Return I of a rounded normal variable and the class that shifts it, by sums of its cells."""
    edges = (np.arange(-400, 400) - 0.5) * step
    cells = np.stack([np.diff(normal.cdf(edges - mean)) for mean in (0, shift)])
    return exact_bits(cells)


@pytest.mark.parametrize("step", [0.05, 0.1, 0.5, 2.0])
def test_rounding_leaves_ross_as_it_is(step: float) -> None:
    generator, truth = np.random.default_rng(6), rounded_truth_bits(step, 2.0)
    found = []
    for _ in range(60):
        labels = generator.integers(0, 2, 400)
        found.append(
            ross(np.round((generator.normal(size=400) + 2 * labels) / step) * step, labels)
        )
    assert np.mean([one.value_bits for one in found]) == pytest.approx(truth, abs=0.02)
    assert sum(one.low_bits <= truth <= one.high_bits for one in found) >= 56


@pytest.mark.parametrize("step", [0.1, 1.0])
def test_rounding_leaves_ksg_as_it_is(step: float) -> None:
    """Coarsely rounded, the pair is counted exactly: at a step of 1 a table of few cells."""
    generator = np.random.default_rng(7)
    pairs = [distributions.GaussianPair(0.8).draw_pair(600, generator) for _ in range(40)]
    rounded = [[np.round(one / step) * step for one in pair] for pair in pairs]
    many = [
        np.round(one[:, 0] / step)
        for one in distributions.GaussianPair(0.8).draw_pair(10**6, generator)
    ]
    joint = np.histogram2d(*many, bins=[np.arange(-8.5 / step, 8.5 / step + 1)] * 2)[0]
    truth = exact_bits(joint)
    assert np.mean([ksg(*pair).value_bits for pair in rounded]) == pytest.approx(truth, abs=0.03)


def test_a_column_of_zeros_and_numbers_and_one_that_never_changes() -> None:
    generator = np.random.default_rng(8)
    labels = generator.integers(0, 2, 1000)
    shown = generator.random(1000) < np.where(labels, 0.8, 0.5)
    # All that the column tells is whether it is zero.
    found = ross(np.where(shown, generator.exponential(size=1000), 0.0), labels)
    kept = np.array([0.5, 0.8])
    hb = -(kept * np.log2(kept) + (1 - kept) * np.log2(1 - kept))
    truth = -(0.65 * math.log2(0.65) + 0.35 * math.log2(0.35)) - hb.mean()
    assert found.low_bits <= truth <= found.high_bits
    assert found.value_bits == pytest.approx(truth, abs=0.06)
    assert abs(ross(np.zeros(1000), labels).value_bits) < 0.06
    assert abs(ksg(np.zeros(1000), generator.normal(size=1000)).value_bits) < 0.06


def test_values_alike_but_for_rounding_errors_are_ties() -> None:
    tenths = np.array([0.1 * 3, 0.3, 0.2, 0.2, 0.1 + 0.2])
    assert resolution(tenths) == pytest.approx(0.1)
    assert resolution(np.array([1e9, 0.01, 0.02, 0.02])) == pytest.approx(0.01)
    assert resolution(np.array([1.0, 2.0, 4.0])) == 0
    assert resolution(np.full(3, 7.0)) == 1


def student_pair(freedom: int, n: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Draw two uncorrelated Student variables that share their scale."""
    scale = np.sqrt(freedom / generator.chisquare(freedom, n))
    return [generator.normal(size=n) * scale for _ in range(2)]


def student_pair_bits(freedom: int) -> float:
    """Integrate I of two such variables numerically: p log2 p / (q q) over the plane."""
    # Both in steps even in asinh, since the tails hold much of the information.
    line = np.linspace(-16, 16, 1601)
    x, slope = np.sinh(line), np.cosh(line)
    one = student.pdf(x, freedom)
    squared = x[:, None] ** 2 + x[None] ** 2
    both = (1 + squared / freedom) ** (-(freedom + 2) / 2) / (2 * math.pi)
    cell = (line[1] - line[0]) ** 2 * slope[:, None] * slope[None]
    return float((both * cell * np.log2(both / (one[:, None] * one[None]))).sum())


def test_heavy_tails_give_a_warning() -> None:
    truth = student_pair_bits(1)
    assert truth == pytest.approx(0.323, abs=1e-3)  # as benchmark-mi states it
    generator = np.random.default_rng(0)
    plain, mended = [], []
    for _ in range(20):
        pair = student_pair(1, 1000, generator)
        plain.append(ksg(*pair))
        mended.append(ksg(*(np.arcsinh(one) for one in pair)))
    assert all("heavy tails" in str(found.warning) for found in plain)
    assert not any(found.warning and "tails" in found.warning for found in mended)
    error, mended_error = (
        truth - np.mean([found.value_bits for found in group]) for group in (plain, mended)
    )
    assert error > 0.1  # too low, which the warning is for
    assert abs(mended_error) < 0.5 * error


def test_light_tails_give_none() -> None:
    generator = np.random.default_rng(0)
    for draw in (generator.normal, generator.uniform, generator.laplace):
        for _ in range(20):
            assert "tails" not in str(ksg(draw(size=1000), draw(size=1000)).warning)


@pytest.mark.parametrize("freedom", [1, 2])
def test_heavy_tails_leave_ross_as_it_is(freedom: int) -> None:
    line = np.linspace(-14, 14, 40_001)
    x, slope = np.sinh(line), np.cosh(line) * (line[1] - line[0])
    classes = np.stack([student.pdf(x - shift, freedom) for shift in (1, -1)])
    truth = float((classes * np.log2(classes / classes.mean(axis=0)) * slope).sum()) / 2
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(50):
        labels = generator.integers(0, 2, 500)
        values = generator.standard_t(freedom, 500) + 1 - 2 * labels
        found = ross(values / values.std(), labels)
        assert found.warning is None
        covered += found.low_bits <= truth <= found.high_bits
    assert covered >= 45


@pytest.mark.parametrize("exponent", [1.0, 2.0, 4.0])
def test_the_tail_index_of_paretos_distribution(exponent: float) -> None:
    generator = np.random.default_rng(0)
    sample = (1 + generator.pareto(exponent, 40_000)) * generator.choice([-1.0, 1.0], 40_000)
    # Its median is a gap from -1 to 1; around 0 it is Pareto's.
    sample = np.concatenate([sample, [0.0], -sample])
    assert tail_index(sample) == pytest.approx(exponent, rel=0.08)
    assert tail_index(3 * sample + 7) == pytest.approx(tail_index(sample), rel=1e-6)


def test_no_tail_has_no_index() -> None:
    assert tail_index(np.zeros(100)) == math.inf
    assert tail_index(np.arange(4.0)) == math.inf


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
