"""A PyTorch module as a subject of the audit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from minbits.capacity.network_shape import NetworkShape
from minbits.errors import ArgumentError, NetworkError
from minbits.model_audit.subject import (
    FloatArray,
    Rounding,
    StoredTensor,
    Subject,
    UnitActivity,
    layer_of,
    rounding_of_integers,
)
from minbits.model_audit.torch_trace import ActivityTrace, ForwardTrace
from minbits.networks.input_convention import InputConvention
from minbits.networks.user_module import (
    form_taken,
    number_type,
    reason_of,
    run_module,
    runnable,
    unwrapped,
)

BATCH = 500
# Of 64 bits are counters, shapes and places; truth values are masks.
_COUNTED_INTEGERS = (torch.int8, torch.uint8, torch.int16, torch.int32)


class TorchRunner:
    """Runs a module in evaluation mode on inputs of the data set.

    Args:
        module: on the CPU.
        convention: what is done to raw inputs.
        form: shape in which the module takes an example.
        layers: names of the layers with weights, in the order in which they are called.
    """

    def __init__(
        self,
        module: nn.Module,
        convention: InputConvention,
        form: tuple[int, ...],
        layers: tuple[str, ...],
    ) -> None:
        self._module = module
        self._convention = convention
        self._form = form
        self._layers = layers

    def under(self, convention: InputConvention) -> TorchRunner:
        """Return a runner that does something else to raw inputs."""
        return TorchRunner(self._module, convention, self._form, self._layers)

    def _batches(self, inputs: npt.NDArray[Any]) -> Iterator[Tensor]:
        kind = number_type(self._module)
        for start in range(0, len(inputs), BATCH):
            given = self._convention.applied(np.asarray(inputs[start : start + BATCH]))
            yield torch.from_numpy(given).to(kind).reshape(-1, *self._form)

    def logits(self, inputs: npt.NDArray[Any]) -> FloatArray:
        """Return logits ``(examples, classes)``."""
        found = [run_module(self._module, batch).flatten(1) for batch in self._batches(inputs)]
        result: FloatArray = torch.cat(found).float().numpy()
        return result

    def with_tensors(
        self, values: Mapping[str, FloatArray], inputs: npt.NDArray[Any]
    ) -> FloatArray:
        """Return the logits with some tensors replaced; the module is as before afterwards."""
        state = self._module.state_dict()
        # Stored integers are their own levels, which nothing has changed.
        floats = {name for name in values if name in state and state[name].is_floating_point()}
        kept = {name: state[name].clone() for name in floats}
        try:
            with torch.no_grad():
                for name in floats:
                    state[name].copy_(torch.from_numpy(values[name]).reshape(state[name].shape))
            return self.logits(inputs)
        finally:
            with torch.no_grad():
                for name, before in kept.items():
                    state[name].copy_(before)

    def activity(self, inputs: npt.NDArray[Any]) -> tuple[UnitActivity, ...]:
        """Return, for every rectified layer, how many units are dead or never bent."""
        last = len(self._layers) - 1
        trace = ActivityTrace(lambda index: self._layers[min(max(index, 0), last)])
        for batch in self._batches(inputs):
            with trace:
                trace.start_batch()
                run_module(self._module, batch)
        return tuple(
            UnitActivity(name, len(high), int((high <= 0).sum()), int((low > 0).sum()))
            for name, high, low in zip(trace.names, trace.largest, trace.smallest, strict=True)
        )


def _leaves(state: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """Yield the plain tensors of a state by name; quantised ones as their integers and scales."""
    for name, value in state.items():
        if isinstance(value, tuple | list):  # packed parameters of quantised layers
            yield from _leaves({f"{name}.{place}": part for place, part in enumerate(value)})
        elif not isinstance(value, Tensor) or is_lazy(value) or value.is_meta:
            continue
        elif value.is_quantized:
            yield name, value.int_repr()
            if value.qscheme() in (torch.per_channel_affine, torch.per_channel_symmetric):
                yield f"{name}.scales", value.q_per_channel_scales()
            else:
                yield f"{name}.scale", torch.tensor([value.q_scale()], dtype=torch.float64)
        elif value.layout != torch.strided:
            raise ArgumentError(
                "audit", f"the sparse tensor '{name}'", "dense tensors",
                "Convert it first, as with tensor.to_dense().",
            )  # fmt: skip
        else:
            yield name, torch.view_as_real(value) if value.is_complex() else value


def stored_tensors(state: Mapping[str, Any], trained: set[str]) -> tuple[StoredTensor, ...]:
    """Return the tensors of numbers of a state, each storage once.

    They are of floating point, or of integers of 8, 16 or 32 bits.

    Args:
        state: tensors by name.
        trained: names of parameters; the rest are buffers, but for the weights among integers.
    """
    result: list[StoredTensor] = []
    seen: set[tuple[int, tuple[int, ...]]] = set()
    for name, tensor in _leaves(state):
        is_float = tensor.is_floating_point()
        if not is_float and tensor.dtype not in _COUNTED_INTEGERS:
            continue
        place = (tensor.data_ptr(), tuple(tensor.shape))
        if tensor.numel() and place in seen:
            continue
        seen.add(place)
        is_parameter, rounding = _role(name, tensor, name in trained)
        result.append(
            StoredTensor(
                name=name,
                layer=layer_of(name),
                dimensions=tuple(int(size) for size in tensor.shape),
                bits_each=8 * tensor.element_size(),
                is_parameter=is_parameter,
                load=_loader(tensor),
                load_bytes=lambda tensor=tensor: _raw_bytes(tensor),  # type: ignore[misc]
                rounding=rounding,
            )
        )
    return tuple(result)


def _role(name: str, tensor: Tensor, is_trained: bool) -> tuple[bool, Rounding]:
    """Return whether a tensor holds weights, and what quantisation does to it."""
    if not tensor.is_floating_point():
        return rounding_of_integers(name, 8 * tensor.element_size())
    return is_trained, "step"


def _loader(tensor: Tensor) -> Callable[[], FloatArray]:
    return lambda: np.asarray(tensor.detach().float().cpu().numpy(), np.float32)


def _raw_bytes(tensor: Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    raw: bytes = flat.view(torch.uint8).numpy().tobytes()
    return raw


def torch_subject(
    module: nn.Module,
    name: str,
    input_shape: tuple[int, ...] | None,
    input_exponent: int = 0,
    convention: InputConvention | None = None,
) -> Subject:
    """Return a module as a subject; one forward pass of zeros tells its layers.

    Args:
        module: any module that maps a batch to logits, perhaps inside the wrapper of
            ``torch.compile`` or DataParallel.
        name: for tables.
        input_shape: of one example; None leaves out whatever needs a forward pass.
        input_exponent: inputs are multiplied by ``2 ** -input_exponent``.
        convention: what is done to raw inputs in place of that.

    Raises:
        ArgumentError: if the module has no parameters.
        NetworkError: if it does not take such inputs.
    """
    if not isinstance(module, nn.Module):
        raise ArgumentError("audit", type(module).__name__, "a torch.nn.Module", "Pass a module.")
    module = unwrapped(module)
    form: tuple[int, ...] | None = None
    running = module if input_shape is None else runnable(module)
    if input_shape is not None:
        form = form_taken(running, input_shape)  # which makes the parameters of lazy layers
    tensors = stored_tensors(_state(module), _trained(module))
    if not any(tensor.is_parameter for tensor in tensors):
        raise ArgumentError("audit", f"{name} without parameters", "at least one", "Pass another.")
    if form is None:
        note = "no input shape is known, so layers were not watched"
        return Subject(name, "PyTorch module", tensors, None, note, None)
    shape, note, called = _watched_shape(running, name, form)
    used = convention or InputConvention(2.0**-input_exponent)
    runner = TorchRunner(running, used, form, called or (name,))
    return Subject(name, "PyTorch module", tensors, shape, note, runner)


def _trained(module: nn.Module) -> set[str]:
    return {name for name, _ in module.named_parameters()}


def _state(module: nn.Module) -> Mapping[str, Any]:
    if any(is_lazy(value) for value in module.parameters()):
        raise ArgumentError(
            "audit", "layers without weights (lazy ones)", "`input`, the shape of one example",
            "Give it, or run the module once.",
        )  # fmt: skip
    try:
        return module.state_dict()
    except Exception as error:  # hooks of a foreign module
        raise NetworkError(
            type(module).__name__, reason_of(error), "a module with a state_dict", "Check it."
        ) from error


def _watched_shape(
    module: nn.Module, name: str, form: tuple[int, ...]
) -> tuple[NetworkShape | None, str, tuple[str, ...]]:
    """Return the shape that a forward pass shows, a note, and the layers that were called."""
    parameters = dict(module.named_parameters())
    names = {id(tensor): layer_of(label) for label, tensor in parameters.items()}
    trace = ForwardTrace(names)
    with trace:
        run_module(module, torch.zeros((1, *form), dtype=number_type(module)))
    if not trace.layers:
        return None, "no layer with weights was seen in a forward pass", ()
    note = "layers in order of execution, from one forward pass; batch normalisation folded"
    if trace.has_branches:
        note += "; branches are taken one after another"
    if trace.has_repeats:
        note += "; weights that are used twice are taken as two layers"
    outside = _outside(module, parameters, trace.counted)
    if outside:
        note += f"; trained values outside them: {few(outside)}"
    if trace.foreign:
        note += f"; not piecewise linear: {', '.join(sorted(set(trace.foreign)))}"
    shape = NetworkShape(
        name,
        math.prod(form),
        tuple(trace.layers),
        is_chain=not (trace.has_branches or trace.has_repeats),
        is_whole=not outside,
        unseen=tuple(outside),
    )
    return shape, note, tuple(trace.called)


def _outside(
    module: nn.Module, parameters: Mapping[str, nn.Parameter], counted: set[int]
) -> list[str]:
    """Return the names of the weights that no layer accounts for, packed integers among them."""
    found = [label for label, value in parameters.items() if id(value) not in counted]
    stored = stored_tensors(_state(module), set(parameters))
    return found + [t.name for t in stored if t.is_parameter and t.name not in parameters]


def few(names: list[str]) -> str:
    """Return some names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
