"""Each kernel beside a reference of a few lines of NumPy, on random sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.training.lanes import channels as ch
from minbits.training.lanes.linear_maps import (
    GROUP,
    Sweep,
    dense_weight_gradient,
    depthwise_weight_gradient,
    pack_groups,
    sweep_blocks,
)
from minbits.training.lanes.vector_code import LANES

SIDES = st.integers(1, 6)
CHANNELS = st.integers(1, 9)


def random(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def windows(inputs: np.ndarray, kernel: int) -> np.ndarray:
    """View ``[block, channel, row, column, lane]`` as ``[…, row, column, lane, k, k]``."""
    return np.lib.stride_tricks.sliding_window_view(inputs, (kernel, kernel), axis=(2, 3))


def tap_offsets(channels: int, high: int, wide: int, kernel: int) -> np.ndarray:
    places = [
        (channel * high + row) * wide + column
        for channel in range(channels)
        for row in range(kernel)
        for column in range(kernel)
    ]
    return np.array(places, np.int64) * LANES


@given(CHANNELS, CHANNELS, SIDES, SIDES, st.integers(1, 3), st.sampled_from([0.0, 0.125, 1.0]))
def test_sweep_is_a_convolution_with_bias_and_slope(
    channels: int, outputs: int, rows: int, columns: int, kernel: int, slope: float
) -> None:
    blocks, high, wide = 2, rows + kernel - 1, columns + kernel - 1
    inputs, weights = (
        random(1, blocks, channels, high, wide, LANES),
        random(2, outputs, channels, kernel, kernel),
    )
    bias = random(3, outputs)
    sums = np.einsum("bcyxlij,ocij->boyxl", windows(inputs, kernel), weights, optimize=True)
    sums = sums + bias[:, None, None, None]
    expected = np.where(sums > 0, sums, slope * sums)

    taps = channels * kernel * kernel
    packed, out = np.zeros(outputs * taps, np.float32), np.zeros(expected.size, np.float32)
    pack_groups(weights.ravel(), outputs, taps, packed)
    size = rows * columns * LANES
    sweep = Sweep(rows, columns, size, columns * LANES, 0, wide * LANES, LANES, np.float32(slope))
    sweep_blocks(
        out, 0, outputs * size, inputs.ravel(), 0, inputs[0].size, blocks,
        tap_offsets(channels, high, wide, kernel), taps, packed, bias, outputs, sweep,
    )  # fmt: skip
    assert np.allclose(out.reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)


@given(CHANNELS, CHANNELS, SIDES, SIDES, st.integers(1, 3))
def test_dense_weight_gradient(
    channels: int, outputs: int, rows: int, columns: int, kernel: int
) -> None:
    high, wide = rows + kernel - 1, columns + kernel - 1
    inputs, errors = (
        random(1, 1, channels, high, wide, LANES),
        random(2, outputs, rows, columns, LANES),
    )
    expected = np.einsum("cyxlij,oyxl->ocij", windows(inputs, kernel)[0], errors, optimize=True)
    taps = channels * kernel * kernel
    found = np.zeros(outputs * taps, np.float32)
    dense_weight_gradient(
        found, errors.ravel(), 0, errors[0].size, inputs.ravel(), 0,
        tap_offsets(channels, high, wide, kernel), taps, outputs, rows, columns,
        columns * LANES, LANES, wide * LANES, LANES,
    )  # fmt: skip
    assert np.allclose(found.reshape(expected.shape), expected, rtol=1e-3, atol=1e-3)


@given(CHANNELS, SIDES, SIDES, st.integers(1, 4))
def test_depthwise_weight_gradient(channels: int, rows: int, columns: int, kernel: int) -> None:
    high, wide = rows + kernel - 1, columns + kernel - 1
    inputs, errors = (
        random(1, 1, channels, high, wide, LANES),
        random(2, channels, rows, columns, LANES),
    )
    expected = np.einsum("cyxlij,cyxl->cij", windows(inputs, kernel)[0], errors, optimize=True)
    found = np.zeros(channels * kernel * kernel, np.float32)
    depthwise_weight_gradient(
        found, errors.ravel(), 0, errors[0].size, inputs.ravel(), 0, high * wide * LANES,
        tap_offsets(1, high, wide, kernel), kernel * kernel, channels, rows, columns,
        columns * LANES, LANES, wide * LANES, LANES,
    )  # fmt: skip
    assert np.allclose(found.reshape(expected.shape), expected, rtol=1e-3, atol=1e-3)


@given(st.integers(1, 13), st.integers(1, 9))
def test_packing_keeps_every_weight_once(outputs: int, taps: int) -> None:
    weights, packed = (
        np.arange(outputs * taps, dtype=np.float32),
        np.zeros(outputs * taps, np.float32),
    )
    pack_groups(weights, outputs, taps, packed)
    assert sorted(packed) == sorted(weights)
    if outputs >= GROUP:
        assert packed[:GROUP].tolist() == [taps * j for j in range(GROUP)]


@given(st.integers(1, 3), CHANNELS, st.integers(1, 5))
def test_moments(blocks: int, channels: int, places: int) -> None:
    sums = random(1, blocks, channels, places * LANES) * 3 + 2
    mean, variance = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
    ch.channel_moments(sums.ravel(), blocks, channels, places * LANES, mean, variance)
    assert np.allclose(mean, sums.mean((0, 2)), rtol=1e-4, atol=1e-4)
    assert np.allclose(variance, sums.var((0, 2)), rtol=1e-3, atol=1e-4)


@settings(max_examples=50)
@given(CHANNELS, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2))
def test_pooling_and_its_gradient(
    channels: int, rows: int, columns: int, window: int, left_over: int
) -> None:
    high, wide = rows * window + left_over, columns * window + left_over
    rows, columns = high // window, wide // window
    inputs, errors = (
        random(1, channels, high, wide, LANES),
        random(2, channels, rows, columns, LANES),
    )
    kept = inputs[:, : rows * window, : columns * window]
    grouped = kept.reshape(channels, rows, window, columns, window, LANES).transpose(
        0, 1, 3, 2, 4, 5
    )
    grouped = grouped.reshape(channels, rows, columns, window * window, LANES)
    shape = ch.Windows(channels, rows, columns, high, wide, window, window)
    steps = (rows * columns * LANES, columns * LANES)

    out, chosen = np.zeros(errors.size, np.float32), np.zeros(errors.size, np.float32)
    ch.max_pool(inputs.ravel(), 0, shape, out, 0, *steps, chosen, 0)
    assert np.array_equal(out, grouped.max(3).ravel())
    assert np.array_equal(chosen, grouped.argmax(3).ravel())
    ch.average_pool(inputs.ravel(), 0, shape, out, 0, *steps)
    assert np.allclose(out, grouped.mean(3).ravel(), atol=1e-5)

    back = np.full(inputs.size, np.nan, np.float32)
    ch.max_pool_gradient(errors.ravel(), 0, shape, back, 0, chosen, 0)
    back = back.reshape(inputs.shape)
    assert np.isfinite(back).all()
    assert np.allclose(back.sum((1, 2)), errors.sum((1, 2)), atol=1e-4)
    assert np.array_equal(back[:, rows * window :], np.zeros_like(back[:, rows * window :]))
    spread = np.full(inputs.size, np.nan, np.float32)
    ch.average_pool_gradient(errors.ravel(), 0, shape, spread, 0)
    spread = spread.reshape(inputs.shape)
    expected = np.repeat(np.repeat(errors, window, 1), window, 2) / window**2
    assert np.allclose(spread[:, : rows * window, : columns * window], expected, atol=1e-6)


@given(st.integers(1, 3), st.integers(2, 12))
def test_cross_entropy(blocks: int, classes: int) -> None:
    logits = random(1, blocks, classes, LANES) * 5
    labels = np.random.default_rng(2).integers(0, classes, blocks * LANES)
    by_example = logits.transpose(0, 2, 1).reshape(-1, classes).astype(np.float64)
    shifted = by_example - by_example.max(1, keepdims=True)
    probabilities = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
    errors = np.zeros(logits.size, np.float32)
    loss = ch.cross_entropy(logits.ravel(), labels, blocks, classes, errors)
    rows = np.arange(len(labels))
    assert loss == pytest.approx(-np.log(probabilities[rows, labels]).mean(), rel=1e-4)
    expected = (probabilities - np.eye(classes)[labels]) / len(labels)
    found = errors.reshape(blocks, classes, LANES).transpose(0, 2, 1).reshape(-1, classes)
    assert np.allclose(found, expected, atol=1e-6)
