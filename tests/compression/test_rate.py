from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from minbits.compression.rate import fit_rate_tables, rate_bits

from minbits.codec.adaptive_bits import BitEncoder
from minbits.codec.integers import ModelBank, code_weight

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


@given(LEVELS, LEVELS)
def test_rate_equals_the_stated_prior(first: list[int], second: list[int]) -> None:
    values = torch.tensor([*first, *second], dtype=torch.float64)
    groups = torch.tensor([0] * len(first) + [1] * len(second))
    tables = fit_rate_tables(values.float(), groups, 2)
    bits = rate_bits(values.float(), groups, tables)
    assert float(bits[: len(first)].sum()) == pytest.approx(slow_bits(first), rel=1e-4)
    assert float(bits[len(first) :].sum()) == pytest.approx(slow_bits(second), rel=1e-4)


@given(st.floats(0.05, 0.9), st.floats(0.3, 4.0))
def test_the_prior_is_a_distribution(zeros: float, mean: float) -> None:
    generator = np.random.default_rng(0)
    magnitudes = generator.geometric(1 / (1 + mean), 500) * (generator.random(500) > zeros)
    levels = torch.tensor(magnitudes, dtype=torch.float32)
    groups = torch.zeros(500, dtype=torch.int64)
    tables = fit_rate_tables(levels, groups, 1)
    every = torch.arange(-3000, 3001, dtype=torch.float32)
    bits = rate_bits(every, torch.zeros(len(every), dtype=torch.int64), tables)
    assert float(torch.exp2(-bits.double()).sum()) == pytest.approx(1, abs=1e-3)


def test_the_estimate_is_close_to_what_the_codec_spends() -> None:
    generator = np.random.default_rng(0)
    levels = np.round(generator.laplace(0, 1.5, 2000)).astype(int)
    encoder, bank = BitEncoder(), ModelBank()
    for level in levels:
        code_weight(encoder, bank, "family", int(level))
    values = torch.tensor(levels, dtype=torch.float32)
    groups = torch.zeros(2000, dtype=torch.int64)
    estimate = float(rate_bits(values, groups, fit_rate_tables(values, groups, 1)).sum())
    assert estimate == pytest.approx(encoder.ideal_bits, rel=0.02)


def test_the_gradient_draws_weights_to_zero_and_grows_with_nothing_else() -> None:
    scaled = torch.tensor([-2.4, -0.3, 0.3, 1.6], requires_grad=True)
    groups = torch.zeros(4, dtype=torch.int64)
    tables = fit_rate_tables(torch.tensor([0.0, 0, 0, 0, 1, -1, 2, -2]), groups.repeat(2), 1)
    rate_bits(scaled, groups, tables).sum().backward()
    assert scaled.grad is not None
    assert torch.equal(scaled.grad.sign(), scaled.detach().sign())
