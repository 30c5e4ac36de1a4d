"""What a layer is: a frozen record with all that the rooms above need to know about it.

This room never imports PyTorch. Methods that work on PyTorch's tensors are handed the module
``torch`` by whoever calls them; tensors have the type `Any` here.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from minbits.errors import NetworkError
from minbits.layers.activations import ACTIVATIONS
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.lanes_rows import LanesRow, Obstacle
from minbits.layers.text import LayerText
from minbits.layers.torch_call import Converter

Shape = tuple[int, int, int]
FloatArray = npt.NDArray[np.float32]

MAX_LAYERS = 64
MAX_CHANNELS = 65_536

# mixed: every output depends on all input channels, and its channels can be removed or reordered;
# each: a channel depends on that channel alone, through weights of its own;
# kept: likewise without weights, and whatever factor a channel has stays;
# alike: without weights, and channels can be reordered together, but each depends on all;
# tied: channels belong to those of other layers, so that none can be changed alone.
ChannelRole = Literal["mixed", "each", "kept", "alike", "tied"]


def architecture_error(where: str, got: str, expected: str) -> NetworkError:
    """Return the error for a layer or a network that breaks a rule."""
    return NetworkError(where, got, expected, "Change the architecture.")


@dataclass(frozen=True)
class Layer(ABC):
    """A layer as it is written; subclasses are frozen dataclasses of numbers and words.

    Attributes:
        key: its name in the registry.
        usages: what its texts look like, as error messages show it, one for each first word.
        code_kinds: the kinds under which the file format codes it. Kinds that versions 1 to 3 do
            not know are written by their names, in a file of the version for named layers.
        torch_usage: which of PyTorch's calls become this layer, for messages.
    """

    key: ClassVar[str]
    usages: ClassVar[tuple[str, ...]]
    code_kinds: ClassVar[tuple[str, ...]]
    torch_usage: ClassVar[str] = ""

    @classmethod
    @abstractmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the layer that a text describes.

        Raises:
            NetworkError: if the text is not in the grammar.
        """

    @abstractmethod
    def text(self) -> str:
        """Return the text of the layer, such that `parse` gives it back."""

    @abstractmethod
    def limits(self) -> Mapping[str, tuple[int, int, int]]:
        """Return each number of the layer by its name, with the least and the largest allowed."""

    @classmethod
    @abstractmethod
    def code(
        cls, fields: FieldCoder, given: Self | None, kind: str, shape: Shape, extended: bool
    ) -> Self:
        """Write the layer's fields into a file, or read them; return the layer.

        Args:
            fields: encoder or decoder.
            given: the layer to write; None for a decoder.
            kind: one of `code_kinds`.
            shape: of the activation before the layer.
            extended: whether the file says more than version 1 can.
        """

    @property
    def code_kind(self) -> str:
        """The kind under which the layer is coded, one of `code_kinds`."""
        return self.code_kinds[0]

    @property
    def is_extended(self) -> bool:
        """Whether version 1 of the format cannot say the layer."""
        return True

    @property
    def channel_role(self) -> ChannelRole:
        """What compression may do to the layer's channels."""
        return "tied"

    def check(self, where: str) -> None:
        """Check what can be checked without the layer's input.

        Raises:
            NetworkError: if a number is out of its range, or an activation is unknown.
        """
        for name, (value, low, high) in self.limits().items():
            if not low <= value <= high:
                raise architecture_error(where, f"{name} = {value}", f"{low} to {high}")
        activation = getattr(self, "activation", "none")
        if activation not in ACTIVATIONS:
            raise architecture_error(where, repr(activation), f"one of {tuple(ACTIVATIONS)}")

    def replaced(self, **fields: Any) -> Self:
        """Return the layer with other values of some fields."""
        return dataclasses.replace(self, **fields)

    def fitted_to(self, channels: int) -> Self:
        """Return the layer with its number of input channels, where its text leaves that out."""
        return self

    def channels_after(self, channels: int) -> int:
        """Return the channels of the output for those of the input."""
        return channels

    @classmethod
    def torch_converters(cls, torch: Any) -> Mapping[Any, Converter]:
        """Return how PyTorch's modules, functions and methods become this layer.

        Args:
            torch: the module of that name.

        Returns:
            Converters by the class of a module, a function, or a method's name.
        """
        return {}


class RunLayer(Layer):
    """A layer that is run: it maps one activation to the next."""

    @property
    def reads(self) -> tuple[int, ...]:
        """The earlier activations that it reads beside its input: how many layers back each is."""
        return ()

    @property
    def erases_factors(self) -> bool:
        """Whether the output is the same for any positive factor on the input."""
        return False

    @abstractmethod
    def output_shape(self, shapes: Sequence[Shape], where: str) -> Shape:
        """Return the shape of the output.

        Args:
            shapes: of the network's input and of all activations so far; the last is the input.
            where: the place of the layer, for errors.

        Raises:
            NetworkError: if the layer does not fit its input.
        """

    @abstractmethod
    def work(self, shape: Shape, output: Shape, batch: int) -> Work:
        """Return what one example costs with NumPy, in batches of so many examples."""

    def workspace(self, shape: Shape, output: Shape, batch: int | None = None) -> int:
        """Return the values an example that are made beside input and output.

        Args:
            shape: of the input.
            output: its shape.
            batch: examples that are run at a time; None: all places of the output at once.
        """
        return 0

    def lanes_row(self) -> LanesRow | Obstacle:
        """Return by which pass the lanes engine trains the layer, or why it cannot."""
        return Obstacle(f"of a kind that lanes have no pass for: {self.key}")


def shares_kernels(layer: Layer) -> bool:
    """Return whether a layer's weights are those of the first layer with weights."""
    return isinstance(layer, WeightedLayer) and layer.borrows


class PlainLayer(RunLayer):
    """A layer without weights."""

    @abstractmethod
    def run(self, x: FloatArray, earlier: Sequence[FloatArray]) -> FloatArray:
        """Return the output, ``(channels, rows, columns, examples)``, with NumPy.

        Args:
            x: the input; it must not be changed.
            earlier: the activations named by `reads`.
        """

    @abstractmethod
    def run_torch(self, torch: Any, x: Any, earlier: Sequence[Any], shape: Shape) -> Any:
        """Return the output, ``(examples, channels, rows, columns)``, with PyTorch.

        Args:
            torch: the module of that name.
            x: the input.
            earlier: the activations named by `reads`.
            shape: of the input, without the examples.
        """


class WeightedLayer(RunLayer):
    """A layer with weights: a linear map, then a bias and an activation, which are shared.

    Attributes:
        can_be_normalised: whether batch normalisation can stand in for the bias while training.
        is_linear: whether a factor on the weights is one on the output; where it is not, a positive
            factor on the input is one on the output all the same.
        lends_kernels: whether layers that share kernels may have those of this one.
        borrows: whether its weights are those of the first layer with weights, and none its own.
    """

    can_be_normalised: ClassVar[bool] = False
    is_linear: ClassVar[bool] = True
    lends_kernels: ClassVar[bool] = False
    borrows: ClassVar[bool] = False

    bias: bool
    activation: str

    @abstractmethod
    def weights_shape(self, shape: Shape) -> tuple[int, ...]:
        """Return the shape of the weights, ``(outputs, …)``, for an input of ``shape``."""

    @abstractmethod
    def with_outputs(self, count: int) -> Self:
        """Return the layer with another number of outputs, for a layer of mixed channels."""

    @abstractmethod
    def sums(self, x: FloatArray, weights: FloatArray) -> FloatArray:
        """Return the linear map of ``x``, ``(channels, rows, columns, examples)``, with NumPy."""

    @abstractmethod
    def torch_sums(self, torch: Any, x: Any, weights: Any, bias: Any) -> Any:
        """Return the linear map of ``x``, ``(examples, channels, rows, columns)``, plus the bias.

        Args:
            torch: the module of that name.
            x: the input.
            weights: in the shape of `weights_shape`.
            bias: one value an output, or None.
        """

    @abstractmethod
    def torch_module(self, torch: Any, weights: Any, bias: Any) -> Any:
        """Return a PyTorch module of the linear map and bias, filled with these tensors."""

    def call_module(self, torch: Any, module: Any, x: Any) -> Any:
        """Return what `torch_module` makes of ``x``, ``(examples, channels, rows, columns)``."""
        return module(x)

    def multiply_accumulates(self, shape: Shape, output: Shape) -> int:
        """Return the multiply-accumulates of one example, biases not counted."""
        return math.prod(self.weights_shape(shape)) * math.prod(output[1:])
