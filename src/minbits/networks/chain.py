"""A chain of layers under construction, with tensors: what a traced module is turned into.

Every value of the module is an activation of the chain: its number, and how often that activation
was changed in place since (a bias or an activation function joins the layer before). A call that
reads anything but the newest state cannot be said by a chain, but for residual sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, activation_shapes
from minbits.layers.base import Layer, RunLayer, Shape, WeightedLayer
from minbits.layers.convolution import Convolution
from minbits.layers.repetition import Repetition
from minbits.networks.parameters import PlainTensors

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Value:
    """An activation of the chain: its number, 0 for the input, and its state."""

    number: int
    state: int


@dataclass
class Link:
    """One layer as it is run; links of the same ``key`` share their tensors."""

    layer: RunLayer
    tensors: PlainTensors | None
    key: object
    state: int = 0


class Chain:
    """Links in the order in which they are run."""

    def __init__(self, input_shape: Shape) -> None:
        self.input_shape = input_shape
        self.links: list[Link] = []
        # What is done to the input before the first layer, and how often that was changed.
        self.input_factors = np.ones(input_shape[0], np.float64)
        self.input_summands = np.zeros(input_shape[0], np.float64)
        self._input_state = 0
        self.kept: list[object] = []

    @property
    def end(self) -> Value:
        """The newest activation."""
        return Value(len(self.links), self.links[-1].state if self.links else self._input_state)

    @property
    def shape(self) -> Shape:
        """The shape of the newest activation."""
        if not self.links:
            return self.input_shape
        layers = tuple(link.layer for link in self.links)
        return activation_shapes(Architecture(self.input_shape, 0, layers))[-1]

    def is_newest(self, value: Value) -> bool:
        """Whether a call may read ``value`` as the input of the next layer."""
        return value == self.end

    def is_current(self, value: Value) -> bool:
        """Whether the activation is still what it was as ``value`` was made."""
        if value.number == 0:
            return value.state == self._input_state
        return self.links[value.number - 1].state == value.state

    def append(
        self, layer: RunLayer, tensors: PlainTensors | None = None,
        key: object = None,
    ) -> Value:  # fmt: skip
        """Append a layer and return its output."""
        self.links.append(Link(layer, tensors, object() if key is None else key))
        return self.end

    def append_affine(
        self, factors: Float, summands: Float | None, activation: str = "none"
    ) -> Value:
        """Append a factor and a summand a channel, as a depthwise convolution of one place."""
        weights = factors.astype(np.float32).reshape(-1, 1, 1, 1)
        layer = Convolution(len(weights), 1, 1, 0, True, summands is not None, activation)
        return self.append(layer, (weights, summands))

    def activate(self, kind: str, may_join: bool) -> Value:
        """Apply an activation function: in the last layer where it may, else in one of its own."""
        last = self.links[-1] if self.links else None
        if (
            may_join
            and isinstance(last, Link)
            and getattr(last.layer, "activation", None) == "none"
            and getattr(last.layer, "is_linear", True)
        ):
            last.layer = last.layer.replaced(activation=kind)
            last.state += 1
            return self.end
        channels = self.shape[0]
        return self.append_affine(np.ones(channels, np.float32), None, kind)

    def scale(self, factors: Float, summands: Float, may_join: bool) -> Value:
        """Apply a factor and a summand a channel: in the last layer where it may."""
        last = self.links[-1] if self.links else None
        if may_join and last is None:
            self.input_factors *= factors
            self.input_summands = self.input_summands * factors + summands
            self._input_state += 1
            return self.end
        if (
            not may_join
            or last is None
            or not isinstance(last.layer, WeightedLayer)
            or not last.layer.is_linear
            or last.layer.activation != "none"
            or last.tensors is None
        ):
            return self.append_affine(factors, summands if summands.any() else None)
        weights, bias = last.tensors
        weights = weights * factors.reshape(-1, *[1] * (weights.ndim - 1))
        shifted = summands if bias is None else bias * factors + summands
        has_bias = bias is not None or bool(summands.any())
        last.tensors = (
            weights.astype(np.float32),
            shifted.astype(np.float32) if has_bias else None,
        )
        last.layer = last.layer.replaced(bias=has_bias)
        last.state += 1
        return self.end

    def written(self) -> tuple[tuple[Layer, ...], list[PlainTensors]]:
        """Return the layers as a file writes them, runs of repeated layers as `Repetition`."""
        layers: list[Layer] = []
        origin: list[Link | None] = []  # of each layer as written; None for a repetition
        tensors: list[PlainTensors] = []
        index = 0
        while index < len(self.links):
            link = self.links[index]
            start, count = _longest_repetition(self.links, index, origin)
            if count:
                layers.append(Repetition(count, len(origin) - start))
                origin.append(None)
                index += count
                continue
            layers.append(link.layer)
            origin.append(link)
            if link.tensors is not None:
                tensors.append(link.tensors)
            index += 1
        return tuple(layers), tensors


def _longest_repetition(
    links: list[Link], index: int, origin: list[Link | None]
) -> tuple[int, int]:
    """Return where the longest run of written layers that comes again at ``index`` starts."""
    best = (0, 0)
    if links[index].tensors is None:
        return best
    for start in range(len(origin)):
        count = 0
        while start + count < len(origin) and index + count < len(links):
            written, link = origin[start + count], links[index + count]
            if written is None or written.layer != link.layer:
                break
            if link.tensors is not None and written.key != link.key:
                break
            count += 1
        if count > best[1]:
            best = (start, count)
    return best
