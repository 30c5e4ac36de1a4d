"""The rate against the prior that it states, and against what the codec really spends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.codec.adaptive_bits import BitEncoder
from minbits.codec.integers import ModelBank, code_weight
from minbits.compression.quantizer import fit_tables, latent_gradient, quantize

LEVELS = st.lists(st.integers(-30, 30), min_size=1, max_size=80)


def slow_bits(levels: list[int]) -> float:
    """The code length of a group under the prior fitted to it, as the module's text states it."""
    count, nonzero = len(levels), sum(level != 0 for level in levels)
    total = sum(abs(level) for level in levels)
    p_zero = (count - nonzero + 0.5) / (count + 1)
    theta = (total - nonzero + 0.5) / (total + 1)
    bits = 0.0
    for level in levels:
        if level == 0:
            bits -= math.log2(p_zero)
        else:
            probability = (1 - p_zero) / 2 * (1 - theta) * theta ** (abs(level) - 1)
            bits -= math.log2(probability)
    return bits


def estimate(levels: list[int], groups: list[int]) -> float:
    """The compiled estimate for weights that lie on their levels, with a step of one."""
    latent = np.array(levels, np.float32)
    family = np.array(groups, np.int64)
    tables = np.zeros((max(groups) + 1, 3), np.float32)
    return float(
        quantize(
            latent, np.zeros(1, np.float32), np.zeros(len(latent), np.int64), family,
            np.zeros_like(latent), np.zeros_like(latent), tables, np.zeros_like(latent),
            np.zeros(len(latent), np.bool_), 0.0,
        )
    )  # fmt: skip


@given(LEVELS, LEVELS)
def test_rate_equals_the_stated_prior(first: list[int], second: list[int]) -> None:
    groups = [0] * len(first) + [1] * len(second)
    expected = slow_bits(first) + slow_bits(second)
    assert estimate(first + second, groups) == pytest.approx(expected, rel=1e-4)


@given(st.floats(0.05, 0.9), st.floats(0.3, 4.0))
def test_the_prior_is_a_distribution(zeros: float, mean: float) -> None:
    generator = np.random.default_rng(0)
    magnitudes = generator.geometric(1 / (1 + mean), 500) * (generator.random(500) > zeros)
    tables = np.zeros((1, 3), np.float32)
    fit_tables(magnitudes.astype(np.float32), np.zeros(500, np.int64), tables)
    zero, one, unit = tables[0].astype(float)
    far = np.arange(3000)
    total = 2.0**-zero + 2 * np.exp2(-(one + unit * far)).sum()
    assert total == pytest.approx(1, abs=1e-3)


def test_the_estimate_is_close_to_what_the_codec_spends() -> None:
    generator = np.random.default_rng(0)
    levels = np.round(generator.laplace(0, 1.5, 2000)).astype(int).tolist()
    encoder, bank = BitEncoder(), ModelBank()
    for level in levels:
        code_weight(encoder, bank, "family", level)
    assert estimate(levels, [0] * 2000) == pytest.approx(encoder.ideal_bits, rel=0.02)


def test_the_gradient_draws_weights_to_zero_and_grows_with_nothing_else() -> None:
    latent = np.array([-2.4, -0.3, 0.3, 1.6], np.float32)
    zeros, groups = np.zeros(4, np.int64), np.zeros(4, np.int64)
    tables = np.zeros((1, 3), np.float32)
    fit_tables(np.array([0.0, 0, 0, 0, 1, -1, 2, -2], np.float32), np.zeros(8, np.int64), tables)
    gradient, step_gradient = np.empty(4, np.float32), np.empty(1, np.float32)
    latent_gradient(
        latent, np.zeros(1, np.float32), zeros, groups, np.round(latent), tables,
        np.zeros(4, np.float32), 1.0, 0.0, gradient, step_gradient,
    )  # fmt: skip
    assert np.array_equal(np.sign(gradient), np.sign(latent))
    assert step_gradient[0] < 0  # a larger step takes fewer bits
