"""A call of a traced PyTorch module, as a layer sees it that recognises the call as its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from minbits.errors import NetworkError

Float = npt.NDArray[np.float32]


class TorchCall(Protocol):
    """One call, and the chain of layers that the calls before it were turned into.

    Attributes:
        value: the activation that the call reads; a converter that changes nothing returns it.
    """

    value: Any

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of the newest activation."""
        ...

    @property
    def result_shape(self) -> tuple[int, ...] | None:
        """The shape of what the call returns, with its batch; None where it is no tensor."""
        ...

    @property
    def given_shape(self) -> tuple[int, ...]:
        """The shape of what the call is given first, with its batch."""
        ...

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        """Return an argument of the call by its place or its name."""
        ...

    def constant(self, place: int, name: str) -> Any:
        """Return an argument that is the same for every input, None where it is not."""
        ...

    def key_of(self, weight: Any, bias: Any = None) -> object:
        """Return what calls with the same weights and bias have in common."""
        ...

    def need_newest(self) -> None:
        """Refuse a call that reads an older activation: a chain has no branches."""
        ...

    def append(self, layer: Any, tensors: Any = None, key: object = None) -> Any:
        """Append a layer to the chain and return its output.

        Args:
            layer: what the call does.
            tensors: weights and bias (or None) as arrays, for a layer that has some.
            key: what layers that share their weights have in common, as `key_of` gives it.
        """
        ...

    def append_affine(self, factors: Float, summands: Float | None) -> Any:
        """Append a factor and a summand a channel and return their output."""
        ...

    def activate(self, key: str) -> Any:
        """Apply an activation, in the layer before where that is possible; return the output."""
        ...

    def unsupported(self, got: str, expected: str | None = None) -> NetworkError:
        """Return the error that names the place of the call and what is supported."""
        ...


# Takes a call and, where a module is called, the module; returns the output's activation.
Converter = Callable[[TorchCall, Any], Any]


def as_array(tensor: Any) -> Float:
    """Return a copy of a tensor's values."""
    return np.array(tensor.detach().cpu().float().numpy(), np.float32)


def pair(value: Any, sides: int) -> tuple[int, int]:
    """Return a setting as (down, across); a sequence has one row."""
    if isinstance(value, int):
        return (value, value) if sides == 2 else (1, value)
    numbers = [int(part) for part in value]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (1, numbers[0])


def filled(torch: Any, module: Any, weights: Any, bias: Any) -> Any:
    """Return a PyTorch module with these tensors as its weights and bias."""
    with torch.no_grad():
        module.weight.copy_(weights)
        if bias is not None:
            module.bias.copy_(bias)
    return module
