"""Estimators of a discrete entropy from counts, each with a 95 % interval and an honest warning.

All work on the *fingerprint* of the counts: which counts occur, and how often. Estimating, and
leaving out one example at a time for the interval, then takes a few hundred operations, however
many examples there are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri, digamma, gammaln, polygamma

from minbits.errors import ArgumentError
from minbits.registry import Registry
from minbits.units import BITS_PER_NAT

FloatArray = npt.NDArray[np.float64]
CONFIDENCE = 0.95
Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
_LOW_COVERAGE = 0.95
_LOWEST_COVERAGE = 0.5
_EXAMPLES_A_STATE = 5
_GRID_POINTS = 100
_GRID_REACH = 12.0
_NEGLIGIBLE_NATS = 30.0


@dataclass(frozen=True)
class Estimate:
    """An estimated information with its 95 % interval, in bits.

    ``high_bits`` is infinite where nothing bounds it from above. ``warning`` says why the value
    should not be trusted; None where it should.
    """

    value_bits: float
    low_bits: float
    high_bits: float
    warning: str | None = None


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """Which counts occur and how often.

    Attributes:
        counts: distinct positive counts, ascending, float64.
        states: how many states have each of them.
        possible_states: how many states there are, seen or not; None where nobody knows.
    """

    counts: FloatArray
    states: FloatArray
    possible_states: int | None

    @property
    def examples(self) -> float:
        """The number of examples."""
        return float(self.counts @ self.states)

    @property
    def seen_states(self) -> int:
        """The number of states that occur."""
        return int(self.states.sum())

    @property
    def singletons(self) -> float:
        """The number of states seen once."""
        return float(self.states[self.counts == 1].sum())

    @property
    def assumed_states(self) -> int:
        """The number of states: the known one, or Chao's estimate from below (Chao 1984)."""
        if self.possible_states is not None:
            return self.possible_states
        pairs = float(self.states[self.counts == 2].sum())
        once = self.singletons
        unseen = once * (once - 1) / (2 * (pairs + 1))
        return self.seen_states + math.ceil(unseen)


def fingerprint(counts: npt.ArrayLike, possible_states: int | None = None) -> Fingerprint:
    """Return the fingerprint of counts, one a state; zeros do not matter.

    Raises:
        ArgumentError: if there is no example, a negative count, or more states than are possible.
    """
    array = np.asarray(counts)
    if array.ndim != 1 or array.sum() < 1 or array.min() < 0:
        raise ArgumentError("counts", str(array)[:40], "counts with at least one example", "Count.")
    distinct, states = np.unique(array[array > 0], return_counts=True)
    seen = int(states.sum())
    if possible_states is not None and possible_states < seen:
        raise ArgumentError("possible_states", str(possible_states), f"at least {seen}", "Correct.")
    return Fingerprint(distinct.astype(np.float64), states.astype(np.float64), possible_states)


def _plug_in_nats(found: Fingerprint) -> float:
    p = found.counts / found.examples
    return float(-(found.states * p * np.log(p)).sum())


def _miller_madow_nats(found: Fingerprint) -> float:
    return _plug_in_nats(found) + (found.seen_states - 1) / (2 * found.examples)


def _chao_shen_nats(found: Fingerprint) -> float:
    n, once = found.examples, found.singletons
    # With every example a singleton, coverage would be 0; one singleton less keeps it positive.
    coverage = 1 - min(once, n - 1) / n if n > 1 else 1.0
    return float(found.states @ _chao_shen_terms(found.counts, coverage, n))


def _chao_shen_terms(counts: FloatArray, coverage: float, n: float) -> FloatArray:
    p = coverage * counts / n
    # 1 - (1 - p)^n, the probability of being seen at all (Horvitz & Thompson 1952).
    seen = -np.expm1(n * np.log1p(-np.minimum(p, 1 - 1e-12)))
    return np.asarray(-p * np.log(p) / seen)


def _grassberger_nats(found: Fingerprint) -> float:
    c = found.counts
    sign = np.where(c % 2 == 0, 1.0, -1.0)
    g = digamma(c) + 0.5 * sign * (digamma((c + 1) / 2) - digamma(c / 2))
    return float(math.log(found.examples) - (found.states * c * g).sum() / found.examples)


def _plug_in_without_one(found: Fingerprint) -> FloatArray:
    """Return the plug-in estimate without one example of a state of each count, in nats."""
    c, n = found.counts, found.examples
    terms = c * np.log(c)
    fewer = (c - 1) * np.log(np.maximum(c - 1, 1))
    return np.asarray(math.log(n - 1) - (found.states @ terms - terms + fewer) / (n - 1))


def _miller_madow_without_one(found: Fingerprint) -> FloatArray:
    seen = found.seen_states - (found.counts == 1)
    return np.asarray(_plug_in_without_one(found) + (seen - 1) / (2 * (found.examples - 1)))


def _chao_shen_without_one(found: Fingerprint) -> FloatArray:
    """Return the same for Chao and Shen's estimate, whose coverage depends on the singletons."""
    c, n = found.counts, found.examples - 1
    once = found.singletons - (c == 1) + (c == 2)
    out = np.empty(len(c))
    for value in np.unique(once):  # three values at most
        coverage = 1 - min(float(value), n - 1) / n if n > 1 else 1.0
        terms = _chao_shen_terms(c, coverage, n)
        fewer = np.where(c > 1, _chao_shen_terms(np.maximum(c - 1, 1), coverage, n), 0.0)
        rows = once == value
        out[rows] = (found.states @ terms - terms + fewer)[rows]
    return out


def _jackknife_variance(without_one: FloatArray, found: Fingerprint) -> float:
    """Return the jackknife variance in nats squared (Efron & Stein 1981)."""
    n = found.examples
    weights = found.states * found.counts
    mean = (weights @ without_one) / n
    return float((n - 1) / n * (weights @ (without_one - mean) ** 2))


def _coverage(found: Fingerprint) -> float:
    """Return about how much of the probability belongs to states that were seen (Good 1953)."""
    return 1 - found.singletons / found.examples


def undersampling_warning(found: Fingerprint) -> str | None:
    """Return why an entropy estimate should not be trusted, None where it should."""
    n, coverage = found.examples, _coverage(found)
    if coverage < _LOW_COVERAGE:
        return (
            f"undersampled: {found.seen_states:,} states in {n:,.0f} examples, "
            f"{found.singletons:,.0f} of them seen once; "
            f"about {100 * (1 - coverage):.0f} % of the probability is unseen"
        )
    if n < _EXAMPLES_A_STATE * found.assumed_states:
        return f"undersampled: {n:,.0f} examples for {found.assumed_states:,} states"
    if found.seen_states == 1 and found.possible_states != 1:
        return f"one state in {n:,.0f} examples: others may be rare, and were not seen"
    return None


def _bounded(
    value: float, half: float, found: Fingerprint, warning: str | None, high: float = -math.inf
) -> Estimate:
    """Return an estimate plus or minus ``half`` in bits, within what the states allow.

    The interval holds the ends that all estimators share (`_common_ends`), so that no estimator's
    own bias takes the truth out of it. Where the states are known, their logarithm bounds it.
    """
    most = math.inf if found.possible_states is None else math.log(found.possible_states)
    common_low, common_high = _common_ends(found)
    value = min(max(value, 0.0), most)
    low = max(0.0, min(value - half, common_low))
    high = max(value + half, common_high, high) + _rarest_nats(found) + _unseen_nats(found)
    high = min(most, high)
    return Estimate(value * BITS_PER_NAT, low * BITS_PER_NAT, high * BITS_PER_NAT, warning)


def _rarest_nats(found: Fingerprint) -> float:
    """Return what one more example of the rarest state adds.

    A rare state is drawn too seldom more often than too often, and then its few examples show a
    small spread too: one more makes up for both (in the spirit of Agresti & Coull 1998).
    """
    n = found.examples
    longest = math.log(n / found.counts[0])
    return max(0.0, longest - _plug_in_nats(found)) / (n + 1)


def _unseen_nats(found: Fingerprint) -> float:
    """Return the entropy that a state which was never seen may add.

    Up to 3 / N of the probability may be its own at 95 % (the rule of three, Hanley &
    Lippman-Hand 1983), which no variance shows.
    """
    if found.possible_states == found.seen_states:
        return 0.0
    p = min(0.5, 3 / found.examples)
    return -p * math.log(p) - (1 - p) * math.log1p(-p)


def _common_ends(found: Fingerprint) -> tuple[float, float]:
    """Return ends that hold whatever an estimator's own bias, in nats.

    Miller and Madow's estimate lacks what unseen states add, and so is hardly ever too high; its
    interval holds where nearly all states were seen. Elsewhere Chao and Shen's makes up for unseen
    states, and with the bias of the plug-in estimate on top it is hardly ever too low. Where less
    than half of the probability was seen and nobody knows the states, nothing bounds the entropy
    from above.
    """
    centre = _miller_madow_nats(found)
    half = _half_width(_miller_madow_without_one, found)
    if undersampling_warning(found) is None:
        return centre - half, centre + half
    if found.possible_states is None and _coverage(found) < _LOWEST_COVERAGE:
        return centre - half, math.inf
    high = _chao_shen_nats(found) + _half_width(_chao_shen_without_one, found) + _bias_nats(found)
    return centre - half, max(centre + half, high)


def _half_width(without_one: Callable[[Fingerprint], FloatArray], found: Fingerprint) -> float:
    """Return 1.96 jackknife deviations of an estimate, and what is left near a uniform source.

    There the entropy is flat, to first order it has no variance, and 2N times what it falls short
    of its maximum is a chi-squared variable of K - 1 degrees of freedom. Near by, the deviations
    are too small by about as much, and so both are added.
    """
    n, degrees = found.examples, found.assumed_states - 1
    if n <= 1:
        return math.inf
    left = float(chdtri(degrees, (1 - CONFIDENCE) / 2) - degrees) / (2 * n) if degrees else 0.0
    return Z * math.sqrt(_jackknife_variance(without_one(found), found)) + left


def _bias_nats(found: Fingerprint) -> float:
    """Return the size of the plug-in estimate's bias, (K - 1) / 2N (Miller 1955)."""
    return (found.assumed_states - 1) / (2 * found.examples)


def _with_jackknife(
    value: float,
    without_one: Callable[[Fingerprint], FloatArray],
    found: Fingerprint,
    bias: float = 0.0,
) -> Estimate:
    """Return an estimate plus or minus its half width and ``bias``, all in nats."""
    half = _half_width(without_one, found) + bias
    return _bounded(value, half, found, undersampling_warning(found))


def plug_in(found: Fingerprint) -> Estimate:
    """Estimate by the relative frequencies themselves: too low by about (K - 1) / 2N nats.

    The interval reaches up by Paninski's bound of the bias, ln(1 + (K - 1) / N) (Paninski 2003).
    """
    value, half = _plug_in_nats(found), _half_width(_plug_in_without_one, found)
    high = value + half + math.log1p((found.assumed_states - 1) / found.examples)
    return _bounded(value, half, found, undersampling_warning(found), high)


def miller_madow(found: Fingerprint) -> Estimate:
    """Estimate by the plug-in value plus (states seen - 1) / 2N nats (Miller 1955)."""
    return _with_jackknife(_miller_madow_nats(found), _miller_madow_without_one, found)


def chao_shen(found: Fingerprint) -> Estimate:
    """Estimate by coverage-adjusted, inversely weighted frequencies (Chao & Shen 2003).

    Where nearly all has been seen it corrects next to nothing, so that the interval also holds the
    plug-in estimate's bias, on both sides.
    """
    value = _chao_shen_nats(found)
    return _with_jackknife(value, _chao_shen_without_one, found, _bias_nats(found))


def grassberger(found: Fingerprint) -> Estimate:
    """Estimate by digamma functions of the counts (Grassberger 2003, equation 28).

    The spread is that of Miller and Madow's estimate: leaving one example out turns an even count
    into an odd one, at which these functions jump.
    """
    return _with_jackknife(_grassberger_nats(found), _miller_madow_without_one, found)


def _posterior_moments(
    found: Fingerprint, beta: FloatArray, states: int
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of the entropy in nats under a Dirichlet posterior, for each beta.

    The moments of Wolpert & Wolf (1995), with unseen states gathered into one count of zero.
    """
    counts = np.append(found.counts, 0.0)[:, None]
    multiplicity = np.append(found.states, states - found.seen_states)[:, None]
    a = counts + beta
    total = found.examples + states * beta
    mean = digamma(total + 1) - (multiplicity * a / total * digamma(a + 1)).sum(axis=0)
    # E[H^2] over pairs of different states, then over each state with itself.
    first = digamma(a + 1) - digamma(total + 2)
    sum_first = (multiplicity * a * first).sum(axis=0)
    same_first = (multiplicity * (a * first) ** 2).sum(axis=0)
    sum_squares = (multiplicity * a * a).sum(axis=0)
    trigamma_total = polygamma(1, total + 2)
    different = sum_first**2 - same_first - trigamma_total * (total**2 - sum_squares)
    second = digamma(a + 2) - digamma(total + 2)
    itself = (multiplicity * a * (a + 1) * (second**2 + polygamma(1, a + 2) - trigamma_total)).sum(
        axis=0
    )
    square = (different + itself) / (total * (total + 1))
    return mean, np.maximum(square - mean**2, 0.0)


def _log_posterior(found: Fingerprint, log_beta: FloatArray, states: int) -> FloatArray:
    """Return the logarithm of the posterior density of ln beta, but for a constant."""
    beta = np.exp(log_beta)
    prior = states * polygamma(1, states * beta + 1) - polygamma(1, beta + 1)
    evidence = gammaln(states * beta) - gammaln(found.examples + states * beta)
    ratios = gammaln(found.counts[:, None] + beta) - gammaln(beta)
    # An element of beta is beta times one of ln beta.
    return np.asarray(evidence + found.states @ ratios + np.log(prior) + log_beta)


def nsb(found: Fingerprint) -> Estimate:
    """Estimate by a mixture of Dirichlet priors that is flat in entropy.

    Nemenman, Shafee & Bialek 2002; the interval is the posterior's mean plus or minus 1.96
    standard deviations, and the plug-in estimate's bias, since sources that no symmetric Dirichlet
    prior resembles, such as Zipf's, lie outside the posterior alone. Where the number of states is
    unknown, Chao's estimate stands for it; where a single state was seen, a second one is taken to
    exist, since the prior of a single state would be certain whatever the number of examples.
    """
    if found.possible_states == 1:
        return Estimate(0.0, 0.0, 0.0)
    states = max(2, found.assumed_states)
    centre = -0.5 * math.log(states)
    log_beta = np.linspace(centre - _GRID_REACH, centre + _GRID_REACH, _GRID_POINTS)
    weight = _log_posterior(found, log_beta, states)
    # The posterior may be far narrower than the grid: a second, finer one covers what matters.
    worth = np.flatnonzero(weight > weight.max() - _NEGLIGIBLE_NATS)
    step = log_beta[1] - log_beta[0]
    log_beta = np.linspace(log_beta[worth[0]] - step, log_beta[worth[-1]] + step, _GRID_POINTS)
    log_weight = _log_posterior(found, log_beta, states)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    beta = np.exp(log_beta)
    mean, variance = _posterior_moments(found, beta, states)
    value = float(weight @ mean)
    spread = math.sqrt(float(weight @ (variance + (mean - value) ** 2)))
    half = Z * spread + _bias_nats(found)
    return _bounded(value, half, found, undersampling_warning(found))


@dataclass(frozen=True)
class Estimator:
    """An estimator of a discrete entropy from counts.

    Attributes:
        key: its name in tables, in JSON and in the ledger.
        function: returns the estimate of a fingerprint.
        method: what it does, in a few words.
        source: author and year.
        corrects_bias: whether tables of H(Y) list it beside the plug-in estimate.
    """

    key: str
    function: Callable[[Fingerprint], Estimate]
    method: str
    source: str
    corrects_bias: bool = True

    def __call__(self, found: Fingerprint) -> Estimate:
        """Return the estimate of a fingerprint."""
        return self.function(found)


ESTIMATORS: Registry[Estimator] = Registry(
    "estimator of an entropy",
    Estimator("plug_in", plug_in, "relative frequencies", "Shannon 1948", corrects_bias=False),
    Estimator(
        "miller_madow", miller_madow, "plug-in plus (classes seen - 1) / 2N nats", "Miller 1955"
    ),
    Estimator(
        "chao_shen",
        chao_shen,
        "coverage-adjusted, inversely weighted frequencies",
        "Chao & Shen 2003",
    ),
    Estimator("grassberger", grassberger, "digamma functions of the counts", "Grassberger 2003"),
    Estimator(
        "nsb",
        nsb,
        "mixture of Dirichlet priors flat in entropy",
        "Nemenman, Shafee & Bialek 2002",
    ),
)
