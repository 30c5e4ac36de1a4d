"""How PyTorch's calls join the chain: each layer recognises its own, the rest is here."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional

from minbits.errors import NetworkError
from minbits.layers.activations import ACTIVATIONS
from minbits.layers.addition import Addition
from minbits.layers.base import RunLayer, Shape
from minbits.layers.pooling import Pooling
from minbits.layers.registry import LAYERS
from minbits.layers.torch_call import Converter, TorchCall, as_array
from minbits.networks.chain import Chain, Value
from minbits.networks.module_graph import shape_at, unsupported
from minbits.networks.parameters import PlainTensors


class Reader:
    """A call, as layers see it (`minbits.layers.torch_call.TorchCall`).

    Attributes:
        chain: under construction.
        node: the call.
        value: its first argument as an activation of the chain.
        joins: whether the call may change the layer before in place, since nothing else reads it.
        uses: how often each module is called.
    """

    def __init__(
        self, chain: Chain, node: fx.Node, value: Value, joins: bool, uses: dict[int, int]
    ) -> None:
        self.chain, self.node, self.value, self.joins, self.uses = chain, node, value, joins, uses

    def need_newest(self) -> None:
        """Refuse a call that reads an older activation: a chain has no branches."""
        if not self.chain.is_newest(self.value):
            raise unsupported(
                self.node, "a branch with layers of its own", "a chain with residual sums"
            )

    def joins_layer(self) -> bool:
        """Whether the layer before may be changed in place."""
        return self.joins and self.chain.is_newest(self.value)

    @property
    def shape(self) -> Shape:
        """The shape of the newest activation."""
        return self.chain.shape

    @property
    def result_shape(self) -> tuple[int, ...] | None:
        """The shape of what the call returns, with its batch; None where it is no tensor."""
        return shape_at(self.node)

    @property
    def given_shape(self) -> tuple[int, ...]:
        """The shape of what the call is given first, with its batch."""
        given = self.node.args[0]
        assert isinstance(given, fx.Node)
        return shape_at(given) or ()

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        """Return an argument of the call by its place or its name."""
        args, kwargs = self.node.args, self.node.kwargs
        return kwargs.get(name, args[place] if len(args) > place else default)

    def unsupported(self, got: str, expected: str | None = None) -> NetworkError:
        """Return the error that names the place of the call and what is supported."""
        return unsupported(self.node, got, expected)

    def append(
        self, layer: RunLayer, tensors: PlainTensors | None = None, key: object = None
    ) -> Value:
        """Append a layer to the chain and return its output."""
        return self.chain.append(layer, tensors, key)

    def activate(self, key: str) -> Value:
        """Apply an activation, in the layer before where that is possible."""
        self.need_newest()
        chain = self.chain
        last = chain.links[-1].layer if chain.links else None
        joins = self.joins_layer()
        is_maximum = isinstance(last, Pooling) and last.kind == "max"
        if joins and is_maximum and ACTIVATIONS[key].never_falls:
            # A rising function may as well come before the maximum, in the layer that made the
            # values.
            pooling = chain.links.pop()
            before = chain.links[-1] if chain.links else None
            if before and getattr(before.layer, "activation", None) == "none":
                chain.activate(key, True)
                return chain.append(pooling.layer)
            chain.links.append(pooling)
        return chain.activate(key, joins)


def _batch_norm(reader: Any, module: Any) -> Any:
    reader.need_newest()
    if module.running_mean is None or module.running_var is None:
        raise unsupported(reader.node, "batch norm without running statistics", "with them")
    deviation = np.sqrt(as_array(module.running_var).astype(np.float64) + module.eps)
    scale = np.ones_like(deviation) if module.weight is None else as_array(module.weight)
    shift = np.zeros_like(deviation) if module.bias is None else as_array(module.bias)
    factors = scale / deviation
    summands = shift - as_array(module.running_mean) * factors
    joins = reader.joins_layer() and _last_is_used_once(reader)
    return reader.chain.scale(factors.astype(np.float32), summands.astype(np.float32), joins)


def _last_is_used_once(reader: Reader) -> bool:
    links = reader.chain.links
    return not links or reader.uses.get(id(links[-1].key), 1) == 1


def _same(call: TorchCall, module: Any) -> Any:
    return call.value


def _flatten(call: TorchCall, module: Any) -> Any:
    """Accept what only rearranges all values of an example, channel by channel."""
    shape = call.result_shape
    present = [side for side in call.shape if side > 1]
    found = None if shape is None else [side for side in shape[1:] if side > 1]
    if found not in (present, [math.prod(present)], [] if math.prod(present) == 1 else None):
        raise call.unsupported(f"values rearranged to {shape}", "flattening")
    call.need_newest()
    return call.value


def add(reader: Reader, other: Value) -> Value:
    """Join a residual sum: one of the two values is the newest, the other an earlier one."""
    chain = reader.chain
    newest, earlier = reader.value, other
    if not chain.is_newest(newest):
        newest, earlier = earlier, newest
    if not chain.is_newest(newest) or not chain.is_current(earlier):
        raise unsupported(reader.node, "a sum of two branches", "a chain with residual sums")
    back = newest.number - earlier.number
    if back < 1:
        raise unsupported(reader.node, "a value plus itself", "a sum with an earlier value")
    return chain.append(Addition(back))


# What is no layer of its own: it changes the one before, or only how values are arranged.
_JOINED: Mapping[Any, Converter] = {
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d), _batch_norm),
    **dict.fromkeys(
        (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Identity, functional.dropout,
         functional.dropout2d, "contiguous", "float"),
        _same,
    ),
    **dict.fromkeys(
        (nn.Flatten, torch.flatten, torch.reshape, torch.squeeze, "flatten", "view", "reshape",
         "squeeze", operator.getitem),  # the last where it only adds axes
        _flatten,
    ),
}  # fmt: skip


def converters() -> dict[Any, Converter]:
    """Return the converters by the class of a module, a function, or a method's name."""
    found = dict(_JOINED)
    for layer in LAYERS.values():
        found.update(layer.torch_converters(torch))
    for activation in ACTIVATIONS.values():
        found.update(activation.converters(torch))
    return found


ADDITIONS: frozenset[Any] = frozenset({operator.add, operator.iadd, torch.add, "add", "add_"})
ENDINGS: frozenset[Any] = frozenset(
    {torch.softmax, torch.log_softmax, functional.softmax, functional.log_softmax,
     "softmax", "log_softmax", nn.Softmax, nn.LogSoftmax}
)  # fmt: skip
