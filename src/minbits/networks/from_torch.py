"""From a PyTorch module to an architecture and a flat vector of parameters, outputs equal.

Batch norm is folded, dropout ignored; a softmax at the end is left out, since it changes no
prediction. Every result is checked: module and network must give equal outputs on random inputs.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, fx, nn

from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.errors import NetworkError
from minbits.layers.base import Layer, Shape
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.networks.chain import Chain, Value
from minbits.networks.input_convention import InputConvention
from minbits.networks.module_graph import Graph, shape_at, trace, unsupported
from minbits.networks.module_layers import ADDITIONS, ENDINGS, Reader, add, converters
from minbits.networks.parameters import PlainTensors, flat_parameters, parameter_layout
from minbits.networks.torch_layers import run_layers

Float = npt.NDArray[np.float32]

_CHECKED_EXAMPLES = 8
# Of the largest logit: float32 sums in another order differ by less.
_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Extracted:
    """A module as minbits holds it.

    Attributes:
        architecture: its layers, and the shape and scale of raw inputs.
        values: its parameters in the plain layout.
    """

    architecture: Architecture
    values: Float


def _kind_of_call(node: fx.Node, modules: dict[str, Any]) -> Any:
    return type(modules[str(node.target)]) if node.op == "call_module" else node.target


def _is_last(node: fx.Node) -> bool:
    return all(user.op == "output" for user in node.users)


class _Walk:
    """One pass over the calls of a traced module, in the order in which they are made."""

    def __init__(self, graph: Graph, shape: Shape) -> None:
        self.chain = Chain(shape)
        self.graph = graph.module.graph
        self.modules: dict[str, Any] = dict(graph.module.named_modules())
        self.values: dict[fx.Node, Value] = {}
        self.uses = Counter(
            id(self.modules[str(node.target)])
            for node in self.graph.nodes
            if node.op == "call_module"
        )
        self.converters = converters()
        self.input_factor = 1.0
        self.has_softmax = False

    def run(self) -> None:
        for node in self.graph.nodes:
            if node.op == "placeholder":
                self._input(node)
            elif node.op == "output":
                self._output(node)
            elif shape_at(node) is not None:
                self.values[node] = self._call(node)

    def _input(self, node: fx.Node) -> None:
        if self.values:
            raise unsupported(node, "a second input", "a module of one input")
        self.values[node] = self.chain.end

    def _output(self, node: fx.Node) -> None:
        result = node.args[0]
        if not isinstance(result, fx.Node) or self.values.get(result) != self.chain.end:
            raise unsupported(node, "a result that is not the last layer's", "one tensor of logits")

    def _argument(self, node: fx.Node, place: int) -> Value | None:
        argument = node.args[place] if len(node.args) > place else node.kwargs.get("input")
        return self.values.get(argument) if isinstance(argument, fx.Node) else None

    def _call(self, node: fx.Node) -> Value:
        first = self._argument(node, 0)
        kind = _kind_of_call(node, self.modules)
        if kind in ADDITIONS:
            return self._sum(node, first)
        if first is None:
            factor = self._factor(node)
            if factor is None:
                raise unsupported(node, f"a call of {_name(kind)} on no activation")
            first = self.chain.end
        if factor := self._factor(node):
            self.input_factor *= factor
            return first
        if kind in ENDINGS and _is_last(node):
            self.has_softmax = True
            return first
        converter = self.converters.get(kind)
        module = self.modules[str(node.target)] if node.op == "call_module" else None
        if converter is None:
            raise unsupported(node, _name(kind))
        given = node.args[0] if node.args else node.kwargs.get("input")
        joins = isinstance(given, fx.Node) and len(given.users) == 1
        reader = Reader(self.chain, node, first, joins, self.uses)
        try:
            result: Value = converter(reader, module)
            return result
        except NetworkError as error:
            if error.where.startswith("module"):
                raise
            raise unsupported(node, f"{error.where}: {error.got}", error.expected) from error

    def _sum(self, node: fx.Node, first: Value | None) -> Value:
        second = self._argument(node, 1)
        if first is None or second is None or node.kwargs.get("alpha", 1) != 1:
            raise unsupported(node, "a sum with a number or a parameter", "a residual sum")
        return add(Reader(self.chain, node, first, False, self.uses), second)

    def _factor(self, node: fx.Node) -> float | None:
        """Return the number that the raw input is multiplied by, None for any other call."""
        name = getattr(node.target, "__name__", node.target)
        if name not in ("mul", "truediv", "div") or self.chain.links or len(node.args) != 2:
            return None
        numbers = [part for part in node.args if isinstance(part, int | float)]
        if len(numbers) != 1 or numbers[0] <= 0:
            return None
        return float(numbers[0]) if name == "mul" else 1 / float(numbers[0])


def _name(kind: Any) -> str:
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


def _fold_input(
    layers: tuple[Layer, ...], tensors: list[PlainTensors], shape: Shape, factors: Float,
    shifts: Float,
) -> tuple[tuple[Layer, ...], list[PlainTensors]]:  # fmt: skip
    """Return layers that do ``raw * factors - shifts`` themselves, in the first one where it fits.

    Behind zeros around the image the shift would be wrong, so a layer of its own comes first there.
    """
    if not shifts.any() and (factors == 1).all():
        return layers, tensors
    first = layers[0]
    padded = isinstance(first, Convolution) and first.padding > 0
    if not isinstance(first, Convolution | Linear) or (padded and shifts.any()):
        affine = Convolution(shape[0], 1, 1, 0, True, bool(shifts.any()), "none")
        bias = -shifts if affine.bias else None
        return (affine, *layers), [(factors.reshape(-1, 1, 1, 1), bias), *tensors]
    weights, bias = tensors[0]
    if isinstance(first, Convolution) and first.depthwise:
        lost = weights.reshape(len(weights), -1).sum(1) * shifts
        scaled = weights * factors.reshape(-1, 1, 1, 1)
    else:
        by_channel = weights.reshape(len(weights), shape[0], -1)
        lost = by_channel.sum(2) @ shifts
        scaled = (by_channel * factors[None, :, None]).reshape(weights.shape)
    if shifts.any():
        bias = -lost if bias is None else bias - lost
        first = dataclasses.replace(first, bias=True)
    return (first, *layers[1:]), [(scaled.astype(np.float32), bias), *tensors[1:]]


def network_logits(extracted: Extracted, raw: Float) -> Tensor:
    """Return the logits of raw inputs ``(examples, channels, height, width)``, by PyTorch."""
    layout = parameter_layout(extracted.architecture, normalised=False)
    tensors = [
        (torch.from_numpy(w.copy()), None if b is None else torch.from_numpy(b.copy()))
        for w, b in layout.tensors(extracted.values)
    ]
    scale = 2.0**-extracted.architecture.input_exponent
    with torch.no_grad():
        return run_layers(extracted.architecture, tensors, torch.from_numpy(raw) * scale)


def _check_equal(
    module: nn.Module, graph: Graph, extracted: Extracted, convention: InputConvention,
    has_softmax: bool,
) -> None:  # fmt: skip
    shape = extracted.architecture.input_shape
    generator = np.random.default_rng(0)
    reach = 2.0**extracted.architecture.input_exponent
    raw = (generator.random((_CHECKED_EXAMPLES, *shape), np.float32) * np.float32(reach)).astype(
        np.float32
    )
    factors, shifts = convention.per_channel(shape[0])
    given = raw * factors[:, None, None] - shifts[:, None, None]
    with torch.no_grad():
        wanted = module(torch.from_numpy(given).reshape(-1, *graph.example_shape)).flatten(1)
    got = network_logits(extracted, raw)
    if has_softmax:
        got = got.log_softmax(1)
        wanted = wanted.log() if bool((wanted >= 0).all()) else wanted
    scale = max(float(wanted.abs().max()), 1e-6)
    difference = float((got - wanted).abs().max())
    if got.shape != wanted.shape or not difference <= _TOLERANCE * scale:
        raise NetworkError(
            "module", f"outputs that differ by {difference:.3g} of {scale:.3g}",
            "equal outputs of module and network",
            "The module does something that its traced calls do not show.",
        )  # fmt: skip


def from_torch(
    module: nn.Module, shape: Shape, exponent: int, convention: InputConvention | None = None
) -> Extracted:
    """Return the architecture and parameters of ``module``; the outputs are equal.

    Args:
        module: layers that `minbits.networks.module_layers` knows; set to evaluation mode.
        shape: of one example, ``(channels, height, width)``.
        exponent: raw inputs are multiplied by ``2 ** -exponent`` before the first layer.
        convention: what the module expects to be done to raw inputs; None: nothing.

    Raises:
        NetworkError: if a layer is not supported, naming its path in the module, or if the network
            breaks a limit of the format.
        ArgumentError: if the convention does not fit the input.
    """
    convention = convention or InputConvention()
    graph = trace(module, shape)
    walk = _Walk(graph, shape)
    walk.run()
    layers, tensors = walk.chain.written()
    if not layers:
        raise NetworkError("module", "no layers", "at least one layer", "Pass another module.")
    factors, shifts = convention.per_channel(shape[0])
    # What the decoder multiplies by is already done when the first layer reads its inputs.
    scale = np.float32(walk.input_factor * 2.0**exponent)
    layers, tensors = _fold_input(
        layers, tensors, shape, factors * scale, shifts * np.float32(walk.input_factor)
    )
    architecture = Architecture(shape, exponent, layers)
    tensor_shapes(architecture)
    extracted = Extracted(architecture, flat_parameters(architecture, tensors))
    _check_equal(module, graph, extracted, convention, walk.has_softmax)
    return extracted
