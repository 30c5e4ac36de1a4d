"""Each linear map beside a reference of a few lines of NumPy, on random sizes."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from numba import njit

from minbits.training.lanes.linear_maps import (
    GROUP,
    Sweep,
    dense_weight_gradient,
    depthwise_weight_gradient,
    linear_weight_gradient,
    sweep_image,
)
from minbits.training.lanes.vector_code import LANES, VECTOR, transpose_square

SIDES = st.integers(1, 6)
CHANNELS = st.integers(1, 9)
NOTHING = np.zeros(GROUP, np.float32)


def random(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def windows(inputs: np.ndarray, kernel: int) -> np.ndarray:
    """View ``[channel, row, column, lane]`` as ``[…, row, column, lane, k, k]``."""
    return np.lib.stride_tricks.sliding_window_view(inputs, (kernel, kernel), axis=(1, 2))


def tap_offsets(channels: int, high: int, wide: int, kernel: int) -> np.ndarray:
    places = [
        (channel * high + row) * wide + column
        for channel in range(channels)
        for row in range(kernel)
        for column in range(kernel)
    ]
    return np.array([-7, *places], np.int64) * LANES  # as in a plan, others stand before


@given(
    CHANNELS, CHANNELS, SIDES, SIDES, st.integers(1, 3), st.booleans(),
    st.sampled_from([0.0, 0.125, 1.0]), st.booleans(),
)  # fmt: skip
@example(3, 21, 1, 1, 1, True, 0.125, False)  # eight outputs at a time, then four, then one
@example(3, 21, 1, 1, 2, False, 1.0, True)
def test_a_dense_sweep_is_a_convolution_with_bias_and_slope(
    channels: int, outputs: int, rows: int, columns: int, kernel: int, biased: bool, slope: float,
    taps_first: bool,
) -> None:  # fmt: skip
    high, wide = rows + kernel - 1, columns + kernel - 1
    inputs = random(1, channels, high, wide, LANES)
    weights, bias = random(2, outputs, channels, kernel, kernel), random(3, 2 + outputs)
    sums = np.einsum("cyxlij,ocij->oyxl", windows(inputs, kernel), weights, optimize=True)
    sums = sums + bias[2:, None, None, None] * biased
    expected = np.where(sums > 0, sums, slope * sums)

    taps, at = channels * kernel * kernel, 5
    out = np.zeros(at + expected.size, np.float32)
    size = rows * columns * LANES
    flat = weights.reshape(outputs, taps)
    flat, steps = (flat.T, (outputs, 1)) if taps_first else (flat, (1, taps))
    flat = np.concatenate([np.full(at, np.nan, np.float32), flat.ravel()])
    sweep = Sweep(
        rows, columns, size, columns * LANES, 0, wide * LANES, LANES, *steps, np.float32(slope),
        outputs,
    )  # fmt: skip
    sweep_image(
        out, at, inputs.ravel(), 0, tap_offsets(channels, high, wide, kernel), 1, taps, flat, at,
        bias if biased else NOTHING, 2 if biased else -1, outputs, False, sweep,
    )  # fmt: skip
    assert np.allclose(out[at:].reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)
    assert not out[:at].any()


@given(CHANNELS, CHANNELS, SIDES, SIDES, st.integers(1, 5), st.integers(1, 2))
def test_a_depthwise_sweep_with_strides(
    channels: int, kernels: int, rows: int, columns: int, kernel: int, stride: int
) -> None:
    """Where there are fewer kernels than channels, they begin anew."""
    high, wide = stride * (rows - 1) + kernel, stride * (columns - 1) + kernel
    inputs, weights = random(1, channels, high, wide, LANES), random(2, kernels, kernel, kernel)
    seen = windows(inputs, kernel)[:, ::stride, ::stride]
    own = weights[np.arange(channels) % kernels]
    expected = np.einsum("cyxlij,cij->cyxl", seen, own, optimize=True)
    out = np.zeros(expected.size, np.float32)
    size = rows * columns * LANES
    sweep = Sweep(
        rows, columns, size, columns * LANES, high * wide * LANES, stride * wide * LANES,
        stride * LANES, 1, kernel * kernel, np.float32(1), kernels,
    )  # fmt: skip
    sweep_image(
        out, 0, inputs.ravel(), 0, tap_offsets(1, high, wide, kernel), 1, kernel * kernel,
        weights.ravel(), 0, NOTHING, -1, channels, True, sweep,
    )  # fmt: skip
    assert np.allclose(out.reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)


@given(CHANNELS, CHANNELS, SIDES, SIDES, st.integers(1, 3))
def test_dense_weight_gradients_are_added(
    channels: int, outputs: int, rows: int, columns: int, kernel: int
) -> None:
    high, wide = rows + kernel - 1, columns + kernel - 1
    inputs, errors = (
        random(1, channels, high, wide, LANES),
        random(2, outputs, rows, columns, LANES),
    )
    expected = np.einsum("cyxlij,oyxl->ocij", windows(inputs, kernel), errors, optimize=True)
    taps = channels * kernel * kernel
    found = np.ones(3 + outputs * taps, np.float32)
    dense_weight_gradient(
        found, 3, errors.ravel(), 0, errors[0].size, inputs.ravel(), 0,
        tap_offsets(channels, high, wide, kernel), 1, taps, outputs, rows, columns,
        columns * LANES, LANES, wide * LANES, LANES,
    )  # fmt: skip
    assert np.allclose(found[3:].reshape(expected.shape), expected + 1, rtol=1e-3, atol=1e-3)


@given(CHANNELS, CHANNELS, SIDES, SIDES, st.integers(1, 4))
def test_depthwise_weight_gradients_are_added(
    channels: int, kernels: int, rows: int, columns: int, kernel: int
) -> None:
    """A kernel of several channels gets the sum of their gradients."""
    high, wide = rows + kernel - 1, columns + kernel - 1
    inputs = random(1, channels, high, wide, LANES)
    errors = random(2, channels, rows, columns, LANES)
    own = np.einsum("cyxlij,cyxl->cij", windows(inputs, kernel), errors, optimize=True)
    expected = np.zeros((kernels, kernel, kernel), np.float32)
    np.add.at(expected, np.arange(channels) % kernels, own)
    found = np.ones(kernels * kernel * kernel, np.float32)
    depthwise_weight_gradient(
        found, 0, errors.ravel(), 0, errors[0].size, inputs.ravel(), 0, high * wide * LANES,
        tap_offsets(1, high, wide, kernel), 1, kernel * kernel, channels, kernels, rows,
        columns, columns * LANES, LANES, wide * LANES, LANES,
    )  # fmt: skip
    assert np.allclose(found.reshape(expected.shape), expected + 1, rtol=1e-3, atol=1e-3)


@given(st.integers(1, 70), st.integers(1, 30), st.integers(1, 3))
def test_linear_weight_gradients_are_added(features: int, outputs: int, blocks: int) -> None:
    inputs, errors = random(1, blocks, features, LANES), random(2, blocks, outputs, LANES)
    expected = np.einsum("bfl,bol->of", inputs, errors, optimize=True)
    found = np.ones(3 + outputs * features + 5, np.float32)
    offsets = np.array([-7, *range(features)], np.int64) * LANES
    tile = np.full(2 + blocks * LANES * LANES, np.nan, np.float32)
    linear_weight_gradient(
        found, 3, errors.ravel(), 0, outputs * LANES, inputs.ravel(), 0, features * LANES, offsets,
        1, features, outputs, blocks, tile, 2,
    )  # fmt: skip
    gradient = found[3:-5].reshape(expected.shape)
    assert np.allclose(gradient, expected + 1, rtol=1e-3, atol=1e-3)
    assert (found[:3] == 1).all()
    assert (found[-5:] == 1).all()


@njit
def transpose(out, at, out_step, inputs, in_at, offsets, offset_at, count):  # type: ignore[no-untyped-def]
    """An intrinsic can only be called from compiled code."""
    transpose_square(out, at, out_step, inputs, in_at, offsets, offset_at, count)


@given(st.permutations(range(VECTOR)), st.integers(1, VECTOR), st.integers(VECTOR, VECTOR + 3))
def test_a_square_is_transposed(order: list[int], count: int, step: int) -> None:
    inputs = np.arange(2 + VECTOR * VECTOR, dtype=np.float32)
    out = np.full((VECTOR, step), -1, np.float32)
    offsets = np.array([-7, *order], np.int64) * VECTOR
    transpose(out.ravel(), 0, step, inputs, 2, offsets, 1, count)
    rows = [order[min(n, count - 1)] for n in range(VECTOR)]
    assert np.array_equal(out[:, :VECTOR], inputs[2:].reshape(VECTOR, VECTOR)[rows].T)
    assert (out[:, VECTOR:] == -1).all()
