"""Modules and checkpoints from outside, read so that a checkpoint runs no code.

A module is named ``package.module:callable`` or ``file.py:callable``; importing it runs its code,
as running it would. A checkpoint holds tensors alone (`minbits.networks.tensor_file`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.errors import ArgumentError, NetworkError
from minbits.layers.base import Shape
from minbits.networks.grammar import parse_layers
from minbits.networks.model_options import ModelOptions
from minbits.networks.tensor_file import TensorFile, listed
from minbits.networks.to_torch import to_torch
from minbits.networks.user_code import import_named
from minbits.networks.user_module import reason_of, unwrapped

_COMPILED = "_orig_mod."  # what torch.compile puts before names
_COUNTER = "num_batches_tracked"
_LONGEST_LINE = 300


def open_module(
    model: nn.Module | str | Path, options: ModelOptions, shape: tuple[int, ...] | None
) -> nn.Module:
    """Return the module that a user means.

    Args:
        model: a module, what `load_module` takes, or a checkpoint together with its layers.
        options: its weights and layers.
        shape: of one example; needed with layers.

    Raises:
        ArgumentError: if there is no such module, or an option does not go with it.
        NetworkFileError: if a checkpoint cannot be read.
        NetworkError: if a checkpoint's tensors are not those of the module.
    """
    if isinstance(model, nn.Module):
        if options.weights is not None or options.layers is not None:
            raise ArgumentError(
                "`weights`, `layers`", "one of them", "neither with a module that is given itself",
                "Load the weights into it first.",
            )  # fmt: skip
        return model
    if options.layers is not None:
        module = module_of(Path(model), options.layers, image_shape(shape))
    else:
        module = load_module(str(model))
    if options.weights is not None:
        load_weights(module, Path(options.weights))
    return module


def image_shape(shape: tuple[int, ...] | None) -> Shape:
    """Return a shape of three sizes.

    Raises:
        ArgumentError: if it is another one, or none.
    """
    if shape is None or len(shape) != 3:
        got = "nothing" if shape is None else "x".join(map(str, shape))
        raise ArgumentError(
            "`input`", got, "channels, height and width, as 1x28x28, or `data`", "Give one."
        )
    return (shape[0], shape[1], shape[2])


def load_module(spec: str) -> nn.Module:
    """Return the module that ``spec`` names: a callable without arguments, or a module itself.

    Raises:
        ArgumentError: if it cannot be imported, or gives no `torch.nn.Module`.
    """
    where, separator, name = spec.rpartition(":")
    if not separator or not name.isidentifier():
        raise ArgumentError(
            spec, "no module and name", "package.module:callable or file.py:callable",
            "Name a function that returns the module.",
        )  # fmt: skip
    try:
        found: Any = getattr(import_named(where), name)
        module = found if isinstance(found, nn.Module) else found()
    except ArgumentError:
        raise
    except (Exception, SystemExit) as error:  # the code of others may raise anything
        raise ArgumentError(
            spec, reason_of(error), "a callable without arguments",
            "Check the name; it is looked up from the current folder.",
        ) from error  # fmt: skip
    if not isinstance(module, nn.Module):
        raise ArgumentError(
            spec, type(module).__name__, "a torch.nn.Module", "Return the module itself."
        )
    return module


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by name; what else stands among them is left out.

    Raises:
        NetworkFileError: if the file cannot be read, wants to run code, or holds no tensors.
    """
    file = TensorFile(path)
    found = file.read()
    tensors = {
        str(name).replace(_COMPILED, ""): value
        for name, value in found.items()
        if isinstance(value, Tensor)
    }
    if not tensors:
        raise file.refuse(
            f"no tensors by name (its keys: {listed(found)})",
            "a state dictionary, names to tensors", "Save module.state_dict().",
        )  # fmt: skip
    return tensors


def load_weights(module: nn.Module, path: Path) -> None:
    """Load a checkpoint into a module, by the names behind a prefix that its wrapper added.

    Raises:
        NetworkFileError: if the checkpoint cannot be read.
        NetworkError: if names or shapes do not fit the module.
    """
    module, tensors = unwrapped(module), read_tensors(path)
    own = module.state_dict()
    found = _without_prefix(tensors, own)
    # Old checkpoints, and files of other programs, have no counters of batches.
    found |= {name: own[name] for name in own if name.endswith(_COUNTER) and name not in found}
    integers = [
        name
        for name, value in found.items()
        if name in own and own[name].is_floating_point() and not value.is_floating_point()
    ]
    if integers:
        raise NetworkError(
            str(path), f"integers for {listed(integers)}", "floating-point weights",
            "Multiply them by their scales first; `minbits audit` takes the checkpoint alone.",
        )  # fmt: skip
    try:
        module.load_state_dict(found)
    except RuntimeError as error:
        lines = [line.strip()[:_LONGEST_LINE] for line in str(error).splitlines() if line.strip()]
        raise NetworkError(
            str(path), f"{'; '.join(lines[1:3] or lines[:1])}; its tensors: {listed(tensors)}",
            f"the tensors of the module: {listed(own)}", "Use the checkpoint of this module.",
        ) from error  # fmt: skip


def _without_prefix(tensors: dict[str, Tensor], own: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors behind the prefix under which all names of a module are found.

    Wrappers add one: ``module.``, ``model.``, ``net.``. Without such a prefix, and where the names
    fit as they are, nothing changes.
    """
    wanted = {name for name in own if not name.endswith(_COUNTER)}
    parts = {name: name.split(".") for name in tensors}
    prefixes = {
        ".".join(words[:count]) + "." for words in parts.values() for count in range(1, len(words))
    }
    for prefix in ("", *sorted(prefixes, key=lambda text: (len(text), text))):
        found = {
            name.removeprefix(prefix): value
            for name, value in tensors.items()
            if name.startswith(prefix)
        }
        if wanted <= found.keys():
            return found
    return dict(tensors)


def module_of(path: Path, layers: str, shape: Shape) -> nn.Module:
    """Return a module of the layers that a text describes, with a checkpoint's tensors in order.

    Args:
        path: of the checkpoint.
        layers: in the grammar of `minbits.networks.grammar`.
        shape: of one example.

    Raises:
        NetworkFileError: if the checkpoint cannot be read.
        NetworkError: if its tensors are not those of the layers, in order.
    """
    architecture = Architecture(shape, 0, parse_layers(layers, shape[0]))
    tensors = list(read_tensors(path).values())
    wanted: list[tuple[int, ...]] = []
    for found in tensor_shapes(architecture):
        wanted += [found.weights] + ([] if found.bias is None else [(found.bias,)])
    got = [tuple(tensor.shape) for tensor in tensors]
    if [math.prod(part) for part in got] != [math.prod(part) for part in wanted]:
        raise NetworkError(
            str(path), f"tensors of shapes {got}", f"{wanted}, in this order",
            "Correct `layers`, or name the module that the checkpoint is of.",
        )  # fmt: skip
    flat = torch.cat([tensor.detach().float().flatten() for tensor in tensors])
    levels = [
        QuantizedLayer(
            QuantizedTensor(np.zeros(part.weights, np.int32), 0),
            None if part.bias is None else QuantizedTensor(np.zeros(part.bias, np.int32), 0),
        )
        for part in tensor_shapes(architecture)
    ]
    module = to_torch(QuantizedNetwork(architecture, tuple(levels)))
    nn.utils.vector_to_parameters(flat, module.parameters())
    return module
