"""Traces a PyTorch module to its graph of calls, with the shape of every value.

What every handler needs to say about a call it cannot convert is here too: the path of the call in
the module, what was met, and what is supported.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from minbits.errors import NetworkError
from minbits.layers.activations import ACTIVATIONS
from minbits.layers.base import Shape
from minbits.layers.registry import LAYERS
from minbits.networks.user_module import (
    form_taken,
    number_type,
    reason_of,
    runnable,
    unwrapped,
)

_EXAMPLES = 2


@dataclass(frozen=True)
class Graph:
    """A traced module and what one example looks like to it.

    Attributes:
        calls: in order; each knows what it gives on a batch (``meta["example"]``), and whether that
            is the same for every input (``meta["is_constant"]``).
        module: what was traced, in evaluation mode, in float32.
        example_shape: of the tensor that it takes, without the batch.
    """

    calls: fx.Graph
    module: nn.Module
    example_shape: tuple[int, ...]


def path_of(node: fx.Node) -> str:
    """Return where in the module a call stands, such as ``features.3``."""
    if node.op == "call_module":
        return str(node.target)
    stack = node.meta.get("nn_module_stack") or {}
    inside = [str(path) for path, _ in stack.values() if str(path)]
    return f"{inside[-1]}, call '{node.name}'" if inside else f"call '{node.name}'"


def _supported() -> str:
    """Return what a module may be made of."""
    layers = [layer.torch_usage for layer in LAYERS.values()]
    activations = [activation.torch_usage for activation in ACTIVATIONS.values()]
    others = ("BatchNorm", "Dropout", "Flatten", "Softmax at the end")
    return "; ".join(filter(None, (*layers, ", ".join(filter(None, activations)), *others)))


def unsupported(node: fx.Node, got: str, expected: str | None = None) -> NetworkError:
    """Return the error that names a call's place and what is supported."""
    return NetworkError(
        f"module, {path_of(node)}", got, expected or _supported(),
        "Replace that layer, then compress again.",
    )  # fmt: skip


def shape_at(node: fx.Node) -> tuple[int, ...] | None:
    """Return the shape of a call's result with its batch, None where it is no tensor."""
    found = node.meta.get("example")
    return tuple(found.shape) if isinstance(found, Tensor) else None


def constant_at(value: Any) -> Any:
    """Return an argument that is the same for every input: a number, or a tensor; else None."""
    if isinstance(value, fx.Node):
        return value.meta["example"] if value.meta.get("is_constant") else None
    return value if isinstance(value, int | float) else None


class _ShapedProxy(fx.Proxy):
    """A value of a trace that knows the tensor which it stands for."""

    def __getattr__(self, name: str) -> Any:
        """Return an attribute: of shapes and kinds the value itself, so that code may branch."""
        example = self.node.meta.get("example")
        found = getattr(example, name, None) if name in _PLAIN_ATTRIBUTES else None
        if isinstance(found, Tensor):
            return self.tracer.create_proxy("call_function", getattr, (self, name), {})
        return super().__getattr__(name) if found is None else found

    def __len__(self) -> int:
        """Return the length of the tensor."""
        return len(self.node.meta["example"])


_PLAIN_ATTRIBUTES = ("shape", "ndim", "dtype", "device", "is_cuda", "requires_grad", "T", "mT")


class _ShapedTracer(fx.Tracer):
    """Records the calls of a module on one batch, which is computed along the way.

    What is no tensor (a shape, a length, a truth of them) is a plain value, so that code may branch
    on it. Arguments with defaults have these.
    """

    def __init__(self, example: Tensor) -> None:
        super().__init__()
        self._example = example
        self._is_computing = False

    def create_args_for_root(
        self, root_fn: Any, is_module: bool, concrete_args: Any = None
    ) -> tuple[Any, list[Any]]:
        """Return the forward pass and its arguments: the module, and one batch."""
        return root_fn, [self.root, self.create_proxy("placeholder", "x", (), {})]

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """Return what stands for a node."""
        return _ShapedProxy(node, self)

    def call_module(
        self, m: nn.Module, forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Record a call of a module; of a wrapper, that of what is inside."""
        if self._is_computing:
            return forward(*args, **kwargs)
        inside = unwrapped(m)
        if inside is not m:
            return inside(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Return an attribute of a module: of a parameter, what stands for it in the trace."""
        if self._is_computing:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def create_arg(self, a: Any) -> Any:
        """Return an argument of a call; a tensor is one that no input changes."""
        if not isinstance(a, Tensor):
            return super().create_arg(a)
        node = self.create_node("get_attr", "constant", (), {})
        node.meta.update(example=a.detach(), is_constant=True)
        return node

    def to_bool(self, obj: fx.Proxy) -> bool:
        """Return the truth of what no input changes."""
        if obj.node.meta.get("is_constant"):
            return bool(obj.node.meta["example"])
        return super().to_bool(obj)

    def iter(self, obj: fx.Proxy) -> Iterator[Any]:
        """Return the parts of a value."""
        parts: Any = obj
        return iter([parts[place] for place in range(len(obj.node.meta["example"]))])

    def create_proxy(
        self, kind: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any],
        *more: Any, **others: Any,
    ) -> Any:  # fmt: skip
        """Record a call and compute it."""
        proxy = super().create_proxy(kind, target, args, kwargs, *more, **others)
        node = proxy.node
        self._is_computing = True
        try:
            example = self._computed(node)
        finally:
            self._is_computing = False
        if not _has_tensors(example):
            return example
        node.meta["example"] = example
        parents = [parent for parent in node.all_input_nodes if "example" in parent.meta]
        node.meta["is_constant"] = kind == "get_attr" or (
            bool(parents) and all(parent.meta["is_constant"] for parent in parents)
        )
        return proxy

    def _computed(self, node: fx.Node) -> Any:
        """Return what a call gives on the batch."""
        if node.op == "placeholder":
            return self._example
        args = fx.node.map_arg(node.args, lambda part: part.meta["example"])
        kwargs = fx.node.map_arg(node.kwargs, lambda part: part.meta["example"])
        if node.op == "call_function":
            function: Any = node.target
            return function(*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        owner: Any = self.root
        for part in str(node.target).split("."):
            owner = getattr(owner, part)
        return owner(*args, **kwargs) if node.op == "call_module" else owner


def _has_tensors(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(map(_has_tensors, value))
    return isinstance(value, Tensor)


def trace(module: nn.Module, shape: Shape) -> Graph:
    """Trace ``module`` on examples of ``shape``, in evaluation mode.

    Raises:
        NetworkError: if it takes no such examples, or its calls depend on the values.
    """
    module = unwrapped(module)
    module = runnable(module)
    form = form_taken(module, shape)
    if number_type(module) != torch.float32:
        module = copy.deepcopy(module).float()
    module = module.eval()
    tracer = _ShapedTracer(torch.zeros(_EXAMPLES, *form))
    try:
        with torch.no_grad():
            graph = tracer.trace(module)
    # fx runs the module's own code, which may raise anything on values that are not there.
    except Exception as error:
        raise NetworkError(
            "module", f"code that cannot be traced ({reason_of(error)})",
            "a forward pass whose calls do not depend on the values",
            "Write it without branches on tensors.",
        ) from error  # fmt: skip
    return Graph(graph, module, form)
