"""Estimators of H(Y) against known sources: side, convergence, coverage, warning."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from minbits.errors import ArgumentError
from minbits.information.entropy_estimators import (
    ESTIMATORS,
    Fingerprint,
    _chao_shen_nats,
    _chao_shen_without_one,
    _jackknife_variance,
    _miller_madow_nats,
    _miller_madow_without_one,
    _plug_in_nats,
    _plug_in_without_one,
    _posterior_moments,
    fingerprint,
    nsb,
    plug_in,
)

DRAWS = 200


def zipf(states: int) -> np.ndarray:
    p = 1 / np.arange(1, states + 1)
    return p / p.sum()


SOURCES = {
    "uniform 10": np.full(10, 0.1),
    "skewed 5": np.array([0.7, 0.2, 0.05, 0.04, 0.01]),
    "rare 2": np.array([0.95, 0.05]),
    "zipf 50": zipf(50),
    "zipf 1000": zipf(1000),
}
COUNTS = st.lists(st.integers(0, 40), min_size=2, max_size=8).filter(lambda c: sum(c) > 1)


def entropy_of(p: np.ndarray) -> float:
    return float(-(p * np.log2(p)).sum())


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("known", [True, False], ids=["known states", "unknown states"])
def test_intervals_cover_the_truth_or_come_with_a_warning(
    name: str, source: str, known: bool
) -> None:
    p, generator = SOURCES[source], np.random.default_rng(7)
    truth = entropy_of(p)
    for examples in (100, 3000):
        found = [
            ESTIMATORS[name](
                fingerprint(generator.multinomial(examples, p), len(p) if known else None)
            )
            for _ in range(DRAWS)
        ]
        trusted = [one for one in found if one.warning is None]
        covered = sum(one.low_bits - 1e-9 <= truth <= one.high_bits + 1e-9 for one in trusted)
        # At least 90 % of the draws that come without a warning.
        assert covered >= 0.9 * len(trusted)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("known", [2, None], ids=["known states", "unknown states"])
@pytest.mark.parametrize("examples", [30, 130])
def test_intervals_of_two_states_cover_by_exact_sums(
    name: str, known: int | None, examples: int
) -> None:
    """No draws: the probability of every count, for rare states, even ones and between."""
    counts = np.arange(examples + 1)
    found = [ESTIMATORS[name](fingerprint([k, examples - k], known)) for k in counts]
    low = np.array([one.low_bits for one in found])
    high = np.array([one.high_bits for one in found])
    for rare in (0.0005, 0.001, 0.01, 0.03, 0.05, 0.1, 0.17, 0.25, 0.33, 0.4, 0.45, 0.5):
        truth = entropy_of(np.array([rare, 1 - rare]))
        holds = (low - 1e-9 <= truth) & (truth <= high + 1e-9)
        assert binom.pmf(counts, examples, rare) @ holds >= 0.95, rare


@pytest.mark.parametrize("name", ESTIMATORS)
def test_one_state_of_an_unknown_alphabet_is_no_certainty(name: str) -> None:
    for examples in (5, 100, 10_000):
        one = ESTIMATORS[name](fingerprint([examples]))
        assert one.low_bits == 0
        p = 3 / examples if examples > 6 else 0.5
        assert one.high_bits >= entropy_of(np.array([p, 1 - p])) - 1e-9
        assert one.warning is not None
    assert ESTIMATORS[name](fingerprint([7], 1)).high_bits == 0


@pytest.mark.parametrize("name", ESTIMATORS)
def test_nothing_bounds_the_entropy_of_states_that_never_come_again(name: str) -> None:
    found = ESTIMATORS[name](fingerprint(np.ones(50, int)))
    assert found.high_bits == math.inf
    assert found.warning is not None
    assert ESTIMATORS[name](fingerprint(np.ones(50, int), 1000)).high_bits <= math.log2(1000) + 1e-9


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("source", SOURCES)
def test_estimates_converge(name: str, source: str) -> None:
    p, generator = SOURCES[source], np.random.default_rng(1)
    truth = entropy_of(p)

    def error(examples: int) -> float:
        values = [
            ESTIMATORS[name](fingerprint(generator.multinomial(examples, p), len(p))).value_bits
            for _ in range(12)
        ]
        return float(np.sqrt(np.mean((np.array(values) - truth) ** 2)))

    few, many, most = error(100), error(10_000), error(1_000_000)
    assert most < 0.004
    assert most < many < max(few, 0.02)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("examples", [30, 300])
def test_far_fewer_examples_than_states_give_a_warning(name: str, examples: int) -> None:
    generator = np.random.default_rng(0)
    for p in (np.full(5000, 1 / 5000), zipf(5000)):
        counts = generator.multinomial(examples, p)
        for known in (5000, None):
            warning = ESTIMATORS[name](fingerprint(counts, known)).warning
            assert warning is not None
            assert "undersampled" in warning


def test_the_plug_in_estimate_is_low_and_its_interval_reaches_up() -> None:
    generator, p = np.random.default_rng(2), zipf(50)
    found = [plug_in(fingerprint(generator.multinomial(300, p), 50)) for _ in range(DRAWS)]
    truth = entropy_of(p)
    bias = np.mean([one.value_bits for one in found]) - truth
    assert bias == pytest.approx(-49 / 600 / math.log(2), rel=0.25)
    assert sum(one.high_bits >= truth for one in found) >= 0.975 * DRAWS


@given(COUNTS)
def test_estimates_ignore_the_order_of_states_and_lie_in_their_interval(counts: list[int]) -> None:
    for estimate in ESTIMATORS.values():
        first = estimate(fingerprint(counts, len(counts)))
        again = estimate(fingerprint(counts[::-1], len(counts)))
        assert first == again
        assert 0 <= first.low_bits <= first.value_bits <= first.high_bits + 1e-12
        assert first.high_bits <= math.log2(len(counts)) + 1e-9


@given(COUNTS, st.sampled_from(["plug_in", "miller_madow", "chao_shen"]))
def test_the_jackknife_over_fingerprints_equals_leaving_every_example_out(
    counts: list[int], name: str
) -> None:
    estimate, without_one = {
        "plug_in": (_plug_in_nats, _plug_in_without_one),
        "miller_madow": (_miller_madow_nats, _miller_madow_without_one),
        "chao_shen": (_chao_shen_nats, _chao_shen_without_one),
    }[name]
    values = []
    for state, count in enumerate(counts):
        for _ in range(count):
            fewer = [*counts]
            fewer[state] -= 1
            values.append(estimate(fingerprint(fewer)))
    n = len(values)
    expected = (n - 1) / n * float(((np.array(values) - np.mean(values)) ** 2).sum())
    found = fingerprint(counts)
    assert _jackknife_variance(without_one(found), found) == pytest.approx(expected, abs=1e-12)


def test_known_values() -> None:
    found = fingerprint([4, 2, 1, 1])
    h = -(0.5 * math.log(0.5) + 0.25 * math.log(0.25) + 0.25 * math.log(0.125))
    assert _plug_in_nats(found) == pytest.approx(h)
    assert _miller_madow_nats(found) == pytest.approx(h + 3 / 16)
    # Chao & Shen by hand: coverage 1 - 2/8.
    p = 0.75 * np.array([4, 2, 1, 1]) / 8
    by_hand = float(-(p * np.log(p) / (1 - (1 - p) ** 8)).sum())
    assert ESTIMATORS["chao_shen"](found).value_bits == pytest.approx(by_hand / math.log(2))
    # Grassberger's G from its recursion: G(1) = -gamma - ln 2, G(2) = 2 - gamma - ln 2, and
    # G(2n+1) = G(2n), G(2n+2) = G(2n) + 2 / (2n+1).
    gamma = 0.5772156649015329
    g = {1: -gamma - math.log(2), 2: 2 - gamma - math.log(2)}
    g[4] = g[2] + 2 / 3
    by_hand = math.log(8) - (4 * g[4] + 2 * g[2] + 2 * g[1]) / 8
    assert ESTIMATORS["grassberger"](found).value_bits == pytest.approx(by_hand / math.log(2))


def test_dirichlet_moments_equal_those_of_many_draws() -> None:
    found = fingerprint([5, 3], 4)
    mean, variance = _posterior_moments(found, np.array([0.5]), 4)
    draws = np.random.default_rng(0).dirichlet([5.5, 3.5, 0.5, 0.5], 200_000)
    entropies = -(draws * np.log(np.maximum(draws, 1e-300))).sum(axis=1)
    assert mean[0] == pytest.approx(entropies.mean(), abs=0.002)
    assert variance[0] == pytest.approx(entropies.var(), rel=0.02)


def test_nsb_equals_slow_integration() -> None:
    """Sum over a far wider and finer grid, state by state, in plain loops."""
    from scipy.special import gammaln, polygamma, psi

    counts, states = [6, 3, 1, 0, 0], 5
    n = sum(counts)
    log_weights, means = [], []
    for log_beta in np.linspace(-18, 14, 4000):
        beta = math.exp(log_beta)
        evidence = gammaln(states * beta) - gammaln(n + states * beta)
        evidence += sum(gammaln(c + beta) - gammaln(beta) for c in counts)
        slope = states * polygamma(1, states * beta + 1) - polygamma(1, beta + 1)
        log_weights.append(evidence + math.log(slope) + log_beta)
        total = n + states * beta
        means.append(psi(total + 1) - sum((c + beta) / total * psi(c + beta + 1) for c in counts))
    weights = np.exp(np.array(log_weights) - max(log_weights))
    expected = float(weights @ means / weights.sum()) / math.log(2)
    assert nsb(fingerprint(counts, states)).value_bits == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("counts", [[], [0, 0], [-1, 3]])
def test_impossible_counts_are_refused(counts: list[int]) -> None:
    with pytest.raises(ArgumentError):
        fingerprint(np.array(counts, int))
    with pytest.raises(ArgumentError):
        fingerprint([1, 1, 1], 2)


def test_one_example_has_no_interval_to_speak_of() -> None:
    found = fingerprint([1], 4)
    assert isinstance(found, Fingerprint)
    for estimate in ESTIMATORS.values():
        one = estimate(found)
        assert one.warning is not None
        assert one.high_bits == pytest.approx(2)


def test_the_page_lists_every_estimator_with_its_source() -> None:
    page = Path(__file__).parents[2] / "docs" / "label-information.md"
    rows = [line for line in page.read_text().splitlines() if line.startswith("| `label_entropy_")]
    listed = [estimator for estimator in ESTIMATORS.values() if estimator.corrects_bias]
    assert len(rows) == len(listed)
    for row, estimator in zip(rows, listed, strict=True):
        assert f"`label_entropy_{estimator.key}`" in row
        assert estimator.source in row
