"""Passes whose factors and sums are of one example each, beside NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from minbits.training.lanes import example_passes
from minbits.training.lanes.vector_code import LANES

Array = np.ndarray


def compiled(run: Any) -> Callable[..., None]:
    """An intrinsic can only be called from compiled code."""

    @njit
    def call(  # type: ignore[no-untyped-def]
        out, at, out_row, a, a_at, a_row, b, b_at, b_row, rows, columns, factors, first, second,
        totals, totals_at,
    ):  # fmt: skip
        run(
            out, at, out_row, a, a_at, a_row, b, b_at, b_row, rows, columns, factors, first,
            second, totals, totals_at,
        )  # fmt: skip

    return call  # type: ignore[no-any-return]


# Each pass: what is written and what is added up, for images [row, column, lane] and factors.
Reference = Callable[[Array, Array, Array, Array], tuple[Array | None, Array | None]]
REFERENCES: dict[str, Reference] = {
    "product_sums": lambda a, b, f, g: (None, (a * b).sum((0, 1))),
    "scaled": lambda a, b, f, g: (a * f, None),
    "mixed": lambda a, b, f, g: (a * f + b * g, None),
}
COMPILED = {name: compiled(getattr(example_passes, name)) for name in REFERENCES}


def test_every_pass_has_a_reference() -> None:
    found = vars(example_passes)
    made = {name for name in found if type(found[name]).__name__ == "_Intrinsic"}
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
    steps = [columns + gap for gap in (gaps, 2 * gaps, 0)]
    images = [generator.normal(0, 2, (rows, step, LANES)).astype(np.float32) for step in steps]
    out, a, b = images
    factors = generator.normal(size=(3, LANES)).astype(np.float32)
    totals = np.ones((3, LANES), np.float32)
    expected, sums = REFERENCES[name](
        a[:, :columns].astype(float), b.astype(float), factors[1].astype(float),
        factors[2].astype(float),
    )  # fmt: skip
    before = out.copy()
    COMPILED[name](
        out.ravel(), 0, steps[0] * LANES, a.ravel(), 0, steps[1] * LANES, b.ravel(), 0,
        steps[2] * LANES, rows, columns, factors.ravel(), LANES, 2 * LANES, totals.ravel(), LANES,
    )  # fmt: skip
    result = before[:, :columns] if expected is None else expected
    assert np.allclose(out[:, :columns], result, rtol=1e-4, atol=1e-4)
    assert np.array_equal(out[:, columns:], before[:, columns:])
    assert (totals[[0, 2]] == 1).all()
    assert np.allclose(totals[1], 1 + (0 if sums is None else sums), rtol=1e-4, atol=1e-4)
