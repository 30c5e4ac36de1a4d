"""What happens channel by channel: normalisation, bias, activation, pooling, and the loss."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from minbits.codec.architecture import LEAKY_RELU_SLOPE
from minbits.training.lanes.vector_code import LANES, keep_larger, send_to_winner

Float = npt.NDArray[np.float32]

# Sums may be regrouped so that they run in vectors; infinities and NaN keep their meaning.
_REGROUP = {"reassoc", "contract", "nsz"}
_SLOPE = np.float32(LEAKY_RELU_SLOPE)
# Compared with a Python zero, a float32 would turn into a float64, lane by lane.
_ZERO = np.float32(0)

NONE, RELU, LEAKY_RELU, HARD_SWISH = 0, 1, 2, 3


@njit(cache=True, inline="always")
def _activated(u: Any, kind: int) -> Any:
    if kind == RELU:
        return max(u, _ZERO)
    if kind == LEAKY_RELU:
        return max(u, u * _SLOPE)
    if kind == HARD_SWISH:
        inside = min(max(u + np.float32(3), np.float32(0)), np.float32(6))
        return u * inside * np.float32(1 / 6)
    return u


@njit(cache=True, inline="always")
def _slope(u: Any, kind: int) -> Any:
    if kind == RELU:
        return np.float32(1) if u > _ZERO else _ZERO
    if kind == LEAKY_RELU:
        return np.float32(1) if u > _ZERO else _SLOPE
    if kind == HARD_SWISH:
        if u <= np.float32(-3):
            return _ZERO
        if u >= np.float32(3):
            return np.float32(1)
        return (np.float32(2) * u + np.float32(3)) * np.float32(1 / 6)
    return np.float32(1)


@njit(cache=True, fastmath=_REGROUP)
def channel_moments(
    z: Float, blocks: int, channels: int, size: int, mean: Float, var: Float
) -> None:
    """Write each channel's mean and (biased) variance of ``z[block, channel, size]``."""
    for channel in range(channels):
        total, squares = 0.0, 0.0
        for block in range(blocks):
            chunk = z[(block * channels + channel) * size : (block * channels + channel + 1) * size]
            chunk_total, chunk_squares = np.float32(0), np.float32(0)
            for i in range(size):
                value = chunk[i]
                chunk_total += value
                chunk_squares += value * value
            total += float(chunk_total)
            squares += float(chunk_squares)
        count = blocks * size
        mean[channel] = total / count
        var[channel] = max(squares / count - (total / count) ** 2, 0.0)


@njit(cache=True)
def scale_and_activate(
    z: Float, at: int, scale: Float, shift: Float, channels: int, rows: int, columns: int,
    kind: int, out: Float, out_at: int, out_channel: int, out_row: int,
) -> None:  # fmt: skip
    """Write ``act(scale * z + shift)`` of one block to where the next layer reads it."""
    width = columns * LANES
    for channel in range(channels):
        factor, summand = scale[channel], shift[channel]
        for row in range(rows):
            source = z[at : at + width]
            place = out_at + channel * out_channel + row * out_row
            to = out[place : place + width]
            if kind == RELU:
                for i in range(width):
                    to[i] = max(factor * source[i] + summand, _ZERO)
            else:
                for i in range(width):
                    to[i] = _activated(factor * source[i] + summand, kind)
            at += width


@njit(cache=True, fastmath=_REGROUP)
def activation_gradient(
    errors: Float, z: Float, scale: Float, shift: Float, blocks: int, channels: int, size: int,
    kind: int, error_sum: Float, error_z_sum: Float,
) -> None:  # fmt: skip
    """Multiply errors by the activation's slope at ``scale * z + shift``, in place.

    Also write each channel's sum of the new errors, and of the new errors times ``z``.
    """
    for channel in range(channels):
        factor, summand = scale[channel], shift[channel]
        total, product = 0.0, 0.0
        for block in range(blocks):
            start = (block * channels + channel) * size
            chunk, source = errors[start : start + size], z[start : start + size]
            chunk_total, chunk_product = np.float32(0), np.float32(0)
            if kind == RELU:
                for i in range(size):
                    value = source[i]
                    error = chunk[i] if factor * value + summand > _ZERO else _ZERO
                    chunk[i] = error
                    chunk_total += error
                    chunk_product += error * value
            else:
                for i in range(size):
                    value = source[i]
                    error = chunk[i] * _slope(factor * value + summand, kind)
                    chunk[i] = error
                    chunk_total += error
                    chunk_product += error * value
            total += float(chunk_total)
            product += float(chunk_product)
        error_sum[channel] = total
        error_z_sum[channel] = product


@njit(cache=True)
def spread_errors(
    errors: Float, at: int, z: Float, a: Float, b: Float, c: Float, channels: int, rows: int,
    columns: int, out: Float, out_at: int, out_channel: int, out_row: int, out_column: int,
) -> None:  # fmt: skip
    """Write ``a * error + b * z + c`` of one block to a padded, perhaps dilated, array."""
    width = columns * LANES
    for channel in range(channels):
        fa, fb, fc = a[channel], b[channel], c[channel]
        for row in range(rows):
            source, value = errors[at : at + width], z[at : at + width]
            place = out_at + channel * out_channel + row * out_row
            if out_column == LANES:
                to = out[place : place + width]
                for i in range(width):
                    to[i] = fa * source[i] + fb * value[i] + fc
            else:
                for column in range(columns):
                    for lane in range(LANES):
                        i = column * LANES + lane
                        out[place + column * out_column + lane] = (
                            fa * source[i] + fb * value[i] + fc
                        )
            at += width


@njit(cache=True, fastmath=_REGROUP)
def gate_errors(
    errors: Float, at: int, slope: Any, outputs: Float, output_at: int, output_channel: int,
    output_row: int, channels: int, rows: int, columns: int, out: Float, out_at: int,
    out_channel: int, out_row: int, out_column: int, error_sum: Float,
) -> None:  # fmt: skip
    """Pass one block's errors on where its outputs are positive, times ``slope`` elsewhere.

    Each channel's sum of what is passed on is added to ``error_sum``.
    """
    width = columns * LANES
    for channel in range(channels):
        total = np.float32(0)
        for row in range(rows):
            source = errors[at : at + width]
            place = output_at + channel * output_channel + row * output_row
            output = outputs[place : place + width]
            target = out_at + channel * out_channel + row * out_row
            if out_column == LANES:
                to = out[target : target + width]
                for i in range(width):
                    error = source[i] if output[i] > _ZERO else slope * source[i]
                    to[i] = error
                    total += error
            else:
                for column in range(columns):
                    for lane in range(LANES):
                        i = column * LANES + lane
                        error = source[i] if output[i] > _ZERO else slope * source[i]
                        out[target + column * out_column + lane] = error
                        total += error
            at += width
        error_sum[channel] += total


class Windows(NamedTuple):
    """Pooling windows over unpadded images ``[channel, high, wide, lane]``."""

    channels: int
    rows: int
    columns: int
    high: int
    wide: int
    window_rows: int
    window_columns: int


@njit(cache=True, inline="always")
def _window_start(at: int, windows: Windows, channel: int, row: int, column: int) -> int:
    high = channel * windows.high + row * windows.window_rows
    return at + (high * windows.wide + column * windows.window_columns) * LANES


@njit(cache=True, inline="always")
def _inside(windows: Windows, n: int) -> int:
    row, column = n // windows.window_columns, n % windows.window_columns
    return (row * windows.wide + column) * LANES


@njit(cache=True)
def _clear_outside_windows(out: Float, at: int, windows: Windows) -> None:
    """Zero one block's image where rows or columns are left over."""
    covers_rows = windows.rows * windows.window_rows == windows.high
    if not covers_rows or windows.columns * windows.window_columns != windows.wide:
        size = windows.channels * windows.high * windows.wide * LANES
        for i in range(at, at + size):
            out[i] = np.float32(0)


@njit(cache=True)
def max_pool(
    inputs: Float, in_at: int, windows: Windows, out: Float, out_at: int, out_channel: int,
    out_row: int, chosen: Float, chosen_at: int,
) -> None:  # fmt: skip
    """Pool one block and note which input of each window won; of equals it is the first.

    Winners are noted as floats: vectors of one width need no conversions.
    """
    for channel in range(windows.channels):
        for row in range(windows.rows):
            for column in range(windows.columns):
                place = out_at + channel * out_channel + row * out_row + column * LANES
                first = _window_start(in_at, windows, channel, row, column)
                for lane in range(LANES):
                    out[place + lane] = inputs[first + lane]
                    chosen[chosen_at + lane] = np.float32(0)
                for n in range(1, windows.window_rows * windows.window_columns):
                    start = first + _inside(windows, n)
                    keep_larger(  # type: ignore[call-arg]
                        out, place, chosen, chosen_at, inputs, start, n
                    )
                chosen_at += LANES


@njit(cache=True)
def max_pool_gradient(
    errors: Float, error_at: int, windows: Windows, out: Float, out_at: int, chosen: Float,
    chosen_at: int,
) -> None:  # fmt: skip
    """Send one block's errors to the inputs that won; every other input gets zero."""
    _clear_outside_windows(out, out_at, windows)
    for channel in range(windows.channels):
        for row in range(windows.rows):
            for column in range(windows.columns):
                first = _window_start(out_at, windows, channel, row, column)
                for n in range(windows.window_rows * windows.window_columns):
                    start = first + _inside(windows, n)
                    send_to_winner(  # type: ignore[call-arg]
                        out, start, errors, error_at, chosen, chosen_at, n
                    )
                error_at += LANES
                chosen_at += LANES


@njit(cache=True)
def average_pool(
    inputs: Float, in_at: int, windows: Windows, out: Float, out_at: int, out_channel: int,
    out_row: int,
) -> None:  # fmt: skip
    """Average one block."""
    count = windows.window_rows * windows.window_columns
    share = np.float32(1.0 / count)
    for channel in range(windows.channels):
        for row in range(windows.rows):
            for column in range(windows.columns):
                place = out_at + channel * out_channel + row * out_row + column * LANES
                first = _window_start(in_at, windows, channel, row, column)
                to = out[place : place + LANES]
                to[:] = 0
                for n in range(count):
                    start = first + _inside(windows, n)
                    source = inputs[start : start + LANES]
                    for lane in range(LANES):
                        to[lane] += source[lane] * share


@njit(cache=True)
def average_pool_gradient(
    errors: Float, error_at: int, windows: Windows, out: Float, out_at: int
) -> None:
    """Share one block's errors among the inputs of each window; the others get zero."""
    count = windows.window_rows * windows.window_columns
    share = np.float32(1.0 / count)
    _clear_outside_windows(out, out_at, windows)
    for channel in range(windows.channels):
        for row in range(windows.rows):
            for column in range(windows.columns):
                first = _window_start(out_at, windows, channel, row, column)
                error = errors[error_at : error_at + LANES]
                for n in range(count):
                    start = first + _inside(windows, n)
                    to = out[start : start + LANES]
                    for lane in range(LANES):
                        to[lane] = error[lane] * share
                error_at += LANES


@njit(cache=True)
def cross_entropy(
    logits: Float, labels: npt.NDArray[np.int64], blocks: int, classes: int, errors: Float
) -> float:
    """Return the mean cross-entropy in nats of ``logits[block, class, lane]`` and its gradient."""
    examples = blocks * LANES
    total = 0.0
    for block in range(blocks):
        base = block * classes * LANES
        for lane in range(LANES):
            largest = logits[base + lane]
            for k in range(1, classes):
                largest = max(largest, logits[base + k * LANES + lane])
            normaliser = np.float32(0)
            for k in range(classes):
                power = np.exp(logits[base + k * LANES + lane] - largest)
                errors[base + k * LANES + lane] = power
                normaliser += power
            label = labels[block * LANES + lane]
            total += np.log(normaliser) + largest - logits[base + label * LANES + lane]
            share = np.float32(1) / (normaliser * np.float32(examples))
            for k in range(classes):
                errors[base + k * LANES + lane] *= share
            errors[base + label * LANES + lane] -= np.float32(1) / np.float32(examples)
    return total / examples


@njit(cache=True)
def to_lanes(
    images: Float, channels: int, high: int, wide: int, out: Float, out_channel: int,
    out_row: int, out_block: int, first: int,
) -> None:  # fmt: skip
    """Copy ``images[example, channel, row, column]`` into blocks of lanes."""
    examples = images.size // (channels * high * wide)
    position = 0
    for example in range(examples):
        lane = example % LANES
        base = example // LANES * out_block + first + lane
        for channel in range(channels):
            for row in range(high):
                place = base + channel * out_channel + row * out_row
                for column in range(wide):
                    out[place + column * LANES] = images[position]
                    position += 1
