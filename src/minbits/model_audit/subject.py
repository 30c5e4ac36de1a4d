"""What is audited, whatever it came from: tensors, a shape, and perhaps a way to run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from minbits.capacity.network_shape import NetworkShape
from minbits.networks.input_convention import InputConvention

FloatArray = npt.NDArray[np.float32]
# What quantisation does to a tensor: it rounds it to a step, takes its integers for levels as they
# are, or keeps it to the bit.
Rounding = Literal["step", "levels", "exact"]
# Wider integers are sums or places, and no weights.
LARGEST_WEIGHT_BITS = 16


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """One tensor of a model; its values are read when they are needed, one tensor at a time.

    Attributes:
        name: unique in the model.
        layer: the layer that it belongs to: its name without the last part.
        dimensions: its shape.
        bits_each: bits of one stored value.
        is_parameter: False for what is stored and not trained, such as running means.
        load: returns the values, float32.
        load_bytes: returns the values' bytes as they are stored.
        rounding: what quantisation does to it.
    """

    name: str
    layer: str
    dimensions: tuple[int, ...]
    bits_each: int
    is_parameter: bool
    load: Callable[[], FloatArray]
    load_bytes: Callable[[], bytes]
    rounding: Rounding = "step"

    @property
    def values(self) -> int:
        """The number of values."""
        return int(np.prod(self.dimensions, dtype=np.int64))

    @property
    def stored_bits(self) -> int:
        """Bits of all values."""
        return self.values * self.bits_each


@dataclass(frozen=True)
class UnitActivity:
    """The units of one layer with a kink, seen over some examples.

    Attributes:
        layer: name of the layer.
        units: channels or features.
        dead: units that are never above zero.
        linear: units that are always above zero: their kink does nothing.
    """

    layer: str
    units: int
    dead: int
    linear: int


class Runner(Protocol):
    """Runs a model on inputs as they are in the data set."""

    def under(self, convention: InputConvention) -> Runner:
        """Return a runner that does something else to raw inputs before the model gets them."""
        ...

    def logits(self, inputs: npt.NDArray[Any]) -> FloatArray:
        """Return logits ``(examples, classes)`` of inputs ``(examples, …)``."""
        ...

    def with_tensors(
        self, values: Mapping[str, FloatArray], inputs: npt.NDArray[Any]
    ) -> FloatArray:
        """Return the logits of the model with some tensors replaced, and put them back."""
        ...

    def activity(self, inputs: npt.NDArray[Any]) -> tuple[UnitActivity, ...]:
        """Return what each layer's units do on the inputs."""
        ...


@dataclass(frozen=True, eq=False)
class Subject:
    """A model under audit.

    Attributes:
        name: for people.
        source: what it is, such as ``PyTorch module``.
        tensors: all that it stores, in order.
        shape: layers in order of execution; None where they cannot be known.
        shape_note: what the shape rests on, or why there is none.
        runner: runs it; None where only tensors are known.
    """

    name: str
    source: str
    tensors: tuple[StoredTensor, ...]
    shape: NetworkShape | None
    shape_note: str
    runner: Runner | None

    @property
    def parameters(self) -> int:
        """Trained values, shared ones counted once."""
        return sum(tensor.values for tensor in self.tensors if tensor.is_parameter)

    @property
    def stored_bits(self) -> int:
        """Bits of all tensors as they are stored, buffers included."""
        return sum(tensor.stored_bits for tensor in self.tensors)


def rounding_of_integers(name: str, bits_each: int) -> tuple[bool, Rounding]:
    """Return whether stored integers are weights, and what quantisation does to them.

    Args:
        name: of the tensor; zero points are no weights.
        bits_each: of a value; integers of 32 bits are weights where they are a bias.
    """
    if bits_each > LARGEST_WEIGHT_BITS:
        return name.endswith("bias"), "exact"
    return not name.endswith(("zero_point", "zero_points", "zp")), "levels"


def layer_of(tensor_name: str) -> str:
    """Return the layer of a tensor: its name up to the last dot, or the whole name."""
    return tensor_name.rpartition(".")[0] or tensor_name
