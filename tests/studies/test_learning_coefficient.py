from __future__ import annotations

import math

import numpy as np
import pytest

from minbits.errors import ArgumentError
from minbits.studies.learning_coefficient import (
    ChainSettings,
    Values,
    local_learning_coefficient,
    quadratic_coefficient,
)

EXAMPLES = 1000
SCALE = EXAMPLES / math.log(EXAMPLES)
LONG = ChainSettings(localisation=1e-3, burn_in=1000, steps=6000, chains=4)


def quadratic(curvatures: Values) -> object:
    def loss_and_gradient(values: Values) -> tuple[float, Values]:
        return 0.3 + 0.5 * float(curvatures @ values**2), curvatures * values

    return loss_and_gradient


def test_a_regular_model_has_half_its_parameters() -> None:
    curvatures = np.linspace(0.5, 4.0, 12)
    found = local_learning_coefficient(quadratic(curvatures), np.zeros(12), EXAMPLES, LONG, 0)  # type: ignore[arg-type]
    assert found.value == pytest.approx(6.0, abs=max(0.4, 4 * found.standard_error))
    assert found.standard_error < 0.3
    assert found.loss == 0.3
    assert found.value == pytest.approx(SCALE * (found.mean_loss - 0.3))
    assert 0.4 < found.acceptance < 0.75


def test_localisation_takes_away_what_it_takes_in_theory() -> None:
    curvatures = np.linspace(0.1, 4.0, 12)
    near = ChainSettings(localisation=100.0, burn_in=1000, steps=6000, chains=4)
    found = local_learning_coefficient(quadratic(curvatures), np.zeros(12), EXAMPLES, near, 1)  # type: ignore[arg-type]
    expected = 0.5 * (SCALE * curvatures / (SCALE * curvatures + 100)).sum()
    assert expected < 5
    assert quadratic_coefficient(curvatures, EXAMPLES, 100.0) == pytest.approx(expected)
    assert quadratic_coefficient(np.array([-1.0, 1e9]), EXAMPLES, 1.0) == pytest.approx(0.5)
    assert found.value == pytest.approx(expected, abs=max(0.3, 4 * found.standard_error))


def test_the_hessian_changes_how_fast_chains_mix_and_not_what_they_draw_from() -> None:
    turned, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))
    curvatures = np.array([1e4, 1e3, *np.geomspace(0.01, 10, 10)])
    matrix = turned @ np.diag(curvatures) @ turned.T

    def steep(values: Values) -> tuple[float, Values]:
        slope = matrix @ values
        return 0.5 * float(values @ slope), slope

    short = ChainSettings(localisation=1.0, burn_in=500, steps=2000, chains=4)
    place = np.zeros(12)
    found = local_learning_coefficient(
        steep, place, EXAMPLES, short, 4, eigen=np.linalg.eigh(matrix)
    )
    expected = quadratic_coefficient(curvatures, EXAMPLES, 1.0)
    assert found.value == pytest.approx(expected, abs=max(0.3, 4 * found.standard_error))
    assert found.standard_error < 0.2
    # Steps as short as the steepest direction allows have not seen the flat ones by then.
    slow = local_learning_coefficient(steep, place, EXAMPLES, short, 4)
    assert slow.value < expected - 1


def test_a_wrong_hessian_does_no_harm() -> None:
    curvatures = np.linspace(0.5, 4.0, 12)
    wrong = np.diag(np.linspace(8.0, -0.1, 12))
    found = local_learning_coefficient(
        quadratic(curvatures), np.zeros(12), EXAMPLES,  # type: ignore[arg-type]
        ChainSettings(localisation=5.0, burn_in=1000, steps=6000, chains=4), 5,
        eigen=np.linalg.eigh(wrong),
    )  # fmt: skip
    expected = quadratic_coefficient(curvatures, EXAMPLES, 5.0)
    assert found.value == pytest.approx(expected, abs=max(0.4, 4 * found.standard_error))


def test_a_singular_model_has_less_than_half_its_parameters() -> None:
    # Of w^4 the learning coefficient is 1/4 a parameter: E[b n w^4] = 1/4 under exp(-b n w^4).
    def quartic(values: Values) -> tuple[float, Values]:
        return float((values**4).sum()), 4 * values**3

    found = local_learning_coefficient(quartic, np.zeros(8), EXAMPLES, LONG, 2)
    assert found.value == pytest.approx(2.0, abs=max(0.25, 4 * found.standard_error))
    assert found.standard_error < 0.2


def test_directions_that_change_nothing_count_for_nothing() -> None:
    curvatures = np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    some = ChainSettings(localisation=1.0, burn_in=1000, steps=6000, chains=4)
    found = local_learning_coefficient(quadratic(curvatures), np.zeros(6), EXAMPLES, some, 3)  # type: ignore[arg-type]
    assert found.value == pytest.approx(1.0, abs=max(0.2, 4 * found.standard_error))


def test_a_place_that_is_no_minimum_is_seen() -> None:
    found = local_learning_coefficient(
        quadratic(np.ones(4)),
        np.full(4, 1.0),
        EXAMPLES,
        LONG,
        0,  # type: ignore[arg-type]
    )
    assert found.mean_loss < found.loss
    assert found.value < 0


def test_what_cannot_be_estimated_is_refused() -> None:
    for examples, chains in ((1, 2), (10, 1)):
        with pytest.raises(ArgumentError, match="2 or more of each"):
            local_learning_coefficient(
                quadratic(np.ones(1)),
                np.zeros(1),
                examples,
                ChainSettings(chains=chains),
                0,  # type: ignore[arg-type]
            )
