"""The layers of an ONNX graph, as the formulas need them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from minbits.capacity.network_shape import LayerShape, NetworkShape

_NEUTRAL_WORDS = """
Add Sub AveragePool GlobalAveragePool ReduceMean ReduceSum Flatten Reshape Transpose Concat
Squeeze Unsqueeze Identity Dropout Pad Slice Split Shape Gather Constant Cast Expand
ConstantOfShape
"""
# Linear in the activations, or without any arithmetic on them.
NEUTRAL = frozenset(_NEUTRAL_WORDS.split())
KINKED = frozenset({"Relu", "LeakyRelu", "Clip"})  # Clip has two kinks
# Linear operators with values of their own that belong to no layer: an embedding, a shift.
_OWN_VALUES = frozenset({"Gather", "Sub", "Concat"})
MONOTONE = frozenset({"Softmax", "LogSoftmax"})
WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})


def attribute(node: Any, name: str, usual: Any) -> Any:
    """Return an attribute of a node as a plain value."""
    for item in node.attribute:
        if item.name == name:
            return list(item.ints) if item.ints else item.i
    return usual


class GraphReader:
    """Walks the nodes of a graph in order and collects its layers.

    Args:
        dimensions: of every initialiser by name.
        outputs: values of each named tensor for one example, where shape inference knows them.
        floats: names of the initialisers of floating-point values, which may be trained.
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
        self.layers: list[LayerShape] = []
        self.names: dict[str, str] = {}
        self.has_branches = False
        self.has_repeats = False
        self.is_whole = True
        self.foreign: list[str] = []
        self._used: set[str] = set()
        self._monotone = False

    def read(self, nodes: Any) -> None:
        """Read every node."""
        for node in nodes:
            weights = [name for name in node.input if name in self._dimensions]
            own = [name for name in weights if name in self._floats and self._dimensions[name]]
            if node.op_type in _OWN_VALUES and own:
                self.is_whole = False
            if node.op_type in WEIGHTED and len(node.input) > 1 and weights:
                self._weighted(node, weights)
            elif self.layers:
                self._follow(node, weights)

    def _weighted(self, node: Any, weights: list[str]) -> None:
        if self._monotone:
            self._mark_foreign("Softmax inside the network")
        self.has_repeats |= weights[0] in self._used
        self._used.add(weights[0])
        dimensions = self._dimensions[weights[0]]
        transposed = node.op_type == "Gemm" and attribute(node, "transB", 0)
        rows = dimensions[0] if node.op_type == "Conv" or transposed else dimensions[-1]
        fan_in = math.prod(dimensions) // rows
        outputs = self._outputs.get(node.output[0], rows)
        kind = "convolution" if node.op_type == "Conv" else "linear"
        bias = len(node.input) > 2
        label = node.name or weights[0].rpartition(".")[0] or weights[0]
        self.names[node.output[0]] = label
        positions = max(1, outputs // rows)
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
            outputs = self.layers[-1].outputs
        elif node.op_type in MONOTONE:
            self._monotone = True
        elif node.op_type == "Add" and weights:
            self._replace_last(bias=True)
        elif node.op_type in NEUTRAL:
            self.has_branches |= node.op_type in ("Add", "Concat") and not weights
        else:
            self._mark_foreign(node.op_type)
        self._replace_last(outputs=outputs)

    def shape(self, name: str, inputs: int) -> NetworkShape | None:
        """Return what was read; None where no layer had weights."""
        if not self.layers:
            return None
        is_chain = not (self.has_branches or self.has_repeats)
        return NetworkShape(name, inputs, tuple(self.layers), is_chain, self.is_whole)
