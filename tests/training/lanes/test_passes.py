"""Elementwise passes and pooling windows beside NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from minbits.training.lanes import passes
from minbits.training.lanes.vector_code import (
    LANES,
    return_to_all,
    return_to_winner,
    window_maximum,
    window_mean,
)

Array = np.ndarray


def compiled(run: Any) -> Callable[..., None]:
    """An intrinsic can only be called from compiled code."""

    @njit
    def call(  # type: ignore[no-untyped-def]
        out, at, out_row, a, a_at, a_row, b, b_at, b_row, rows, columns, x, y, z, totals, totals_at
    ):
        run(
            out, at, out_row, a, a_at, a_row, b, b_at, b_row, rows, columns, x, y, z, totals,
            totals_at,
        )  # fmt: skip

    return call  # type: ignore[no-any-return]


def compiled_window(run: Any) -> Callable[..., None]:
    @njit
    def call(  # type: ignore[no-untyped-def]
        out, at, noted, noted_at, inputs, in_at, offsets, offsets_at, count, step, columns, share
    ):
        run(
            out, at, noted, noted_at, inputs, in_at, offsets, offsets_at, count, step, columns,
            share,
        )  # fmt: skip

    return call  # type: ignore[no-any-return]


def hard_swish(u: Array) -> Array:
    return np.asarray(u * np.clip(u + 3, 0, 6) / 6)


def hard_swish_slope(u: Array) -> Array:
    return np.where(u <= -3, 0.0, np.where(u < 3, u / 3 + 0.5, 1.0))


def sloped(u: Array, slope: float) -> Array:
    return np.where(u > 0, u, slope * u)


# Each pass: what is written, and what is summed, for images a and b and scalars x, y, z.
Reference = Callable[[Array, Array, float, float, float], tuple[Array | None, list[Array]]]


def slope_gradient(a: Array, b: Array, x: float, y: float, z: float) -> tuple[Array, list[Array]]:
    error = np.where(b * x + y > 0, a, z * a)
    return error, [error, error * b]


def swish_gradient(a: Array, b: Array, x: float, y: float, z: float) -> tuple[Array, list[Array]]:
    error = a * hard_swish_slope(b * x + y)
    return error, [error, error * b]


def gate(a: Array, b: Array, x: float, y: float, z: float) -> tuple[Array, list[Array]]:
    error = np.where(b > 0, a, x * a)
    return error, [error]


REFERENCES: dict[str, Reference] = {
    "moments": lambda a, b, x, y, z: (None, [a, a * a]),
    "scale_and_slope": lambda a, b, x, y, z: (sloped(a * x + y, z), []),
    "scale_and_swish": lambda a, b, x, y, z: (hard_swish(a * x + y), []),
    "slope_gradient": slope_gradient,
    "swish_gradient": swish_gradient,
    "combine": lambda a, b, x, y, z: (a * x + b * y + z, []),
    "gate": gate,
    "add": lambda a, b, x, y, z: (a + b, []),
    "add_and_slope": lambda a, b, x, y, z: (sloped(a + b, x), []),
    "copy": lambda a, b, x, y, z: (a, []),
    "maximum": lambda a, b, x, y, z: (np.maximum(a, b), []),
    "exponential": lambda a, b, x, y, z: (np.exp(a - b), []),
    "product": lambda a, b, x, y, z: (a * b + x, []),
}
COMPILED = {name: compiled(getattr(passes, name)) for name in REFERENCES}


def test_every_pass_has_a_reference() -> None:
    made = {name for name in vars(passes) if type(getattr(passes, name)).__name__ == "_Intrinsic"}
    assert made == set(REFERENCES)


@pytest.mark.parametrize("name", list(REFERENCES))
@settings(max_examples=20)
@given(
    rows=st.integers(1, 4),
    columns=st.integers(1, 5),
    gaps=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_passes(name: str, rows: int, columns: int, gaps: int, seed: int) -> None:
    """Images lie in rows with gaps of their own behind them, which must stay as they are."""
    generator = np.random.default_rng(seed)
    width = columns * LANES
    steps = [width + LANES * gap for gap in (gaps, 2 * gaps, 0)]
    images = [generator.normal(0, 2, (rows, step)).astype(np.float32) for step in steps]
    out, a, b = images
    x, y, z = (np.float32(value) for value in generator.normal(size=3))
    totals = np.ones(3, np.float32)
    expected, sums = REFERENCES[name](
        a[:, :width].astype(float), b[:, :width].astype(float), float(x), float(y), float(z)
    )
    before = out.copy()
    COMPILED[name](
        out.ravel(), 0, steps[0], a.ravel(), 0, steps[1], b.ravel(), 0, steps[2], rows, columns,
        x, y, z, totals, 1,
    )  # fmt: skip
    result = before[:, :width] if expected is None else expected
    assert np.allclose(out[:, :width], result, rtol=1e-4, atol=1e-4)
    assert np.array_equal(out[:, width:], before[:, width:])
    found = [1 + float(part.sum()) for part in sums]
    assert np.allclose(totals, [1, *found, *[1] * (2 - len(sums))], rtol=1e-3, atol=1e-3)


def test_exponentials_are_right_to_two_units_in_the_last_place() -> None:
    points = np.linspace(-87, 88, 175 * 256 + 1, dtype=np.float32)
    special = np.array([0, -0.0, -87.1, -1000, -np.inf, 88.1, np.inf, np.nan], np.float32)
    inputs = np.resize(np.concatenate([special, points]), (1, 1500 * LANES))
    out, zeros = np.empty_like(inputs), np.zeros_like(inputs)
    width, zero = inputs.size, np.float32(0)
    COMPILED["exponential"](
        out.ravel(), 0, width, inputs.ravel(), 0, width, zeros.ravel(), 0, width, 1,
        width // LANES, zero, zero, zero, np.zeros(1, np.float32), 0,
    )  # fmt: skip
    found, normal = out.ravel(), slice(len(special), len(special) + len(points))
    exact = np.exp(points.astype(float))
    assert (np.abs(found[normal] - exact) <= 2 * np.spacing(exact.astype(np.float32))).all()
    expected = np.array([1, 1, 0, 0, 0, np.inf, np.inf, np.nan], np.float32)
    assert np.array_equal(found[: len(special)], expected, equal_nan=True)


WINDOWS = [
    compiled_window(run) for run in (window_maximum, window_mean, return_to_winner, return_to_all)
]


@settings(max_examples=50)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2))
def test_pooling_windows_and_their_way_back(
    columns: int, down: int, across: int, left_over: int
) -> None:
    maximum, mean, to_winner, to_all = WINDOWS
    wide, count = columns * across + left_over, down * across
    generator = np.random.default_rng(columns)
    inputs = generator.integers(-3, 3, (down, wide, LANES)).astype(np.float32)  # with ties
    kept = inputs[:, : columns * across].reshape(down, columns, across, LANES)
    grouped = kept.transpose(1, 0, 2, 3).reshape(columns, count, LANES)
    offsets = np.array([(r * wide + c) * LANES for r in range(down) for c in range(across)])
    share = np.float32(1 / count)
    out, noted = np.zeros((2, columns * LANES), np.float32)
    step = across * LANES

    maximum(out, 0, noted, 0, inputs.ravel(), 0, offsets, 0, count, step, columns, share)
    assert np.array_equal(out, grouped.max(1).ravel())
    assert np.array_equal(noted, grouped.argmax(1).ravel())
    errors = generator.normal(size=columns * LANES).astype(np.float32)
    back = np.zeros_like(inputs)
    to_winner(back.ravel(), 0, noted, 0, errors, 0, offsets, 0, count, step, columns, share)
    places = np.arange(count)[None, :, None] == grouped.argmax(1)[:, None]
    expected = places * errors.reshape(columns, 1, LANES)
    returned = back[:, : columns * across].reshape(down, columns, across, LANES)
    assert np.array_equal(returned.transpose(1, 0, 2, 3).reshape(columns, count, LANES), expected)
    assert not back[:, columns * across :].any()

    mean(out, 0, noted, 0, inputs.ravel(), 0, offsets, 0, count, step, columns, share)
    assert np.allclose(out, grouped.mean(1).ravel(), atol=1e-5)
    to_all(back.ravel(), 0, noted, 0, errors, 0, offsets, 0, count, step, columns, share)
    spread = back[:, : columns * across].reshape(down, columns, across, LANES)
    evenly = np.broadcast_to(errors.reshape(1, columns, 1, LANES) / count, spread.shape)
    assert np.allclose(spread, evenly, atol=1e-6)
