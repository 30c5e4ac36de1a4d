"""A PyTorch module as a subject of the audit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from minbits.capacity.network_shape import NetworkShape
from minbits.errors import ArgumentError, NetworkError
from minbits.model_audit.subject import (
    FloatArray,
    StoredTensor,
    Subject,
    UnitActivity,
    layer_of,
)
from minbits.model_audit.torch_trace import ActivityTrace, ForwardTrace

BATCH = 500


class TorchRunner:
    """Runs a module in evaluation mode on inputs of the data set, scaled to about [-1, 1]."""

    def __init__(self, module: nn.Module, input_exponent: int, layers: tuple[str, ...]) -> None:
        self._module = module
        self._scale = 2.0**-input_exponent
        self._layers = layers

    def _batches(self, inputs: npt.NDArray[Any]) -> list[Tensor]:
        return [
            torch.from_numpy(np.asarray(inputs[start : start + BATCH], np.float32)) * self._scale
            for start in range(0, len(inputs), BATCH)
        ]

    def logits(self, inputs: npt.NDArray[Any]) -> FloatArray:
        """Return logits ``(examples, classes)``."""
        self._module.eval()
        with torch.no_grad():
            found = [_run(self._module, batch) for batch in self._batches(inputs)]
        result: FloatArray = torch.cat(found).float().numpy()
        return result

    def with_tensors(
        self, values: Mapping[str, FloatArray], inputs: npt.NDArray[Any]
    ) -> FloatArray:
        """Return the logits with some tensors replaced; the module is as before afterwards."""
        state = self._module.state_dict()
        kept = {name: state[name].clone() for name in values}
        try:
            with torch.no_grad():
                for name, value in values.items():
                    state[name].copy_(torch.from_numpy(value).reshape(state[name].shape))
            return self.logits(inputs)
        finally:
            with torch.no_grad():
                for name, before in kept.items():
                    state[name].copy_(before)

    def activity(self, inputs: npt.NDArray[Any]) -> tuple[UnitActivity, ...]:
        """Return, for every rectified layer, how many units are dead or never bent."""
        last = len(self._layers) - 1
        trace = ActivityTrace(lambda index: self._layers[min(max(index, 0), last)])
        self._module.eval()
        with torch.no_grad():
            for batch in self._batches(inputs):
                with trace:
                    trace.start_batch()
                    _run(self._module, batch)
        return tuple(
            UnitActivity(name, len(high), int((high <= 0).sum()), int((low > 0).sum()))
            for name, high, low in zip(trace.names, trace.largest, trace.smallest, strict=True)
        )


def _run(module: nn.Module, batch: Tensor) -> Tensor:
    try:
        result = module(batch)
    except (RuntimeError, TypeError, ValueError) as error:
        raise NetworkError(
            type(module).__name__,
            f"{type(error).__name__}: {str(error).splitlines()[0]}",
            f"a module that takes inputs of shape {tuple(batch.shape)}",
            "Give the input shape that it was made for.",
        ) from error
    if not isinstance(result, Tensor) or result.shape[:1] != batch.shape[:1]:
        raise NetworkError(
            type(module).__name__,
            "no tensor of one row an example",
            "logits (examples, classes)",
            "Wrap the module.",
        )
    return result.flatten(1)


def stored_tensors(state: Mapping[str, Tensor], trained: set[str]) -> tuple[StoredTensor, ...]:
    """Return the floating-point tensors of a state, each storage once.

    Args:
        state: tensors by name.
        trained: names of parameters; the rest are buffers.
    """
    result: list[StoredTensor] = []
    seen: set[tuple[int, tuple[int, ...]]] = set()
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            continue
        place = (tensor.data_ptr(), tuple(tensor.shape))
        if tensor.numel() and place in seen:
            continue
        seen.add(place)
        result.append(
            StoredTensor(
                name=name,
                layer=layer_of(name),
                dimensions=tuple(int(size) for size in tensor.shape),
                bits_each=8 * tensor.element_size(),
                is_parameter=name in trained,
                load=lambda tensor=tensor: tensor.detach().float().cpu().numpy(),  # type: ignore[misc]
                load_bytes=lambda tensor=tensor: _raw_bytes(tensor),  # type: ignore[misc]
            )
        )
    return tuple(result)


def _raw_bytes(tensor: Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    raw: bytes = flat.view(torch.uint8).numpy().tobytes()
    return raw


def torch_subject(
    module: nn.Module,
    name: str,
    input_shape: tuple[int, ...] | None,
    input_exponent: int = 0,
) -> Subject:
    """Return a module as a subject; one forward pass of zeros tells its layers.

    Args:
        module: any module that maps a batch to logits.
        name: for tables.
        input_shape: of one example; None leaves out whatever needs a forward pass.
        input_exponent: inputs are multiplied by ``2 ** -input_exponent``.

    Raises:
        ArgumentError: if the module has no parameters.
        NetworkError: if it does not take such inputs.
    """
    if not isinstance(module, nn.Module):
        raise ArgumentError("audit", type(module).__name__, "a torch.nn.Module", "Pass a module.")
    parameters = dict(module.named_parameters())
    if not parameters:
        raise ArgumentError("audit", f"{name} without parameters", "at least one", "Pass another.")
    tensors = stored_tensors(module.state_dict(), set(parameters))
    if input_shape is None:
        note = "no input shape is known, so layers were not watched"
        return Subject(name, "PyTorch module", tensors, None, note, None)
    shape, note = _watched_shape(module, name, input_shape, parameters)
    layers = tuple(layer.name for layer in shape.layers) if shape else ()
    runner = TorchRunner(module, input_exponent, layers or (name,))
    return Subject(name, "PyTorch module", tensors, shape, note, runner)


def _watched_shape(
    module: nn.Module, name: str, input_shape: tuple[int, ...], parameters: dict[str, nn.Parameter]
) -> tuple[NetworkShape | None, str]:
    names = {id(tensor): layer_of(label) for label, tensor in parameters.items()}
    trace = ForwardTrace(names)
    was_training = module.training
    module.eval()
    with torch.no_grad(), trace:
        _run(module, torch.zeros((1, *input_shape)))
    module.train(was_training)
    if not trace.layers:
        return None, "no layer with weights was seen in a forward pass"
    note = "layers in order of execution, from one forward pass; batch normalisation folded"
    if trace.has_branches:
        note += "; branches are taken one after another"
    if trace.has_repeats:
        note += "; weights that are used twice are taken as two layers"
    outside = [label for label, value in parameters.items() if id(value) not in trace.counted]
    if outside:
        note += f"; trained values outside them: {_few(outside)}"
    if trace.foreign:
        note += f"; not piecewise linear: {', '.join(sorted(set(trace.foreign)))}"
    shape = NetworkShape(
        name,
        math.prod(input_shape),
        tuple(trace.layers),
        is_chain=not (trace.has_branches or trace.has_repeats),
        is_whole=not outside,
    )
    return shape, note


def _few(names: list[str]) -> str:
    """Return some names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
