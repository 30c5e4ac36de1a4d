"""How PyTorch's calls join the chain: each layer recognises its own, the rest is here."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from minbits.errors import NetworkError
from minbits.layers.activations import ACTIVATIONS
from minbits.layers.addition import Addition
from minbits.layers.base import RunLayer, Shape
from minbits.layers.pooling import Pooling
from minbits.layers.registry import LAYERS
from minbits.layers.torch_call import Converter, TorchCall, as_array
from minbits.networks.chain import Chain, Value
from minbits.networks.module_graph import constant_at, shape_at, unsupported
from minbits.networks.parameters import PlainTensors


class Reader:
    """A call, as layers see it (`minbits.layers.torch_call.TorchCall`).

    Attributes:
        chain: under construction.
        node: the call.
        value: its first argument as an activation of the chain.
        joins: whether the call may change the layer before in place, since nothing else reads it.
        uses: how often each tensor of weights is called with, by its place in memory.
    """

    def __init__(
        self, chain: Chain, node: fx.Node, value: Value, joins: bool, uses: Mapping[int, int]
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

    def constant(self, place: int, name: str) -> Any:
        """Return a tensor or number among the arguments that is the same for every input."""
        return constant_at(self.argument(place, name))

    def key_of(self, weight: Any, bias: Any = None) -> object:
        """Return what calls with the same weights and bias have in common."""
        self.chain.kept += [weight, bias]  # so that no other tensor gets their places
        return (weight.data_ptr(), 0 if bias is None else bias.data_ptr())

    def unsupported(self, got: str, expected: str | None = None) -> NetworkError:
        """Return the error that names the place of the call and what is supported."""
        return unsupported(self.node, got, expected)

    def append(
        self, layer: RunLayer, tensors: PlainTensors | None = None, key: object = None
    ) -> Value:
        """Append a layer to the chain and return its output."""
        return self.chain.append(layer, tensors, key)

    def append_affine(self, factors: Any, summands: Any) -> Value:
        """Append a factor and a summand a channel and return their output."""
        return self.chain.append_affine(factors, summands)

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
    return _normalised(
        reader, module.running_mean, module.running_var, module.weight, module.bias, module.eps
    )


def _batch_norm_call(reader: Any, module: Any) -> Any:
    mean, variance, weight, bias = (
        reader.constant(place, name) for place, name in enumerate(_BATCH_NORM, 1)
    )
    return _normalised(reader, mean, variance, weight, bias, reader.argument(7, "eps", 1e-5))


_BATCH_NORM = ("running_mean", "running_var", "weight", "bias")


def _normalised(
    reader: Reader, mean: Any, variance: Any, weight: Any, bias: Any, epsilon: float
) -> Value:
    reader.need_newest()
    if mean is None or variance is None:
        raise unsupported(reader.node, "batch norm without running statistics", "with them")
    deviation = np.sqrt(as_array(variance).astype(np.float64) + epsilon)
    scale = np.ones_like(deviation) if weight is None else as_array(weight)
    shift = np.zeros_like(deviation) if bias is None else as_array(bias)
    factors = scale / deviation
    summands = shift - as_array(mean) * factors
    return _scaled(reader, factors, summands)


def _scaled(reader: Reader, factors: Any, summands: Any) -> Value:
    """Apply a factor and a summand a channel, in the layer before where that is possible."""
    if len(factors) != reader.shape[0]:
        raise unsupported(
            reader.node, f"{len(factors)} factors for {reader.shape[0]} channels", "one a channel"
        )
    joins = reader.joins_layer() and _last_is_used_once(reader)
    return reader.chain.scale(factors.astype(np.float32), summands.astype(np.float32), joins)


def _last_is_used_once(reader: Reader) -> bool:
    links = reader.chain.links
    key = links[-1].key if links else None
    return not isinstance(key, tuple) or reader.uses.get(key[0], 1) == 1


def scale_by_constant(reader: Reader, name: str, place: int) -> Value:
    """Apply a sum, a difference, a product or a quotient with a constant.

    Args:
        reader: of the call.
        name: ``add``, ``sub``, ``mul``, ``div`` or ``neg``.
        place: of the constant among the arguments.
    """
    reader.need_newest()
    channels = reader.shape[0]
    ones, zeros = np.ones(channels), np.zeros(channels)
    if name == "neg":
        return _scaled(reader, -ones, zeros)
    value = _by_channel(reader, constant_at(reader.node.args[place]))
    if name in ("add", "sub"):
        value = value * float(reader.argument(2, "alpha", 1))
    if name == "add":
        return _scaled(reader, ones, value)
    if name == "sub":
        return _scaled(reader, ones, -value) if place else _scaled(reader, -ones, value)
    if name == "div" and (place == 0 or not value.all()):
        raise unsupported(reader.node, "a quotient by activations or by 0", "one by a constant")
    return _scaled(reader, 1 / value if name == "div" else value, zeros)


def _by_channel(reader: Reader, constant: Any) -> Any:
    """Return a constant as one number a channel.

    Raises:
        NetworkError: if it is another for each place, or makes more values than there were.
    """
    shape, values = reader.result_shape or (), np.asarray(
        constant.detach().cpu() if isinstance(constant, Tensor) else constant, np.float64
    )  # fmt: skip
    count = math.prod(reader.shape)
    try:
        spread = np.broadcast_to(values, (1, *shape[1:])).reshape(reader.shape[0], -1)
    except ValueError:
        spread = np.zeros((0, 0))
    if spread.size != count or (spread != spread[:, :1]).any():
        raise unsupported(
            reader.node, f"a constant of shape {values.shape}", "one number, or one a channel"
        )
    return spread[:, 0].copy()


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
    **dict.fromkeys((functional.batch_norm, torch.batch_norm), _batch_norm_call),
    **dict.fromkeys(
        (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout, nn.FeatureAlphaDropout,
         nn.Identity, functional.dropout, functional.dropout1d, functional.dropout2d,
         functional.alpha_dropout, functional.feature_alpha_dropout, torch.dropout, "contiguous",
         "float", "to", "type", "clone", "detach"),
        _same,
    ),
    **dict.fromkeys(
        (nn.Flatten, nn.Unflatten, torch.flatten, torch.reshape, torch.squeeze, torch.unsqueeze,
         "flatten", "unflatten", "view", "reshape", "squeeze", "unsqueeze",
         operator.getitem),  # the last where it only adds axes
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


# Sums, differences, products and quotients, by the name that `scale_by_constant` has for them.
ARITHMETIC: Mapping[Any, str] = {
    **dict.fromkeys((operator.add, operator.iadd, torch.add, "add", "add_"), "add"),
    **dict.fromkeys((operator.sub, operator.isub, torch.sub, "sub", "sub_"), "sub"),
    **dict.fromkeys((operator.mul, operator.imul, torch.mul, "mul", "mul_"), "mul"),
    **dict.fromkeys((operator.truediv, operator.itruediv, torch.div, "div", "div_"), "div"),
    **dict.fromkeys((operator.neg, torch.neg, "neg"), "neg"),
}
# What changes no order of logits: it may be left out at the end.
ENDINGS: Mapping[Any, str] = {
    **dict.fromkeys((torch.softmax, functional.softmax, "softmax", nn.Softmax), "softmax"),
    **dict.fromkeys(
        (torch.log_softmax, functional.log_softmax, "log_softmax", nn.LogSoftmax), "log_softmax"
    ),
    **dict.fromkeys((torch.sigmoid, functional.sigmoid, "sigmoid", nn.Sigmoid), "sigmoid"),
}
