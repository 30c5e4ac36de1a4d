from __future__ import annotations

import math

import numpy as np
import pytest

from minbits.data import sample
from minbits.data.assemble import assemble
from minbits.distributions import GaussianPair
from minbits.information.differential import (
    DIFFERENTIAL_UNIT,
    differential_quantities,
    gaussian_bound,
    kozachenko_leonenko,
)
from minbits.information.ties import resolution
from minbits.types import DataSet

NORMAL_BITS = 0.5 * math.log2(2 * math.pi * math.e)


def normal(examples: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((examples, columns))


@pytest.mark.parametrize("columns", [1, 2, 4])
def test_both_estimates_find_the_entropy_of_a_normal_vector(columns: int) -> None:
    truth = columns * NORMAL_BITS
    nearest = kozachenko_leonenko(normal(4000, columns))
    assert nearest.value_bits == pytest.approx(truth, abs=4 * nearest.standard_error_bits)
    bound = gaussian_bound(normal(2000, columns, 1), normal(4000, columns, 2), 5.0)
    assert bound.value_bits > truth - 4 * bound.standard_error_bits
    assert bound.value_bits < truth + 4 * bound.standard_error_bits + 0.05


def test_a_uniform_cube_has_entropy_zero_and_the_gaussians_stay_above() -> None:
    generator = np.random.default_rng(3)
    values = generator.random((3000, 2))
    assert kozachenko_leonenko(values).value_bits == pytest.approx(0, abs=0.1)
    assert gaussian_bound(values, generator.random((3000, 2)), 5.0).value_bits > 0


def test_a_change_of_unit_adds_the_logarithm_of_its_scale() -> None:
    values = normal(1000, 2)
    before = kozachenko_leonenko(values).value_bits
    after = kozachenko_leonenko(values * np.array([8.0, 0.5])).value_bits
    assert after - before == pytest.approx(3 - 1)


def test_the_nearest_neighbour_estimate_converges() -> None:
    errors = [
        abs(kozachenko_leonenko(normal(examples, 3, 5)).value_bits - 3 * NORMAL_BITS)
        for examples in (50, 10_000)
    ]
    assert errors[1] < 0.06
    assert errors[1] < errors[0] + 0.02


def test_differential_and_quantised_entropies_are_never_mixed() -> None:
    data: DataSet = sample(GaussianPair(0.8, 1), 3000, 2000, seed=6)
    truth = 2 * NORMAL_BITS + 0.5 * math.log2(1 - 0.8**2)
    figures = {figure.key: figure for figure in differential_quantities(data, 0.25, 5.0)}
    assert figures["differential_entropy_neighbours"].unit == DIFFERENTIAL_UNIT
    assert figures["differential_entropy_gaussians"].unit == DIFFERENTIAL_UNIT
    assert figures["differential_entropy_gaussians"].kind == "upper bound"
    assert figures["quantised_entropy"].unit == "bits"
    # Two columns at a quarter: four bits more.
    assert figures["quantised_entropy"].value == pytest.approx(truth + 4, abs=0.12)
    assert "0.25" in figures["quantised_entropy"].method


def test_rounded_measurements_are_spread_over_their_resolution() -> None:
    values = np.round(normal(2000, 1, 7), 1)
    assert resolution(values[:, 0]) == pytest.approx(0.1)
    data = assemble("rounded", (values, np.arange(2000) % 2), None, "test", "test")
    found = differential_quantities(data, None, 5.0)
    assert math.isfinite(found[0].value)
    assert found[0].value == pytest.approx(NORMAL_BITS, abs=0.15)


def test_images_and_integers_have_none(tiny: DataSet) -> None:
    assert differential_quantities(tiny, None, 1.0) == ()
