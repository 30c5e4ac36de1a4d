"""Traces a PyTorch module to its graph of calls, with the shape of every value.

What every handler needs to say about a call it cannot convert is here too: the path of the call in
the module, what was met, and what is supported.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from minbits.errors import NetworkError
from minbits.layers.activations import ACTIVATIONS
from minbits.layers.base import Shape
from minbits.layers.registry import LAYERS

_EXAMPLES = 2


@dataclass(frozen=True)
class Graph:
    """A traced module and what one example looks like to it.

    Attributes:
        module: the traced module, in evaluation mode.
        example_shape: of the tensor that it takes, without the batch.
    """

    module: fx.GraphModule
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
    found = node.meta.get("tensor_meta")
    shape = getattr(found, "shape", None)
    return None if shape is None else tuple(shape)


def trace(module: nn.Module, shape: Shape) -> Graph:
    """Trace ``module`` on examples of ``shape``, in evaluation mode.

    Raises:
        NetworkError: if it takes no such examples, or its calls depend on the values.
    """
    module = module.eval().cpu().float()
    form = _form_taken(module, shape)
    try:
        traced = fx.symbolic_trace(module)
        ShapeProp(traced).propagate(torch.zeros(_EXAMPLES, *form))
    # fx runs the module's own code, which may raise anything on values that are not there.
    except Exception as error:
        raise NetworkError(
            "module", f"code that cannot be traced ({str(error).splitlines()[0]})",
            "a forward pass whose calls do not depend on the values",
            "Write it without branches on tensors.",
        ) from error  # fmt: skip
    return Graph(traced, form)
