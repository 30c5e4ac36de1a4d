"""Points of a diagram whose law is known."""

from __future__ import annotations

import numpy as np

from minbits.studies.size_diagram import (
    Measured,
    Point,
    SearchFound,
    SetFigures,
    SetMeasured,
    UsualNetwork,
)


def point(name: str, x: dict[str, float], size_bits: int, group: str = "") -> Point:
    """Return a point of 50 trials in two searches, 99 of 100 right."""
    figures = SetFigures(
        group or name, 0.99, "as the test says",
        {key: Measured(value, "drawn") for key, value in x.items()},
        usual=UsualNetwork("logistic regression", 20 * size_bits, 0.99),
        true_bits=size_bits // 2 if name.startswith("planted") else None,
    )  # fmt: skip
    searches = (SearchFound(0, 1.0, 20, size_bits), SearchFound(100_000, 1.0, 30, 2 * size_bits))
    measured = SetMeasured(name, "0" * 64, figures, searches, 50, 3 * size_bits)
    return Point(measured, 0.99, size_bits, 99, 100, 0.95, "a file", "0" * 64)


def power_law(
    sets: int, exponent: float, noise: float, names: tuple[str, ...] = (), seed: int = 0
) -> tuple[Point, ...]:
    """Return points of Y = 40 X^exponent times noise, beside an X that says nothing."""
    generator = np.random.default_rng(seed)
    logs = generator.uniform(4, 14, sets)
    sizes = 40 * 2 ** (exponent * logs + generator.normal(0, noise, sets))
    other = 2 ** generator.uniform(4, 14, sets)
    return tuple(
        point(
            names[index] if names else f"set {index}",
            {"label_code_bits": float(2 ** logs[index]), "input_numbers": float(other[index])},
            round(float(sizes[index])),
        )
        for index in range(sets)
    )
