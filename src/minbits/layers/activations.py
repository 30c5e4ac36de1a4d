"""The activations: one entry each, with NumPy, PyTorch and what training and compression ask."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.layers.torch_call import Converter, TorchCall
from minbits.registry import Registry

FloatArray = npt.NDArray[np.float32]

LEAKY_RELU_SLOPE = 0.125  # a power of two, so that every machine computes the same product
# A leaky ReLU of another slope is written with it, as ``leaky0.01``.
_LEAKY = re.compile(r"leaky(0\.[0-9]{0,11}[1-9])")
# Activations of few values are written with their bits, as ``tanh_4bit``; the range is that of the
# activation.
_QUANTISED = re.compile(r"(relu6|sigmoid|tanh)_([1-8])bit")
_RANGES = {"relu6": (0.0, 6.0), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}


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


def _relu6(x: FloatArray) -> FloatArray:
    return np.asarray(np.clip(x, 0, 6, out=x), np.float32)


def _tanh(x: FloatArray) -> FloatArray:
    return np.asarray(np.tanh(x, out=x), np.float32)


def _sigmoid(x: FloatArray) -> FloatArray:
    # Without overflow at either end.
    return np.asarray(np.float32(0.5) * (np.tanh(x * np.float32(0.5)) + np.float32(1)), np.float32)


def _silu(x: FloatArray) -> FloatArray:
    return np.asarray(x * _sigmoid(x), np.float32)


def _elu(x: FloatArray) -> FloatArray:
    return np.asarray(np.where(x > 0, x, np.expm1(np.minimum(x, 0))), np.float32)


# Abramowitz & Stegun 1964, formula 7.1.26: the error function to 1.5e-7.
_ERF_SCALE = 0.3275911
_ERF_FACTORS = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)


def _gelu(x: FloatArray) -> FloatArray:
    size = np.abs(x, dtype=np.float64) / math.sqrt(2)
    part = 1 / (1 + _ERF_SCALE * size)
    sums = functools.reduce(lambda total, factor: total * part + factor, _ERF_FACTORS, 0.0 * part)
    half_tail = 0.5 * sums * part * np.exp(-np.square(size))
    return np.asarray(x * np.where(x > 0, 1 - half_tail, half_tail), np.float32)


def _gelu_tanh(x: FloatArray) -> FloatArray:
    near = np.clip(x, -30, 30)  # beyond, the tangent is 1 and cubes overflow
    inner = np.float32(math.sqrt(2 / math.pi)) * (near + np.float32(0.044715) * near**3)
    return np.asarray(np.float32(0.5) * x * (1 + np.tanh(inner)), np.float32)


def _leaky(key: str) -> Activation | None:
    """Return the leaky ReLU that a key such as ``leaky0.01`` names, None for another key."""
    found = _LEAKY.fullmatch(key)
    if found is None:
        return None
    slope = float(found[1])
    return Activation(
        key,
        lambda x: np.asarray(np.maximum(x, x * np.float32(slope), out=x), np.float32),
        lambda torch, x: torch.nn.functional.leaky_relu(x, slope),
        slope,
    )


def _quantised(key: str) -> Activation | None:
    """Return the activation of few values that a key such as ``tanh_4bit`` names, None for others.

    Values are rounded to the nearest of ``2 ** bits`` equally spaced ones, both ends of the range
    among them. In training the gradient passes straight through (Bengio et al. 2013).
    """
    found = _QUANTISED.fullmatch(key)
    if found is None:
        return None
    plain, (low, high) = ACTIVATIONS[found[1]], _RANGES[found[1]]
    step = (high - low) / (2 ** int(found[2]) - 1)

    def rounded(x: FloatArray) -> FloatArray:
        places = np.floor((plain.numpy(x) - np.float32(low)) / np.float32(step) + np.float32(0.5))
        return np.asarray(places * np.float32(step) + np.float32(low), np.float32)

    def torch_rounded(torch: Any, x: Any) -> Any:
        value = plain.torch(torch, x)
        places = torch.floor((value.detach() - low) / step + 0.5)
        return value + (places * step + low - value.detach())

    return Activation(key, rounded, torch_rounded, None)


class Activations(Registry[Activation]):
    """The registry: its entries, a leaky ReLU for each slope in (0, 1), and ones of few values."""

    def __getitem__(self, key: str) -> Activation:
        """Return the activation of a key."""
        found = None if key in self._entries else _leaky(key) or _quantised(key)
        return found or super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        """Return whether there is an activation of a key."""
        if not isinstance(key, str):
            return False
        return key in self._entries or bool(_LEAKY.fullmatch(key) or _QUANTISED.fullmatch(key))


def leaky_key(slope: float) -> str | None:
    """Return the key of a leaky ReLU with a slope, None for a slope not between 0 and 1."""
    known = {0.0: "relu", 1.0: "none", LEAKY_RELU_SLOPE: "leaky_relu"}
    if slope in known:
        return known[slope]
    key = f"leaky{slope:.11f}".rstrip("0")
    return key if _leaky(key) is not None else None


def _convert(key: str) -> Converter:
    return lambda call, module: call.activate(key)


def _convert_leaky_relu(call: TorchCall, module: Any) -> Any:
    is_call = module is None
    slope = call.argument(1, "negative_slope", 0.01) if is_call else module.negative_slope
    key = leaky_key(slope)
    if key is None:
        raise call.unsupported(f"LeakyReLU of slope {slope}", "a slope from 0 to 1")
    return call.activate(key)


def _convert_elu(call: TorchCall, module: Any) -> Any:
    alpha = call.argument(1, "alpha", 1.0) if module is None else module.alpha
    if alpha != 1:
        raise call.unsupported(f"ELU of alpha {alpha}", "alpha 1")
    return call.activate("elu")


def _convert_gelu(call: TorchCall, module: Any) -> Any:
    kind = call.argument(1, "approximate", "none") if module is None else module.approximate
    return call.activate("gelu" if kind == "none" else "gelu_tanh")


def _converters(module: str, *functions: str, convert: Converter | None = None) -> Any:
    """Return a function from PyTorch to converters of a module, functions and methods by name."""

    def found(torch: Any) -> Mapping[Any, Converter]:
        nn, functional = torch.nn, torch.nn.functional
        kinds: list[Any] = [getattr(nn, module)]
        for name in functions:
            kinds += [name, *(getattr(x, name) for x in (functional, torch) if hasattr(x, name))]
        return dict.fromkeys(kinds, convert or _convert(functions[0]))

    return found


# The file format knows the first four, by their places, and names the others.
ACTIVATIONS = Activations(
    "activation",
    Activation("none", lambda x: x, lambda torch, x: x, 1.0),
    Activation(
        "relu",
        _relu,
        lambda torch, x: torch.nn.functional.relu(x),
        0.0,
        torch_usage="ReLU",
        converters=_converters("ReLU", "relu", "relu_"),
    ),
    Activation(
        "leaky_relu",
        _leaky_relu,
        lambda torch, x: torch.nn.functional.leaky_relu(x, LEAKY_RELU_SLOPE),
        LEAKY_RELU_SLOPE,
        torch_usage="LeakyReLU",
        converters=_converters(
            "LeakyReLU", "leaky_relu", "leaky_relu_", convert=_convert_leaky_relu
        ),
    ),
    Activation(
        "hard_swish",
        _hard_swish,
        lambda torch, x: torch.nn.functional.hardswish(x),
        None,
        has_lanes_pass=True,
        torch_usage="Hardswish",
        converters=_converters("Hardswish", "hardswish", convert=_convert("hard_swish")),
    ),
)
CODED_ACTIVATIONS = tuple(ACTIVATIONS)
for _entry in (
    Activation(
        "relu6",
        _relu6,
        lambda torch, x: torch.nn.functional.relu6(x),
        None,
        torch_usage="ReLU6",
        converters=_converters("ReLU6", "relu6"),
    ),
    Activation(
        "tanh",
        _tanh,
        lambda torch, x: torch.tanh(x),
        None,
        torch_usage="Tanh",
        converters=_converters("Tanh", "tanh"),
    ),
    Activation(
        "sigmoid",
        _sigmoid,
        lambda torch, x: torch.sigmoid(x),
        None,
        torch_usage="Sigmoid",
        converters=_converters("Sigmoid", "sigmoid"),
    ),
    Activation(
        "silu",
        _silu,
        lambda torch, x: torch.nn.functional.silu(x),
        None,
        torch_usage="SiLU",
        converters=_converters("SiLU", "silu"),
    ),
    Activation(
        "gelu",
        _gelu,
        lambda torch, x: torch.nn.functional.gelu(x),
        None,
        torch_usage="GELU",
        converters=_converters("GELU", "gelu", convert=_convert_gelu),
    ),
    Activation(
        "gelu_tanh",
        _gelu_tanh,
        lambda torch, x: torch.nn.functional.gelu(x, approximate="tanh"),
        None,
    ),
    Activation(
        "elu",
        _elu,
        lambda torch, x: torch.nn.functional.elu(x),
        None,
        torch_usage="ELU",
        converters=_converters("ELU", "elu", "elu_", convert=_convert_elu),
    ),
):
    ACTIVATIONS.add(_entry)
