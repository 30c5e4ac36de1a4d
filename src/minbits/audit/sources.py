"""From what is named on a command line to a subject: a new kind of model is one new entry."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from minbits.audit.checkpoint_subject import checkpoint_subject, read_checkpoint
from minbits.audit.onnx_subject import onnx_subject
from minbits.audit.subject import Subject
from minbits.audit.torch_subject import torch_subject
from minbits.errors import ArgumentError, NetworkFileError
from minbits.networks.user_code import import_named

_MODULE_AND_CALLABLE = re.compile(r"([A-Za-z_][\w.]*|.+\.py):[A-Za-z_]\w*", re.DOTALL)


@dataclass(frozen=True)
class SourceSettings:
    """What a model needs to be known of beside its name.

    Attributes:
        input_shape: of one example; None where it is not known.
        input_exponent: inputs are multiplied by ``2 ** -input_exponent``.
        weights: a checkpoint to load into a module.
    """

    input_shape: tuple[int, ...] | None = None
    input_exponent: int = 0
    weights: Path | None = None


@dataclass(frozen=True)
class ModelSource:
    """One kind of source."""

    description: str
    accepts: Callable[[str], bool]
    open: Callable[[str, SourceSettings], Subject]


def load_module(text: str, weights: Path | None) -> nn.Module:
    """Return the module that ``package.module:callable`` or ``file.py:callable`` makes.

    Raises:
        ArgumentError: if there is no such callable, or it makes no module.
        NetworkFileError: if the weights do not fit it.
    """
    place, _, name = text.rpartition(":")
    expected = "MODULE:CALLABLE that returns a torch.nn.Module without arguments"
    try:
        made = getattr(import_named(place), name)()
    except ArgumentError:
        raise
    except Exception as error:  # the code of others may raise anything
        got = f"{type(error).__name__}: {error}"
        raise ArgumentError(f"'{text}'", got, expected, "Check module and name.") from error
    if not isinstance(made, nn.Module):
        raise ArgumentError(f"'{text}'", type(made).__name__, expected, "Return a module.")
    if weights is not None:
        state = read_checkpoint(weights)
        try:
            made.load_state_dict(state)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise NetworkFileError(
                str(weights), reason, f"the tensors of {text}", "Use its own checkpoint."
            ) from error
    return made


def _open_module(text: str, settings: SourceSettings) -> Subject:
    module = load_module(text, settings.weights)
    name = text.rpartition(":")[2]
    return torch_subject(module, name, settings.input_shape, settings.input_exponent)


SOURCES: tuple[ModelSource, ...] = (
    ModelSource(
        "file.onnx",
        lambda text: text.endswith(".onnx"),
        lambda text, settings: onnx_subject(Path(text), settings.input_exponent),
    ),
    ModelSource(
        "a checkpoint (.safetensors, .pt, .pth, .bin or .ckpt)",
        lambda text: text.endswith((".safetensors", ".pt", ".pth", ".bin", ".ckpt")),
        lambda text, settings: checkpoint_subject(Path(text)),
    ),
    ModelSource(
        "MODULE:CALLABLE", lambda text: bool(_MODULE_AND_CALLABLE.fullmatch(text)), _open_module
    ),
)


def open_model(text: str, settings: SourceSettings) -> Subject:
    """Return the subject that ``text`` names.

    Raises:
        ArgumentError: if it is of no known kind, or does not make a module.
        NetworkFileError: if a file is not valid.
        NetworkError: if a module does not take its inputs.
    """
    for source in SOURCES:
        if source.accepts(text):
            return source.open(text, settings)
    known = ", ".join(source.description for source in SOURCES)
    raise ArgumentError("model", f"'{text}'", known, "Name it as one of these.")
