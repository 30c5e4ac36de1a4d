"""Modules of others, made ready to be run: out of wrappers, on the CPU, in a form they take.

Whatever the code of such a module raises becomes one error.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from minbits.errors import NetworkError

_EXAMPLES = 2
_HALVES = (torch.float16, torch.bfloat16)
_LONGEST_REASON = 200


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the module inside wrappers: DataParallel, DistributedDataParallel, torch.compile."""
    while True:
        parallel = (nn.DataParallel, nn.parallel.DistributedDataParallel)
        inside = getattr(module, "module" if isinstance(module, parallel) else "_orig_mod", None)
        if not isinstance(inside, nn.Module):
            return module
        module = inside


def number_type(module: nn.Module) -> torch.dtype:
    """Return the type of a module's floating-point tensors, float32 where it has none."""
    found = (value.dtype for value in _values(module) if value.is_floating_point())
    return next(found, torch.float32)


def _values(module: nn.Module) -> list[Tensor]:
    values = [*module.parameters(), *module.buffers()]
    return [value for value in values if not is_lazy(value)]


def runnable(module: nn.Module) -> nn.Module:
    """Return the module, or a copy of it on the CPU and in float32 where it is of half precision.

    Raises:
        NetworkError: if its tensors have no values, or it cannot be copied.
    """
    values = _values(module)
    if any(value.is_meta for value in values):
        raise NetworkError(
            "module", "tensors without values (device 'meta')", "a module with its weights",
            "Load the weights first.",
        )  # fmt: skip
    is_half = any(value.dtype in _HALVES for value in values)
    if not is_half and all(value.device.type == "cpu" for value in values):
        return module
    try:
        copied = copy.deepcopy(module).cpu()
    except Exception as error:  # what a foreign module's copying raises
        raise NetworkError(
            "module", f"one that cannot be copied ({reason_of(error)})", "a module on the CPU",
            "Call module.cpu().float() first.",
        ) from error  # fmt: skip
    return copied.float() if is_half else copied


def reason_of(error: BaseException) -> str:
    """Return an error's kind and the first line of its message."""
    lines = str(error).strip().splitlines()
    return (
        f"{type(error).__name__}: {lines[0][:_LONGEST_REASON]}" if lines else type(error).__name__
    )


def example_forms(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the shapes that modules take examples in: image, sequence, rows, vector."""
    if len(shape) != 3:
        return (shape,)
    channels, height, width = shape
    forms: list[tuple[int, ...]] = [shape]
    if height == 1:
        forms.append((channels, width))
    forms.append((channels * height * width,))
    if channels == 1 and height > 1:
        forms.append((height, width))
    return tuple(forms)


def form_taken(module: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the form in which a module takes examples of a shape; it is run on zeros.

    A form in which it gives one row of logits an example comes before others.

    Raises:
        NetworkError: if there is none.
    """
    reasons, taken = [], []
    for form in example_forms(shape):
        try:
            kind = number_type(module)
            # A second number of examples: some layers take a batch for a single example.
            run_module(module, torch.zeros(_EXAMPLES + 1, *form, dtype=kind))
            result = run_module(module, torch.zeros(_EXAMPLES, *form, dtype=kind))
        except NetworkError as error:
            reasons.append(f"{form}: {error.got}")
            continue
        if result.ndim == 2:
            return form
        taken.append(form)
    if taken:
        return taken[0]
    raise NetworkError(
        type(module).__name__, "; ".join(reasons),
        f"a module that takes inputs of shape {shape} and maps float32 batches of them to logits",
        "Check the module, or give the input shape or the data set that it was made for.",
    )  # fmt: skip


def run_module(module: nn.Module, batch: Tensor) -> Tensor:
    """Return the logits ``(examples, …)`` that a module gives, in evaluation mode, untracked.

    Raises:
        NetworkError: if it fails, or does not return one row an example.
    """
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            found = module(batch)
    except Exception as error:  # the code of others may raise anything
        raise NetworkError(
            type(module).__name__, reason_of(error),
            f"a module that takes inputs of shape {tuple(batch.shape)}",
            "Give the input shape that it was made for.",
        ) from error  # fmt: skip
    finally:
        for part, mode in modes:
            part.training = mode
    result = _logits_of(found, len(batch))
    if result is None:
        raise NetworkError(
            type(module).__name__, f"no tensor of one row an example ({_described(found)})",
            "logits (examples, classes)", "Wrap the module.",
        )  # fmt: skip
    return result


def _logits_of(found: Any, examples: int) -> Tensor | None:
    """Return the first tensor of one row an example in what a module returned."""
    parts: list[Any] = [found]
    if isinstance(found, Mapping):
        parts = [found.get("logits"), *found.values()]
    elif isinstance(found, tuple | list):
        parts = list(found)
    for part in parts:
        if isinstance(part, Tensor) and part.ndim and len(part) == examples:
            if part.is_complex() or part.layout != torch.strided or part.is_quantized:
                return None
            return part[:, None] if part.ndim == 1 else part
    return None


def _described(found: Any) -> str:
    return f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
