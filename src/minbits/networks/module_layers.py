"""How each PyTorch layer and function joins the chain: a registry of small converters."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import fx, nn
from torch.nn import functional

from minbits.codec.architecture import (
    LEAKY_RELU_SLOPE,
    ActivationKind,
    Addition,
    Convolution,
    Linear,
    Pooling,
    PoolingKind,
)
from minbits.networks.chain import Chain, Value
from minbits.networks.module_graph import shape_at, unsupported

Float = npt.NDArray[np.float32]


class Reader:
    """Where a call's arguments are: the chain, the call, and the value that it reads.

    Attributes:
        chain: under construction.
        node: the call.
        value: its first argument as an activation of the chain.
        joins: whether the call may change the layer before in place, since nothing else reads it.
        uses: how often each module is called.
    """

    def __init__(
        self, chain: Chain, node: fx.Node, value: Value, joins: bool, uses: dict[int, int]
    ) -> None:
        self.chain, self.node, self.value, self.joins, self.uses = chain, node, value, joins, uses

    def need_newest(self) -> None:
        """Refuse a call that reads an older activation: a chain has no branches."""
        if not self.chain.is_newest(self.value):
            raise unsupported(
                self.node, "a branch with layers of its own", "a chain with residual sums"
            )

    def joins_layer(self) -> bool:
        """Whether the layer before may be changed in place."""
        return self.joins and self.chain.is_newest(self.value)


Converter = Callable[[Reader, Any], Value]


def _array(tensor: torch.Tensor) -> Float:
    return tensor.detach().cpu().to(torch.float32).numpy().copy()


def _pair(value: Any, sides: int) -> tuple[int, int]:
    """Return a setting as (down, across); a sequence has one row."""
    if isinstance(value, int):
        return (value, value) if sides == 2 else (1, value)
    numbers = [int(part) for part in value]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (1, numbers[0])


def _paddings(module: nn.Conv1d | nn.Conv2d, reader: Reader, sides: int) -> tuple[int, int]:
    padding: Any = module.padding
    if padding == "valid":
        padding = 0
    elif padding == "same":
        spans = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
        if any(span % 2 for span in spans):
            raise unsupported(reader.node, "padding 'same' of an even kernel", "symmetric padding")
        padding = tuple(span // 2 for span in spans)
    down, across = _pair(padding, sides)
    return (down if sides == 2 else 0, across)


def _dense(weights: Float, inputs: int, groups: int) -> Float:
    """Return the weights of a grouped convolution as those of a plain one, zeros between groups."""
    outputs, group_inputs = weights.shape[:2]
    result = np.zeros((outputs, inputs, *weights.shape[2:]), np.float32)
    for output in range(outputs):
        start = output // (outputs // groups) * group_inputs
        result[output, start : start + group_inputs] = weights[output]
    return result


def _convolution(reader: Reader, module: Any) -> Value:
    reader.need_newest()
    sides = 1 if isinstance(module, nn.Conv1d) else 2
    if module.padding_mode != "zeros":
        raise unsupported(reader.node, f"padding mode '{module.padding_mode}'", "zeros")
    weights = _array(module.weight)
    if sides == 1:
        weights = weights[:, :, None]
    paddings = _paddings(module, reader, sides)
    strides, dilations = _pair(module.stride, sides), _pair(module.dilation, sides)
    inputs, outputs = module.in_channels, module.out_channels
    depthwise = module.groups == inputs == outputs and inputs > 1
    if module.groups > 1 and not depthwise:
        weights = _dense(weights, inputs, module.groups)
    is_row = weights.shape[2] == 1 and paddings[0] == 0 and strides[0] == 1
    flat = is_row and (weights.shape[3] > 1 or strides[1] > 1 or paddings[1] > 0)
    padding = paddings[1]
    if not flat:
        if sides == 2 and (strides[0] != strides[1] or dilations[0] != dilations[1]):
            raise unsupported(
                reader.node,
                f"strides {strides}, dilations {dilations}",
                "equal ones down and across",
            )
        weights, padding = _square(reader, weights, paddings, dilations[1])
    layer = Convolution(
        outputs, weights.shape[3], strides[1], padding, depthwise, module.bias is not None, "none",
        dilations[1] if weights.shape[3] > 1 else 1, flat,
    )  # fmt: skip
    bias = None if module.bias is None else _array(module.bias)
    return reader.chain.append(layer, (weights, bias), module)


def _square(
    reader: Reader, weights: Float, paddings: tuple[int, int], dilation: int
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
        raise unsupported(
            reader.node, f"a kernel of {rows}x{columns} padded by {paddings}",
            "a square kernel, or one of odd sides padded to keep the image's size",
        )  # fmt: skip
    result = np.zeros((*weights.shape[:2], side, side), np.float32)
    top, left = (side - rows) // 2, (side - columns) // 2
    result[:, :, top : top + rows, left : left + columns] = weights
    return result, wanted.pop()


def _linear(reader: Reader, module: Any) -> Value:
    reader.need_newest()
    shape = shape_at(reader.node)
    if shape is None or len(shape) != 2:
        raise unsupported(reader.node, f"a result of shape {shape}", "a flattened input")
    bias = None if module.bias is None else _array(module.bias)
    layer = Linear(module.out_features, bias is not None)
    return reader.chain.append(layer, (_array(module.weight), bias), module)


def _batch_norm(reader: Reader, module: Any) -> Value:
    reader.need_newest()
    if module.running_mean is None or module.running_var is None:
        raise unsupported(reader.node, "batch norm without running statistics", "with them")
    deviation = np.sqrt(_array(module.running_var).astype(np.float64) + module.eps)
    scale = np.ones_like(deviation) if module.weight is None else _array(module.weight)
    shift = np.zeros_like(deviation) if module.bias is None else _array(module.bias)
    factors = scale / deviation
    summands = shift - _array(module.running_mean) * factors
    joins = reader.joins_layer() and _last_is_used_once(reader)
    return reader.chain.scale(factors.astype(np.float32), summands.astype(np.float32), joins)


def _last_is_used_once(reader: Reader) -> bool:
    links = reader.chain.links
    return not links or reader.uses.get(id(links[-1].key), 1) == 1


def _pool(reader: Reader, kind: PoolingKind, settings: dict[str, Any], sides: int) -> Value:
    reader.need_newest()
    window = _pair(settings["kernel_size"], sides)
    stride = settings.get("stride")
    strides = window if stride is None or stride == [] else _pair(stride, sides)
    _, height, width = reader.chain.shape
    if sides == 1:
        window, strides = (1, window[1]), (1, strides[1])
    padding = settings.get("padding", 0)
    unpadded = padding == 0 or all(part == 0 for part in np.ravel(padding))
    dilated = any(part != 1 for part in np.ravel(settings.get("dilation", 1)))
    result = shape_at(reader.node)
    whole = (height // window[0], width // window[1])
    found = result[-2:] if result and sides == 2 else (1, result[-1] if result else 0)
    if window == (height, width) and unpadded and not dilated:
        return reader.chain.append(Pooling(kind, 0))
    square = window[0] == window[1] or height == 1
    if strides != window or not unpadded or dilated or not square or tuple(found) != whole:
        raise unsupported(
            reader.node, f"windows {window} at strides {strides}, padding {padding}",
            "square windows side by side, without padding or ceil_mode",
        )  # fmt: skip
    return reader.chain.append(Pooling(kind, window[1]))


def _adaptive(reader: Reader, kind: PoolingKind, size: Any) -> Value:
    reader.need_newest()
    _, height, width = reader.chain.shape
    result = shape_at(reader.node)
    assert result is not None
    out = (result[-2] if len(result) == 4 else 1, result[-1])
    if out == (height, width):
        return reader.value
    if out == (1, 1):
        return reader.chain.append(Pooling(kind, 0))
    rows, columns = height // out[0], width // out[1]
    if height % out[0] or width % out[1] or not (rows == columns or height == 1):
        raise unsupported(
            reader.node, f"adaptive pooling of {height}x{width} to {out[0]}x{out[1]}",
            "equal square windows",
        )  # fmt: skip
    return reader.chain.append(Pooling(kind, columns))


def _activation(reader: Reader, kind: ActivationKind) -> Value:
    reader.need_newest()
    chain = reader.chain
    last = chain.links[-1].layer if chain.links else None
    rising = kind in ("relu", "leaky_relu")
    if reader.joins_layer() and isinstance(last, Pooling) and last.kind == "max" and rising:
        # A rising function may as well come before the maximum, in the layer that made the values.
        pooling = chain.links.pop()
        before = chain.links[-1] if chain.links else None
        if before and not isinstance(before.layer, Pooling) and before.layer.activation == "none":
            chain.activate(kind, True)
            return chain.append(pooling.layer)
        chain.links.append(pooling)
    return chain.activate(kind, reader.joins_layer())


def _leaky_relu(reader: Reader, slope: float) -> Value:
    if slope != LEAKY_RELU_SLOPE:
        raise unsupported(
            reader.node, f"LeakyReLU of slope {slope}", f"slope {LEAKY_RELU_SLOPE}, or ReLU"
        )
    return _activation(reader, "leaky_relu")


def _same(reader: Reader, module: Any = None) -> Value:
    return reader.value


def _flatten(reader: Reader, module: Any = None) -> Value:
    """Accept what only rearranges all values of an example, channel by channel."""
    shape = shape_at(reader.node)
    present = [side for side in reader.chain.shape if side > 1]
    found = None if shape is None else [side for side in shape[1:] if side > 1]
    if found not in (present, [math.prod(present)], [] if math.prod(present) == 1 else None):
        raise unsupported(reader.node, f"values rearranged to {shape}", "flattening")
    reader.need_newest()
    return reader.value


def _over_image(reader: Reader, kind: PoolingKind) -> Value:
    dims = _argument(reader.node, 1, "dim")
    given = reader.node.args[0]
    assert isinstance(given, fx.Node)
    shape = shape_at(given)
    sides = len(shape or ()) - 2
    wanted = {-1 - side for side in range(sides)}
    numbers = [dims] if isinstance(dims, int) else list(dims or [])
    found = {int(dim) - (len(shape or ()) if dim >= 0 else 0) for dim in numbers}
    if sides < 1 or found != wanted:
        raise unsupported(reader.node, f"pooling over axes {dims}", "one over rows and columns")
    reader.need_newest()
    return reader.chain.append(Pooling(kind, 0))


def _argument(node: fx.Node, place: int, name: str, default: Any = None) -> Any:
    return node.kwargs.get(name, node.args[place] if len(node.args) > place else default)


def _pool_module(kind: PoolingKind, sides: int) -> Converter:
    def convert(reader: Reader, module: Any) -> Value:
        names = ("kernel_size", "stride", "padding", "dilation")
        settings = {name: getattr(module, name) for name in names if hasattr(module, name)}
        if getattr(module, "return_indices", False):
            raise unsupported(reader.node, "pooling that returns indices")
        return _pool(reader, kind, settings, sides)

    return convert


def _pool_call(kind: PoolingKind, sides: int) -> Converter:
    def convert(reader: Reader, module: Any) -> Value:
        node = reader.node
        settings = {
            "kernel_size": _argument(node, 1, "kernel_size"),
            "stride": _argument(node, 2, "stride"),
            "padding": _argument(node, 3, "padding", 0),
        }
        if kind == "max":
            settings["dilation"] = _argument(node, 4, "dilation", 1)
        return _pool(reader, kind, settings, sides)

    return convert


def add(reader: Reader, other: Value) -> Value:
    """Join a residual sum: one of the two values is the newest, the other an earlier one."""
    chain = reader.chain
    newest, earlier = reader.value, other
    if not chain.is_newest(newest):
        newest, earlier = earlier, newest
    if not chain.is_newest(newest) or not chain.is_current(earlier):
        raise unsupported(reader.node, "a sum of two branches", "a chain with residual sums")
    back = newest.number - earlier.number
    if back < 1:
        raise unsupported(reader.node, "a value plus itself", "a sum with an earlier value")
    return chain.append(Addition(back))


MODULES: dict[type[nn.Module], Converter] = {
    nn.Conv1d: _convolution,
    nn.Conv2d: _convolution,
    nn.Linear: _linear,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.MaxPool1d: _pool_module("max", 1),
    nn.MaxPool2d: _pool_module("max", 2),
    nn.AvgPool1d: _pool_module("average", 1),
    nn.AvgPool2d: _pool_module("average", 2),
    nn.AdaptiveAvgPool1d: lambda reader, module: _adaptive(reader, "average", module.output_size),
    nn.AdaptiveAvgPool2d: lambda reader, module: _adaptive(reader, "average", module.output_size),
    nn.AdaptiveMaxPool1d: lambda reader, module: _adaptive(reader, "max", module.output_size),
    nn.AdaptiveMaxPool2d: lambda reader, module: _adaptive(reader, "max", module.output_size),
    nn.ReLU: lambda reader, module: _activation(reader, "relu"),
    nn.LeakyReLU: lambda reader, module: _leaky_relu(reader, module.negative_slope),
    nn.Hardswish: lambda reader, module: _activation(reader, "hard_swish"),
    nn.Dropout: _same,
    nn.Dropout1d: _same,
    nn.Dropout2d: _same,
    nn.Identity: _same,
    nn.Flatten: _flatten,
}

FUNCTIONS: dict[Any, Converter] = {
    functional.relu: lambda reader, module: _activation(reader, "relu"),
    torch.relu: lambda reader, module: _activation(reader, "relu"),
    functional.leaky_relu: lambda reader, module: _leaky_relu(
        reader, _argument(reader.node, 1, "negative_slope", 0.01)
    ),
    functional.hardswish: lambda reader, module: _activation(reader, "hard_swish"),
    functional.dropout: _same,
    functional.dropout2d: _same,
    functional.max_pool1d: _pool_call("max", 1),
    functional.max_pool2d: _pool_call("max", 2),
    torch.max_pool2d: _pool_call("max", 2),
    functional.avg_pool1d: _pool_call("average", 1),
    functional.avg_pool2d: _pool_call("average", 2),
    functional.adaptive_avg_pool1d: lambda reader, module: _adaptive(reader, "average", None),
    functional.adaptive_avg_pool2d: lambda reader, module: _adaptive(reader, "average", None),
    functional.adaptive_max_pool2d: lambda reader, module: _adaptive(reader, "max", None),
    torch.flatten: _flatten,
    torch.reshape: _flatten,
    torch.squeeze: _flatten,
    operator.getitem: _flatten,  # where it only adds axes
    torch.mean: lambda reader, module: _over_image(reader, "average"),
    torch.amax: lambda reader, module: _over_image(reader, "max"),
}

METHODS: dict[str, Converter] = {
    "relu": FUNCTIONS[torch.relu],
    "relu_": FUNCTIONS[torch.relu],
    "flatten": _flatten,
    "view": _flatten,
    "reshape": _flatten,
    "squeeze": _flatten,
    "contiguous": _same,
    "float": _same,
    "mean": FUNCTIONS[torch.mean],
    "amax": FUNCTIONS[torch.amax],
}

ADDITIONS: frozenset[Any] = frozenset({operator.add, operator.iadd, torch.add, "add", "add_"})
ENDINGS: frozenset[Any] = frozenset(
    {torch.softmax, torch.log_softmax, functional.softmax, functional.log_softmax,
     "softmax", "log_softmax", nn.Softmax, nn.LogSoftmax}
)  # fmt: skip
