"""PyTorch's poolings as ours: windows side by side, adaptive ones, and means over the image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from minbits.layers.strided_pooling import StridedPooling
from minbits.layers.torch_call import Converter, TorchCall, pair

_Kind = Literal["max", "average"]
# Returns the layer of a kind and a size.
_Make = Callable[[_Kind, int], Any]


def pooling_converters(torch: Any, make: _Make) -> Mapping[Any, Converter]:
    """Return how PyTorch's modules, functions and methods become poolings.

    Args:
        torch: the module of that name.
        make: returns the layer of a kind and a size.
    """
    nn, functional = torch.nn, torch.nn.functional
    mean, maximum = _over_image(make, "average"), _over_image(make, "max")
    return {
        nn.MaxPool1d: _module(make, "max", 1),
        nn.MaxPool2d: _module(make, "max", 2),
        nn.AvgPool1d: _module(make, "average", 1),
        nn.AvgPool2d: _module(make, "average", 2),
        nn.AdaptiveAvgPool1d: _adaptive(make, "average"),
        nn.AdaptiveAvgPool2d: _adaptive(make, "average"),
        nn.AdaptiveMaxPool1d: _adaptive(make, "max"),
        nn.AdaptiveMaxPool2d: _adaptive(make, "max"),
        functional.max_pool1d: _call(make, "max", 1),
        functional.max_pool2d: _call(make, "max", 2),
        torch.max_pool2d: _call(make, "max", 2),
        functional.avg_pool1d: _call(make, "average", 1),
        functional.avg_pool2d: _call(make, "average", 2),
        functional.adaptive_avg_pool1d: _adaptive(make, "average"),
        functional.adaptive_avg_pool2d: _adaptive(make, "average"),
        functional.adaptive_max_pool2d: _adaptive(make, "max"),
        torch.mean: mean,
        "mean": mean,
        torch.amax: maximum,
        "amax": maximum,
    }


def _windows(
    call: TorchCall, make: _Make, kind: _Kind, settings: dict[str, Any], sides: int
) -> Any:
    call.need_newest()
    window = pair(settings["kernel_size"], sides)
    stride = settings.get("stride")
    strides = window if stride is None or stride == [] else pair(stride, sides)
    _, height, width = call.shape
    if sides == 1:
        window, strides = (1, window[1]), (1, strides[1])
    padding = settings.get("padding", 0)
    unpadded = padding == 0 or all(part == 0 for part in np.ravel(padding))
    dilated = any(part != 1 for part in np.ravel(settings.get("dilation", 1)))
    result = call.result_shape
    whole = (height // window[0], width // window[1])
    found = result[-2:] if result and sides == 2 else (1, result[-1] if result else 0)
    if window == (height, width) and unpadded and not dilated:
        return call.append(make(kind, 0))
    square = window[0] == window[1] or height == 1
    if strides == window and unpadded and not dilated and square and tuple(found) == whole:
        return call.append(make(kind, window[1]))
    layer = None if dilated or not square else _strided(kind, window, strides, padding, sides)
    # What it gives says whether it is the same: with `ceil_mode`, and means of padded images.
    for is_ceiled in (False, True):
        if layer is None or (height == 1 and sides == 2):
            break
        chosen = layer.replaced(is_ceiled=is_ceiled)
        if chosen.fits(call.shape, (int(found[0]), int(found[1]))):
            return call.append(chosen)
    raise call.unsupported(
        f"windows {window} at strides {strides}, padding {padding}",
        "square windows, padded and with ceil_mode for a maximum alone",
    )


def _strided(
    kind: _Kind, window: tuple[int, int], strides: tuple[int, int], padding: Any, sides: int
) -> StridedPooling | None:
    """Return the layer of windows that may overlap, None where both axes differ."""
    paddings = pair(padding, sides)
    if sides == 2 and (strides[0] != strides[1] or paddings[0] != paddings[1]):
        return None
    return StridedPooling(kind, window[1], strides[1], paddings[1])


def _module(make: _Make, kind: _Kind, sides: int) -> Converter:
    def convert(call: TorchCall, module: Any) -> Any:
        names = ("kernel_size", "stride", "padding", "dilation")
        settings = {name: getattr(module, name) for name in names if hasattr(module, name)}
        if getattr(module, "return_indices", False):
            raise call.unsupported("pooling that returns indices")
        return _windows(call, make, kind, settings, sides)

    return convert


def _call(make: _Make, kind: _Kind, sides: int) -> Converter:
    def convert(call: TorchCall, module: Any) -> Any:
        settings = {
            "kernel_size": call.argument(1, "kernel_size"),
            "stride": call.argument(2, "stride"),
            "padding": call.argument(3, "padding", 0),
        }
        if kind == "max":
            settings["dilation"] = call.argument(4, "dilation", 1)
        return _windows(call, make, kind, settings, sides)

    return convert


def _adaptive(make: _Make, kind: _Kind) -> Converter:
    def convert(call: TorchCall, module: Any) -> Any:
        call.need_newest()
        _, height, width = call.shape
        result = call.result_shape
        assert result is not None
        out = (result[-2] if len(result) == 4 else 1, result[-1])
        if out == (height, width):
            return call.value
        if out == (1, 1):
            return call.append(make(kind, 0))
        rows, columns = height // out[0], width // out[1]
        if height % out[0] or width % out[1] or not (rows == columns or height == 1):
            raise call.unsupported(
                f"adaptive pooling of {height}x{width} to {out[0]}x{out[1]}",
                "equal square windows",
            )
        return call.append(make(kind, columns))

    return convert


def _over_image(make: _Make, kind: _Kind) -> Converter:
    def convert(call: TorchCall, module: Any) -> Any:
        dims, shape = call.argument(1, "dim"), call.given_shape
        sides = len(shape) - 2
        wanted = {-1 - side for side in range(sides)}
        numbers = [dims] if isinstance(dims, int) else list(dims or [])
        found = {int(dim) - (len(shape) if dim >= 0 else 0) for dim in numbers}
        if sides < 1 or found != wanted:
            raise call.unsupported(f"pooling over axes {dims}", "one over rows and columns")
        call.need_newest()
        return call.append(make(kind, 0))

    return convert
