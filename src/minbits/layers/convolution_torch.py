"""PyTorch's convolutions as ours: grouped kernels become dense, oblong ones square."""

from __future__ import annotations

from typing import Any

import numpy as np

from minbits.layers.torch_call import Float, TorchCall, as_array, pair


def conv_settings(call: TorchCall, module: Any) -> tuple[dict[str, Any], Float, Float | None]:
    """Return the settings of a convolution, its weights and its bias, for a Conv1d or a Conv2d.

    Raises:
        NetworkError: if a square kernel padded with zeros cannot say it.
    """
    sides = len(module.kernel_size)
    if module.padding_mode != "zeros":
        raise call.unsupported(f"padding mode '{module.padding_mode}'", "zeros")
    weights = as_array(module.weight)
    if sides == 1:
        weights = weights[:, :, None]
    paddings = _paddings(module, call, sides)
    strides, dilations = pair(module.stride, sides), pair(module.dilation, sides)
    inputs, outputs = module.in_channels, module.out_channels
    depthwise = module.groups == inputs == outputs and inputs > 1
    if module.groups > 1 and not depthwise:
        weights = _dense(weights, inputs, module.groups)
    is_row = weights.shape[2] == 1 and paddings[0] == 0 and strides[0] == 1
    flat = is_row and (weights.shape[3] > 1 or strides[1] > 1 or paddings[1] > 0)
    padding = paddings[1]
    if not flat:
        if sides == 2 and (strides[0] != strides[1] or dilations[0] != dilations[1]):
            raise call.unsupported(
                f"strides {strides}, dilations {dilations}", "equal ones down and across"
            )
        weights, padding = _square(call, weights, paddings, dilations[1])
    settings = {
        "out_channels": outputs, "kernel": weights.shape[3], "stride": strides[1],
        "padding": padding, "depthwise": depthwise, "bias": module.bias is not None,
        "dilation": dilations[1] if weights.shape[3] > 1 else 1, "flat": flat,
    }  # fmt: skip
    return settings, weights, None if module.bias is None else as_array(module.bias)


def _paddings(module: Any, call: TorchCall, sides: int) -> tuple[int, int]:
    padding: Any = module.padding
    if padding == "valid":
        padding = 0
    elif padding == "same":
        spans = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
        if any(span % 2 for span in spans):
            raise call.unsupported("padding 'same' of an even kernel", "symmetric padding")
        padding = tuple(span // 2 for span in spans)
    down, across = pair(padding, sides)
    return (down if sides == 2 else 0, across)


def _dense(weights: Float, inputs: int, groups: int) -> Float:
    """Return the weights of a grouped convolution as those of a plain one, zeros between groups."""
    outputs, group_inputs = weights.shape[:2]
    result = np.zeros((outputs, inputs, *weights.shape[2:]), np.float32)
    for output in range(outputs):
        start = output // (outputs // groups) * group_inputs
        result[output, start : start + group_inputs] = weights[output]
    return result


def _square(
    call: TorchCall, weights: Float, paddings: tuple[int, int], dilation: int
) -> tuple[Float, int]:
    """Return a kernel inside a square one of zeros, and the padding that goes with it."""
    rows, columns = weights.shape[2:]
    if rows == columns and paddings[0] == paddings[1]:
        return weights, paddings[0]
    side = max(rows, columns)
    extra = [dilation * (side - length) for length in (rows, columns)]
    wanted = {pad + more // 2 for pad, more in zip(paddings, extra, strict=True)}
    if (
        len(wanted) > 1
        or any(more % 2 for more in extra)
        or (side - rows) % 2 + (side - columns) % 2
    ):
        raise call.unsupported(
            f"a kernel of {rows}x{columns} padded by {paddings}",
            "a square kernel, or one of odd sides padded to keep the image's size",
        )
    result = np.zeros((*weights.shape[:2], side, side), np.float32)
    top, left = (side - rows) // 2, (side - columns) // 2
    result[:, :, top : top + rows, left : left + columns] = weights
    return result, wanted.pop()
