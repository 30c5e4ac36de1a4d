"""PyTorch's convolutions as ours, oblong kernels as square ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minbits.layers.torch_call import Converter, Float, TorchCall, as_array, pair


@dataclass(frozen=True)
class _Given:
    """A convolution as PyTorch has it, of a module or of a call."""

    weight: Any
    bias: Any
    stride: Any
    padding: Any
    dilation: Any
    groups: int
    padding_mode: str = "zeros"

    @classmethod
    def of(cls, call: TorchCall, module: Any) -> _Given:
        """Return what a module, or the arguments of a call, say."""
        if module is not None:
            return cls(
                module.weight, module.bias, module.stride, module.padding, module.dilation,
                module.groups, module.padding_mode,
            )  # fmt: skip
        weight = call.constant(1, "weight")
        if weight is None:
            raise call.unsupported("weights that depend on the input", "trained weights")
        return cls(
            weight, call.constant(2, "bias"), call.argument(3, "stride", 1),
            call.argument(4, "padding", 0), call.argument(5, "dilation", 1),
            call.argument(6, "groups", 1),
        )  # fmt: skip


def conv_converters(
    torch: Any, dense: Callable[..., Any], grouped: Callable[..., Any] | None
) -> Mapping[Any, Converter]:
    """Return how PyTorch's convolutions become layers.

    Args:
        torch: the module of that name.
        dense: makes the layer of all channels or of each channel.
        grouped: makes the layer of groups of channels; None where there is none.
    """

    def convert(call: TorchCall, module: Any) -> Any:
        call.need_newest()
        given = _Given.of(call, module)
        settings, weights, bias = _settings(call, given)
        inputs = call.shape[0]
        is_depthwise = given.groups == inputs == len(weights) and inputs > 1
        if given.groups > 1 and not is_depthwise:
            if grouped is None:
                raise call.unsupported(f"{given.groups} groups of channels", "one")
            layer = grouped(groups=given.groups, **settings)
        else:
            layer = dense(depthwise=is_depthwise, activation="none", **settings)
        return call.append(layer, (weights, bias), call.key_of(given.weight, given.bias))

    nn, functional = torch.nn, torch.nn.functional
    kinds = (nn.Conv1d, nn.Conv2d, functional.conv1d, functional.conv2d, torch.conv1d, torch.conv2d)
    return dict.fromkeys(kinds, convert)


def _settings(call: TorchCall, given: _Given) -> tuple[dict[str, Any], Float, Float | None]:
    """Return the settings of a convolution, its weights and its bias.

    Raises:
        NetworkError: if a square kernel padded with zeros cannot say it.
    """
    sides = given.weight.ndim - 2
    if given.padding_mode != "zeros":
        raise call.unsupported(f"padding mode '{given.padding_mode}'", "zeros")
    weights = as_array(given.weight)
    if sides == 1:
        weights = weights[:, :, None]
    strides, dilations = pair(given.stride, sides), pair(given.dilation, sides)
    paddings = _paddings(given, call, sides, dilations, weights.shape[2:])
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
        "out_channels": len(weights), "kernel": weights.shape[3], "stride": strides[1],
        "padding": padding, "bias": given.bias is not None,
        "dilation": dilations[1] if weights.shape[3] > 1 else 1, "flat": flat,
    }  # fmt: skip
    return settings, weights, None if given.bias is None else as_array(given.bias)


def _paddings(
    given: _Given, call: TorchCall, sides: int, dilations: tuple[int, int],
    kernel: tuple[int, ...],
) -> tuple[int, int]:  # fmt: skip
    padding: Any = given.padding
    if padding == "valid":
        padding = 0
    elif padding == "same":
        spans = [d * (k - 1) for d, k in zip(dilations, kernel, strict=True)]
        if any(span % 2 for span in spans):
            raise call.unsupported("padding 'same' of an even kernel", "symmetric padding")
        return (spans[0] // 2, spans[1] // 2)
    down, across = pair(padding, sides)
    return (down if sides == 2 else 0, across)


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
