"""The layers of an ONNX graph, as the formulas need them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from minbits.capacity.network_shape import LayerShape, NetworkShape

_NEUTRAL_WORDS = """
Add Sub AveragePool GlobalAveragePool ReduceMean ReduceSum Flatten Reshape Transpose Concat
Squeeze Unsqueeze Identity Dropout Pad Slice Split Shape Gather Constant Cast Expand
ConstantOfShape DequantizeLinear
"""
# Linear in the activations, or without any arithmetic on them; reading stored integers as numbers
# among them, but not rounding activations to integers.
NEUTRAL = frozenset(_NEUTRAL_WORDS.split())
KINKED = frozenset({"Relu", "LeakyRelu", "Clip"})  # Clip has two kinks
# Linear operators with values of their own that belong to no layer: an embedding, a shift.
_OWN_VALUES = frozenset({"Gather", "Sub", "Concat"})
MONOTONE = frozenset({"Softmax", "LogSoftmax"})
# By operator: the place of the weights among its inputs, and that of the bias.
WEIGHTED = {
    "Conv": (1, 2), "Gemm": (1, 2), "MatMul": (1, None), "ConvInteger": (1, None),
    "MatMulInteger": (1, None), "QLinearConv": (3, 8), "QLinearMatMul": (3, None),
}  # fmt: skip
_CONVOLUTIONS = frozenset({"Conv", "ConvInteger", "QLinearConv"})
# What gives stored values in another arrangement or number format.
REARRANGING = frozenset({
    "Transpose", "Identity", "Reshape", "Cast", "DequantizeLinear", "Squeeze", "Unsqueeze",
    "Flatten", "QuantizeLinear",
})  # fmt: skip


def attribute(node: Any, name: str, usual: Any) -> Any:
    """Return an attribute of a node as a plain value."""
    for item in node.attribute:
        if item.name == name:
            return list(item.ints) if item.ints else item.i
    return usual


class GraphReader:
    """Walks the nodes of a graph in order and collects its layers.

    Args:
        dimensions: of every initialiser by name, and of what nodes make of initialisers alone.
        outputs: values of each named tensor for one example, where shape inference knows them.
        floats: names of the initialisers of numbers, which may be trained.
    """

    def __init__(
        self,
        dimensions: Mapping[str, tuple[int, ...]],
        outputs: Mapping[str, int],
        floats: Collection[str],
    ) -> None:
        self._dimensions = dimensions
        self._floats = floats
        self._outputs = outputs
        self._origins = {name: name for name in dimensions}
        self.layers: list[LayerShape] = []
        self.names: dict[str, str] = {}
        self.has_branches = False
        self.has_repeats = False
        self.is_whole = True
        self.foreign: list[str] = []
        self.counted: set[str] = set()
        self._used: set[str] = set()
        self._monotone = False

    def read(self, nodes: Any) -> None:
        """Read every node."""
        for node in nodes:
            inputs = [name for name in node.input if name]
            if node.op_type in REARRANGING and inputs and inputs[0] in self._origins:
                # Scales and zero points of stored integers belong to them.
                self._origins.update(dict.fromkeys(node.output, self._origins[inputs[0]]))
                if node.op_type == "DequantizeLinear":
                    self.counted.update(inputs[1:])
                continue
            weights = [name for name in inputs if name in self._dimensions]
            own = [name for name in weights if name in self._floats and self._dimensions[name]]
            if node.op_type in _OWN_VALUES and own:
                self.is_whole = False
            place, bias = WEIGHTED.get(node.op_type, (0, None))
            if place and len(node.input) > place and node.input[place] in self._dimensions:
                self._weighted(node, node.input[place], bias)
            elif node.op_type in ("MatMul", "Gemm") and weights[:1] == list(node.input[:1]):
                self._weighted(node, node.input[0], bias)
            elif self.layers:
                self._follow(node, weights)

    def unseen(self, trained: Collection[str]) -> tuple[str, ...]:
        """Return the names of trained tensors that no layer accounts for."""
        return tuple(name for name in trained if name not in self.counted)

    def origin(self, name: str) -> str:
        """Return the initialiser that a value is another arrangement of."""
        return self._origins.get(name, name)

    def _weighted(self, node: Any, weights: str, bias_place: int | None) -> None:
        if self._monotone:
            self._mark_foreign("Softmax inside the network")
        origin = self.origin(weights)
        self.has_repeats |= origin in self._used
        self._used.add(origin)
        dimensions = self._dimensions[weights]
        is_convolution = node.op_type in _CONVOLUTIONS
        is_first = weights == node.input[0]  # a matrix from the left
        transposed = node.op_type == "Gemm" and attribute(node, "transB", 0)
        rows = dimensions[0] if is_convolution or transposed or is_first else dimensions[-1]
        fan_in = math.prod(dimensions) // rows
        outputs = self._outputs.get(node.output[0], rows)
        bias = bias_place is not None and len(node.input) > bias_place
        self.counted.update(self.origin(name) for name in node.input if name in self._origins)
        label = node.name or origin.rpartition(".")[0] or origin
        self.names[node.output[0]] = label
        positions = max(1, outputs // rows)
        kind = "convolution" if is_convolution else "linear"
        self.layers.append(
            LayerShape(label, kind, fan_in, rows, positions, bias, "linear", outputs)
        )

    def _replace_last(self, **changes: Any) -> None:
        self.layers[-1] = LayerShape(**{**vars(self.layers[-1]), **changes})

    def _mark_foreign(self, name: str) -> None:
        self.foreign.append(name)
        self._replace_last(units="other")

    def _follow(self, node: Any, weights: list[str]) -> None:
        outputs = self._outputs.get(node.output[0], self.layers[-1].outputs)
        if node.op_type in KINKED:
            if self.layers[-1].units == "linear":
                self._replace_last(units="piecewise linear")
            if node.op_type == "Clip":
                self._replace_last(comparisons=self.layers[-1].comparisons + outputs)
        elif node.op_type == "MaxPool":
            window = math.prod(attribute(node, "kernel_shape", [2, 2]))
            more = outputs * window * (window - 1) // 2
            self._replace_last(comparisons=self.layers[-1].comparisons + more)
        elif node.op_type == "BatchNormalization" and self.layers[-1].units == "linear":
            self._replace_last(bias=True)
            self.counted.update(map(self.origin, node.input[1:]))
            outputs = self.layers[-1].outputs
        elif node.op_type in MONOTONE:
            self._monotone = True
        elif node.op_type == "Add" and weights:
            self._replace_last(bias=True)
            if math.prod(self._dimensions[weights[0]]) in (1, self.layers[-1].rows):
                self.counted.update(map(self.origin, weights))
        elif node.op_type in NEUTRAL:
            self.has_branches |= node.op_type in ("Add", "Concat") and not weights
        else:
            self._mark_foreign(node.op_type)
        self._replace_last(outputs=outputs)

    def shape(self, name: str, inputs: int, trained: Collection[str] = ()) -> NetworkShape | None:
        """Return what was read; None where no layer had weights."""
        if not self.layers:
            return None
        is_chain = not (self.has_branches or self.has_repeats)
        unseen = self.unseen(trained)
        is_whole = self.is_whole and not unseen
        return NetworkShape(name, inputs, tuple(self.layers), is_chain, is_whole, unseen)
