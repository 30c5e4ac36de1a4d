"""The activations: one entry each, with NumPy, PyTorch and what training and compression ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.layers.torch_call import Converter, TorchCall
from minbits.registry import Registry

FloatArray = npt.NDArray[np.float32]

LEAKY_RELU_SLOPE = 0.125  # a power of two, so that every machine computes the same product


def _no_converters(torch: Any) -> Mapping[Any, Converter]:
    return {}


@dataclass(frozen=True)
class Activation:
    """An activation.

    Attributes:
        key: its word in the grammar and the layers' records.
        numpy: applies it, in place where that saves memory.
        torch: applies it to a tensor, given PyTorch's module first.
        slope: what negative values are multiplied by, where positive ones stay as they are; None
            for an activation of another form.
        has_lanes_pass: whether the lanes engine has a compiled pass for it; one of a slope needs
            none.
        torch_usage: which of PyTorch's calls become it, for messages.
        converters: how PyTorch's modules, functions and methods become it.
    """

    key: str
    numpy: Callable[[FloatArray], FloatArray]
    torch: Callable[[Any, Any], Any]
    slope: float | None
    has_lanes_pass: bool = False
    torch_usage: str = ""
    converters: Callable[[Any], Mapping[Any, Converter]] = _no_converters

    @property
    def never_falls(self) -> bool:
        """Whether it can be taken after a maximum as well as before."""
        return self.slope is not None and self.slope >= 0

    @property
    def is_homogeneous(self) -> bool:
        """Whether f(c x) = c f(x) for every c > 0."""
        return self.slope is not None


def _relu(x: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(x, np.float32(0), out=x), np.float32)


def _leaky_relu(x: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(x, x * np.float32(LEAKY_RELU_SLOPE), out=x), np.float32)


def _hard_swish(x: FloatArray) -> FloatArray:
    return np.asarray(x * (np.clip(x + np.float32(3), 0, 6) / np.float32(6)), np.float32)


def _convert_relu(call: TorchCall, module: Any) -> Any:
    return call.activate("relu")


def _convert_hard_swish(call: TorchCall, module: Any) -> Any:
    return call.activate("hard_swish")


def _convert_leaky_relu(call: TorchCall, module: Any) -> Any:
    is_call = module is None
    slope = call.argument(1, "negative_slope", 0.01) if is_call else module.negative_slope
    if slope != LEAKY_RELU_SLOPE:
        raise call.unsupported(f"LeakyReLU of slope {slope}", f"slope {LEAKY_RELU_SLOPE}, or ReLU")
    return call.activate("leaky_relu")


def _relu_converters(torch: Any) -> Mapping[Any, Converter]:
    names = (torch.nn.ReLU, torch.nn.functional.relu, torch.relu, "relu", "relu_")
    return dict.fromkeys(names, _convert_relu)


def _leaky_relu_converters(torch: Any) -> Mapping[Any, Converter]:
    return dict.fromkeys((torch.nn.LeakyReLU, torch.nn.functional.leaky_relu), _convert_leaky_relu)


def _hard_swish_converters(torch: Any) -> Mapping[Any, Converter]:
    return dict.fromkeys((torch.nn.Hardswish, torch.nn.functional.hardswish), _convert_hard_swish)


# The file format knows the first four, by their places.
ACTIVATIONS: Registry[Activation] = Registry(
    "activation",
    Activation("none", lambda x: x, lambda torch, x: x, 1.0),
    Activation(
        "relu",
        _relu,
        lambda torch, x: torch.nn.functional.relu(x),
        0.0,
        torch_usage="ReLU",
        converters=_relu_converters,
    ),
    Activation(
        "leaky_relu",
        _leaky_relu,
        lambda torch, x: torch.nn.functional.leaky_relu(x, LEAKY_RELU_SLOPE),
        LEAKY_RELU_SLOPE,
        torch_usage=f"LeakyReLU({LEAKY_RELU_SLOPE})",
        converters=_leaky_relu_converters,
    ),
    Activation(
        "hard_swish",
        _hard_swish,
        lambda torch, x: torch.nn.functional.hardswish(x),
        None,
        has_lanes_pass=True,
        torch_usage="Hardswish",
        converters=_hard_swish_converters,
    ),
)
CODED_ACTIVATIONS = tuple(ACTIVATIONS)
