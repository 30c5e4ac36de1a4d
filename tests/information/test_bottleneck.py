"""The bottleneck of distributions whose curve is known, and against another implementation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from minbits.errors import ArgumentError
from minbits.information.bottleneck import (
    annealed_points,
    bottleneck_curve,
    deterministic_points,
    mutual_information,
    sufficient_table,
)


def binary_entropy(p: float) -> float:
    return float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)))


def gaussian_curve(correlation: float, input_bits: float) -> float:
    """The limit for two jointly normal numbers (Chechik et al. 2005), in bits."""
    return float(-0.5 * np.log2(1 - correlation**2 * (1 - np.exp2(-2 * input_bits))))


def symmetric(flip: float) -> np.ndarray:
    return np.array([[1 - flip, flip], [flip, 1 - flip]]) / 2


@pytest.mark.parametrize("flip", [0.05, 0.1, 0.25])
def test_a_binary_symmetric_channel_has_the_curve_of_mrs_gerber(flip: float) -> None:
    """T is X after another symmetric channel (Wyner & Ziv 1973, Witsenhausen & Wyner 1975)."""
    curve = bottleneck_curve(symmetric(flip), 120)
    for input_bits in (0.1, 0.3, 0.5, 0.8, 0.95):
        more = brentq(lambda q: 1 - binary_entropy(q) - input_bits, 1e-12, 0.5 - 1e-12)  # noqa: B023
        both = more * (1 - flip) + (1 - more) * flip
        truth = 1 - binary_entropy(both)
        assert curve.reached(input_bits) <= truth + 1e-9
        assert curve.limit(input_bits) >= truth - 1e-9
        assert curve.limit(input_bits) - curve.reached(input_bits) < 3e-3


def test_jointly_normal_numbers_have_the_known_curve() -> None:
    correlation, steps = 0.8, 24
    at = np.linspace(-3.5, 3.5, steps)
    square = at[:, None] ** 2 - 2 * correlation * at[:, None] * at + at**2
    joint = np.exp(-square / (2 * (1 - correlation**2)))
    joint /= joint.sum()
    curve = bottleneck_curve(joint, 20)
    # The grid takes some information away: 0.003 bits of 0.737.
    for input_bits in (0.2, 0.5, 1.0, 2.0):
        truth = gaussian_curve(correlation, input_bits)
        assert curve.reached(input_bits) - 1e-9 <= truth
        assert curve.limit(input_bits) >= truth - 4e-3
        assert curve.limit(input_bits) - curve.reached(input_bits) < 0.04
    assert gaussian_curve(correlation, np.inf) == pytest.approx(-0.5 * np.log2(1 - correlation**2))


def test_of_a_label_that_is_a_function_every_bit_can_count() -> None:
    joint = np.zeros((40, 2))
    joint[np.arange(40), (np.arange(40) % 5 == 0).astype(int)] = 1 / 40
    curve, most = bottleneck_curve(joint), binary_entropy(0.2)
    at = np.array([0.0, 0.3, most, 2.0])
    assert curve.limit(at) == pytest.approx(np.minimum(at, most), abs=1e-9)
    assert curve.reached(at) == pytest.approx(np.minimum(at, most), abs=1e-9)
    assert sufficient_table(joint).shape == (2, 2)


def random_joint(seed: int, inputs: int = 6, labels: int = 3) -> np.ndarray:
    joint = np.random.default_rng(seed).gamma(0.6, size=(inputs, labels)) + 1e-3
    return np.asarray(joint / joint.sum())


def all_functions(joint: np.ndarray, groups: int) -> list[tuple[float, float]]:
    """Return H(T) and I(T;Y) of every function of X to some groups, slowly."""
    found = []
    for number in range(groups ** len(joint)):
        group = number // groups ** np.arange(len(joint)) % groups
        table = np.array([joint[group == one].sum(axis=0) for one in np.unique(group)])
        shares = table.sum(axis=1)
        found.append((float(-(shares * np.log2(shares)).sum()), mutual_information(table)))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_no_function_of_x_is_above_the_limit(seed: int) -> None:
    joint = random_joint(seed, 5)
    curve = bottleneck_curve(joint)
    for input_bits, label_bits in all_functions(joint, 3):
        assert label_bits <= curve.limit(input_bits) + 1e-9
    for point in (*curve.points, *deterministic_points(joint, [50.0, 5.0, 1.5])):
        assert point.label_bits <= curve.limit(point.input_bits) + 1e-9
        assert point.label_bits <= point.input_bits + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_points_agree_with_those_of_dit(seed: int) -> None:
    """dit minimises the Lagrangian by another method; ours must not be worse."""
    # Imported here, since it takes a second that the other tests do not need.
    import dit
    from dit.rate_distortion.information_bottleneck import InformationBottleneck

    joint = random_joint(seed, 3, 2)
    outcomes = [f"{x}{y}" for x in range(3) for y in range(2)]
    distribution = dit.Distribution(outcomes, joint.ravel().tolist())
    assert float(dit.shannon.mutual_information(distribution, [0], [1])) == pytest.approx(
        mutual_information(joint)
    )
    for beta in (4.0, 20.0):
        ours = annealed_points(joint, np.geomspace(1e3, beta, 20).tolist())[-1]
        theirs = InformationBottleneck(distribution, beta=beta, rvs=[[0], [1]])
        theirs.optimize(niter=3)
        found = theirs.construct_joint(theirs._optima)
        rate, relevance = float(theirs.complexity(found)), float(theirs.relevance(found))
        less = (rate - beta * relevance) - (ours.input_bits - beta * ours.label_bits)
        assert less >= -1e-6  # dit starts from chance, and may end at a worse solution


@pytest.mark.parametrize(
    ("joint", "message"),
    [([0.5, 0.5], "shape"), ([[0.5, 0.6]], "a sum of 1.1"), ([[-0.5, 1.5]], "probabilities")],
)
def test_what_is_no_distribution_is_refused(joint: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        bottleneck_curve(joint)  # type: ignore[arg-type]
