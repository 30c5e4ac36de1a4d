"""From what is named on a command line to a subject: a new kind of model is one new entry."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from minbits.errors import ArgumentError
from minbits.model_audit.checkpoint_subject import checkpoint_subject
from minbits.model_audit.onnx_subject import onnx_subject
from minbits.model_audit.subject import Subject
from minbits.model_audit.torch_subject import torch_subject
from minbits.networks.checkpoint import open_module
from minbits.networks.input_convention import InputConvention, convention_of
from minbits.networks.model_options import ModelOptions
from minbits.networks.user_module import unwrapped

_MODULE_AND_CALLABLE = re.compile(r"([A-Za-z_][\w.]*|.+\.py):[A-Za-z_]\w*", re.DOTALL)
_CHECKPOINT_ENDINGS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".pth.tar", ".tar", ".th")


@dataclass(frozen=True)
class Inputs:
    """What a model is given.

    Attributes:
        shape: of one example; None where it is not known.
        convention: what is done to raw inputs.
    """

    shape: tuple[int, ...] | None
    convention: InputConvention


@dataclass(frozen=True)
class ModelSource:
    """One kind of source."""

    description: str
    accepts: Callable[[str, ModelOptions], bool]
    open: Callable[[str, ModelOptions, Inputs], Subject]


def names_module(model: str | Path) -> bool:
    """Return whether a text is ``package.module:callable`` or ``file.py:callable``."""
    return bool(_MODULE_AND_CALLABLE.fullmatch(str(model)))


def _open_module(text: str, options: ModelOptions, inputs: Inputs) -> Subject:
    module = open_module(text, options, inputs.shape)
    name = text.rpartition(":")[2] if options.layers is None else Path(text).name
    return torch_subject(module, name, inputs.shape, convention=inputs.convention)


SOURCES: tuple[ModelSource, ...] = (
    ModelSource(
        "file.onnx",
        lambda text, options: text.endswith(".onnx"),
        lambda text, options, inputs: onnx_subject(Path(text), convention=inputs.convention),
    ),
    ModelSource(
        f"a checkpoint ({', '.join(_CHECKPOINT_ENDINGS[:-1])} or {_CHECKPOINT_ENDINGS[-1]})",
        lambda text, options: options.layers is None and text.endswith(_CHECKPOINT_ENDINGS),
        lambda text, options, inputs: checkpoint_subject(Path(text)),
    ),
    ModelSource(
        "MODULE:CALLABLE",
        lambda text, options: options.layers is not None or names_module(text),
        _open_module,
    ),
)


def open_model(
    model: nn.Module | str | Path,
    options: ModelOptions,
    shape: tuple[int, ...] | None = None,
    exponent: int = 0,
) -> Subject:
    """Return the subject of a module, or of what a text names.

    Args:
        model: a module, ``package.module:callable``, ``file.py:callable``, an ONNX file or a
            checkpoint.
        options: its weights and layers.
        shape: of one example; None where it is not known.
        exponent: inputs are multiplied by ``2 ** -exponent`` where the options name no scale.

    Raises:
        ArgumentError: if it is of no known kind, or does not make a module.
        NetworkFileError: if a file is not valid.
        NetworkError: if a module does not take its inputs, or weights do not fit it.
    """
    convention = convention_of(options, 2.0**-exponent)
    if isinstance(model, nn.Module):
        module = open_module(model, options, shape)
        name = type(unwrapped(module)).__name__
        return torch_subject(module, name, shape, convention=convention)
    text = str(model)
    for source in SOURCES:
        if source.accepts(text, options):
            return source.open(text, options, Inputs(shape, convention))
    known = ", ".join(source.description for source in SOURCES)
    raise ArgumentError("model", f"'{text}'", known, "Name it as one of these.")
