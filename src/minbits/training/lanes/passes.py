"""Elementwise passes between the linear maps, one channel at a time.

All of them run over ``rows`` rows of ``columns`` columns of lanes; at and row steps count floats.
"""

from __future__ import annotations

from typing import Any

from minbits.training.lanes.vector_code import VectorCode, make_pass

Vectors = list[Any]


def _moments(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    z = inputs[0]
    return None, [z, code.times(z, z)]


def _scale_and_slope(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    u = code.fused(inputs[0], scalars[0], scalars[1])
    return code.where_positive(u, u, code.times(u, scalars[2])), []


def _scale_and_swish(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    u = code.fused(inputs[0], scalars[0], scalars[1])
    inside = code.clipped(code.plus(u, code.constant(3.0)), 0.0, 6.0)
    return code.times(code.times(u, inside), code.constant(1 / 6)), []


def _sloped(code: VectorCode, error: Any, z: Any, scalars: Vectors) -> Any:
    u = code.fused(z, scalars[0], scalars[1])
    return code.where_positive(u, error, code.times(error, scalars[2]))


def _swished(code: VectorCode, error: Any, z: Any, scalars: Vectors) -> Any:
    u = code.fused(z, scalars[0], scalars[1])
    slope = code.fused(u, code.constant(1 / 3), code.constant(0.5))
    return code.times(error, code.where_inside(u, -3.0, 3.0, slope))


def _slope_gradient(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    error = _sloped(code, inputs[0], inputs[1], scalars)
    return error, [error, code.times(error, inputs[1])]


def _swish_gradient(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    error = _swished(code, inputs[0], inputs[1], scalars)
    return error, [error, code.times(error, inputs[1])]


def _combine(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    constant = code.fused(inputs[1], scalars[1], scalars[2])
    return code.fused(inputs[0], scalars[0], constant), []


def _gate(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    error = code.where_positive(inputs[1], inputs[0], code.times(inputs[0], scalars[0]))
    return error, [error]


def _add(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    return code.plus(inputs[0], inputs[1]), []


def _add_and_slope(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    u = code.plus(inputs[0], inputs[1])
    return code.where_positive(u, u, code.times(u, scalars[0])), []


def _copy(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    return inputs[0], []


def _maximum(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    return code.where_less(inputs[0], inputs[1], inputs[1], inputs[0]), []


def _exponential(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    return code.exponential(code.minus(inputs[0], inputs[1])), []


def _product(code: VectorCode, inputs: Vectors, scalars: Vectors) -> tuple[Any, Vectors]:
    return code.fused(inputs[0], inputs[1], scalars[0]), []


# totals += sum of a, sum of a squared.
moments = make_pass(_moments, sums=2, writes=False)
# out = u if u > 0 else z * u, with u = x * a + y.
scale_and_slope = make_pass(_scale_and_slope)
# out = hard swish of x * a + y.
scale_and_swish = make_pass(_scale_and_swish)
# out = a times the activation's slope at x * b + y; totals += sum of out, sum of out * b.
slope_gradient = make_pass(_slope_gradient, sums=2)
swish_gradient = make_pass(_swish_gradient, sums=2)
# out = x * a + y * b + z.
combine = make_pass(_combine)
# out = a if b > 0 else x * a; totals += sum of out.
gate = make_pass(_gate, sums=1)
# out = a + b; out = u if u > 0 else x * u with u = a + b; out = a.
add = make_pass(_add)
add_and_slope = make_pass(_add_and_slope)
copy = make_pass(_copy)
# out = max(a, b); out = exp(a - b); out = a * b + x.
maximum = make_pass(_maximum)
exponential = make_pass(_exponential)
product = make_pass(_product)
