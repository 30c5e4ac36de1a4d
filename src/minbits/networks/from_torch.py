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
from minbits.networks.module_graph import Graph, constant_at, shape_at, trace, unsupported
from minbits.networks.module_layers import (
    ARITHMETIC,
    ENDINGS,
    Reader,
    add,
    converters,
    scale_by_constant,
)
from minbits.networks.parameters import PlainTensors, flat_parameters, parameter_layout
from minbits.networks.torch_layers import run_layers
from minbits.networks.user_module import run_module

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


def _is_last(node: fx.Node) -> bool:
    return all(user.op == "output" for user in node.users)


def _parts(module: nn.Module) -> dict[str, Any]:
    return dict(module.named_modules())


class _Walk:
    """One pass over the calls of a traced module, in the order in which they are made."""

    def __init__(self, graph: Graph, shape: Shape) -> None:
        self.chain = Chain(shape)
        self.graph = graph.calls
        self.modules = _parts(graph.module)
        self.values: dict[fx.Node, Value] = {}
        self.uses = Counter(place for node in self.graph.nodes for place in self._weights(node))
        self.converters = converters()
        self.ending: str | None = None

    def _module(self, node: fx.Node) -> Any:
        return self.modules[str(node.target)] if node.op == "call_module" else None

    def _kind(self, node: fx.Node) -> Any:
        """Return what is called: a function, a method's name, or a class of modules.

        Of a class that inherits its forward pass, as that of a parametrised layer, the class whose
        it is.
        """
        if node.op != "call_module":
            return node.target
        own = type(self._module(node))
        kinds = (kind for kind in own.__mro__ if getattr(kind, "forward", None) is own.forward)
        return next((kind for kind in kinds if kind in self.converters), own)

    def _weights(self, node: fx.Node) -> set[int]:
        """Return where the tensors lie that a call reads and no input changes."""
        if node.op == "call_module":
            return {value.data_ptr() for value in self._module(node).parameters(recurse=False)}
        if node.meta.get("is_constant"):
            return set()
        found = (constant_at(part) for part in node.all_input_nodes)
        return {value.data_ptr() for value in found if isinstance(value, Tensor)}

    def run(self) -> None:
        for node in self.graph.nodes:
            if node.op == "placeholder":
                self.values[node] = self.chain.end
            elif node.op == "output":
                self._output(node)
            elif shape_at(node) is not None and not node.meta.get("is_constant"):
                self.values[node] = self._call(node)

    def _output(self, node: fx.Node) -> None:
        result = node.args[0]
        if not isinstance(result, fx.Node) or self.values.get(result) != self.chain.end:
            raise unsupported(node, "a result that is not the last layer's", "one tensor of logits")

    def _argument(self, node: fx.Node, place: int) -> Value | None:
        name = ("input", "other")[place]
        argument = node.args[place] if len(node.args) > place else node.kwargs.get(name)
        return self.values.get(argument) if isinstance(argument, fx.Node) else None

    def _call(self, node: fx.Node) -> Value:
        first, second = self._argument(node, 0), self._argument(node, 1)
        kind = self._kind(node)
        if kind in ARITHMETIC:
            return self._arithmetic(node, ARITHMETIC[kind], first, second)
        if first is None:
            raise unsupported(node, f"a call of {_name(kind)} on no activation")
        if kind in ENDINGS and _is_last(node):
            self.ending = ENDINGS[kind]
            return first
        converter = self.converters.get(kind)
        if converter is None:
            raise unsupported(node, _name(kind))
        given = node.args[0] if node.args else node.kwargs.get("input")
        reader = self._reader(node, first, given)
        try:
            result: Value = converter(reader, self._module(node))
            return result
        except NetworkError as error:
            if error.where.startswith("module"):
                raise
            raise unsupported(node, f"{error.where}: {error.got}", error.expected) from error

    def _reader(self, node: fx.Node, value: Value, given: Any) -> Reader:
        joins = isinstance(given, fx.Node) and len(given.users) == 1
        return Reader(self.chain, node, value, joins, self.uses)

    def _arithmetic(
        self, node: fx.Node, name: str, first: Value | None, second: Value | None
    ) -> Value:
        """Join a residual sum, or apply what is done with a constant."""
        if first is not None and second is not None:
            if name != "add" or node.kwargs.get("alpha", 1) != 1:
                raise unsupported(node, f"{name} of two activations", "a residual sum")
            return add(Reader(self.chain, node, first, False, self.uses), second)
        place = 1 if first is not None else 0
        value = first or second
        other = node.args[place] if len(node.args) > place else None
        if value is None or (name != "neg" and constant_at(other) is None):
            raise unsupported(node, f"{name} with something that depends on the input otherwise")
        return scale_by_constant(self._reader(node, value, node.args[1 - place]), name, place)


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
    graph: Graph, extracted: Extracted, convention: InputConvention, ending: str | None
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
        batch = torch.from_numpy(given).reshape(-1, *graph.example_shape)
        wanted = run_module(graph.module, batch).flatten(1)
    got = network_logits(extracted, raw)
    if ending in ("softmax", "log_softmax"):
        got = got.log_softmax(1)
        wanted = wanted.log() if ending == "softmax" else wanted
    elif ending == "sigmoid":
        got = got.sigmoid()
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
    own, summands = walk.chain.input_factors, walk.chain.input_summands
    # What the decoder multiplies by is already done when the first layer reads its inputs.
    layers, tensors = _fold_input(
        layers, tensors, shape, (factors * own * 2.0**exponent).astype(np.float32),
        (shifts * own - summands).astype(np.float32),
    )  # fmt: skip
    architecture = Architecture(shape, exponent, layers)
    tensor_shapes(architecture)
    extracted = Extracted(architecture, flat_parameters(architecture, tensors))
    _check_equal(graph, extracted, convention, walk.ending)
    return extracted
