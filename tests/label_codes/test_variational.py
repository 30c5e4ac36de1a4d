"""The variational code: its divergence by sampling, its gradients, and lengths that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minbits.errors import DataError
from minbits.label_codes.protocol import Known
from minbits.label_codes.variational import SCALE_BITS, SIZE_BITS, Posterior, variational_length
from minbits.networks.grammar import parse_architecture

NETWORK = parse_architecture("linear 4 relu; linear 3", (2, 1, 1), 0)


def posterior(seed: int) -> Posterior:
    """A posterior away from its start: spreads of all sizes."""
    found = Posterior(NETWORK, seed)
    generator = np.random.default_rng(seed)
    found.means += generator.normal(size=len(found.means)).astype(np.float32)
    found.log_spreads[:] = generator.uniform(-3, 0, len(found.log_spreads))
    return found


def test_the_divergence_is_what_samples_say() -> None:
    found = posterior(0)
    variances, spreads = found.prior_variances(), np.exp(found.log_spreads.astype(float))
    generator = np.random.default_rng(1)
    noise = generator.standard_normal((200_000, len(spreads)))
    drawn = found.means + noise * spreads
    # log q(w) - log p(w); the constants of both are the same.
    logs = -0.5 * noise**2 - np.log(spreads) + 0.5 * drawn**2 / variances + 0.5 * np.log(variances)
    sampled = logs.sum(1)
    error = sampled.std() / math.sqrt(len(sampled))
    assert found.divergence_nats() == pytest.approx(sampled.mean(), abs=5 * error)


@pytest.mark.parametrize("part", ["means", "log_spreads"])
def test_the_gradients_are_those_of_the_divergence(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = posterior(2)
    # The prior is coded on a grid: its variance stays where it is.
    variances = found.prior_variances()
    monkeypatch.setattr(found, "prior_variances", lambda: variances)
    gradient = found.divergence_gradients()[part == "log_spreads"]
    values = getattr(found, part)
    for place in range(len(values)):
        kept, step = values[place], np.float32(1e-2)
        values[place] = kept + step
        above = found.divergence_nats()
        values[place] = kept - step
        below = found.divergence_nats()
        values[place] = kept
        assert gradient[place] == pytest.approx((above - below) / 0.02, rel=1e-2, abs=1e-3)


def test_the_prior_of_each_tensor_is_near_the_best_one() -> None:
    found = posterior(3)
    least = found.divergence_nats()
    for factor in (0.8, 1.25):
        variances = factor * found.prior_variances()
        squares = found.means.astype(float) ** 2 + np.exp(2 * found.log_spreads.astype(float))
        other = squares / variances - 1 + np.log(variances) - 2 * found.log_spreads
        assert 0.5 * other.sum() > least


def test_labels_that_inputs_tell_cost_little_and_chance_costs_the_uniform_code() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 600)
    inputs = generator.normal(size=(600, 2, 1, 1)).astype(np.float32)
    chance = variational_length(Known(inputs, 0, 2), labels, 1.0)
    # No code is shorter than the uniform one by more than luck; a good one is little longer.
    assert 0.97 * 600 < chance.total_bits - chance.prior_bits < 1.1 * 600
    inputs[:, 0, 0, 0] = 2.0 * labels - 1
    told = variational_length(Known(inputs, 0, 2), labels, 1.0)
    assert told.total_bits < 0.5 * chance.total_bits
    assert told.accuracy > 0.95
    assert told.prior_bits == SIZE_BITS + 4 * SCALE_BITS
    assert told.total_bits == told.prior_bits + told.weights_bits + told.labels_bits
    with pytest.raises(DataError, match="labels"):
        variational_length(Known(inputs, 0, 2), labels[1:], 1.0)
