"""Operators that the reference evaluator of the onnx package lacks for graphs before opset 19."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_SINCE = 19

Array = npt.NDArray[Any]


def older_operators(opset: int) -> list[Any]:
    """Return the operators by which integers become numbers and numbers integers.

    Args:
        opset: of the graph; from 19 on the evaluator has its own.
    """
    if opset >= _SINCE:
        return []
    from onnx.reference.op_run import OpRun  # an extra, and heavy

    def dequantize(self: Any, x: Array, scale: Array, zero: Any = None, axis: Any = 1,
                   **others: Any) -> tuple[Array]:  # fmt: skip
        scale, zero = (
            _along(scale, x, axis),
            _along(np.asarray(0 if zero is None else zero), x, axis),
        )
        return (((x.astype(np.float32) - zero.astype(np.float32)) * scale).astype(np.float32),)

    def quantize(self: Any, x: Array, scale: Array, zero: Any = None, axis: Any = 1,
                 **others: Any) -> tuple[Array]:  # fmt: skip
        zero = np.zeros((), np.uint8) if zero is None else np.asarray(zero)
        limits = np.iinfo(zero.dtype)
        levels = np.rint(x / _along(scale, x, axis)) + _along(zero, x, axis)
        return (np.clip(levels, limits.min, limits.max).astype(zero.dtype),)

    made = {"DequantizeLinear": dequantize, "QuantizeLinear": quantize}
    return [type(name, (OpRun,), {"op_domain": "", "_run": run}) for name, run in made.items()]


def _along(values: Array, x: Array, axis: int | None) -> Array:
    """Return one number, or one for each place along an axis, in the form of ``x``."""
    values = np.asarray(values)
    if values.size == 1:
        return values.reshape(())
    sides = [1] * x.ndim
    sides[1 if axis is None else axis] = values.size
    return values.reshape(sides)
