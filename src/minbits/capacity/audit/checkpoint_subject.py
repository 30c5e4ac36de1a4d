"""A file of tensors as a subject: safetensors, or a PyTorch checkpoint whose code never runs."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minbits.capacity.audit.subject import StoredTensor, Subject
from minbits.capacity.audit.torch_subject import stored_tensors
from minbits.capacity.network_shape import LayerShape, NetworkShape
from minbits.errors import NetworkFileError

BUFFER_ENDINGS = ("running_mean", "running_var", "num_batches_tracked")
_WRAPPERS = ("state_dict", "model_state_dict", "model")


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by name; nothing that it holds is ever run.

    Raises:
        NetworkFileError: if the file cannot be read, holds no tensors, or is a pickle that asks for
            more than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return _read_safetensors(path)
        with warnings.catch_warnings():
            # PyTorch warns of pickle protocols it may not read; what it cannot read is refused.
            warnings.simplefilter("ignore", UserWarning)
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
    except OSError as error:
        reason = error.strerror or str(error)
        raise NetworkFileError(str(path), reason, "a readable checkpoint", "Check it.") from error
    except pickle.UnpicklingError as error:
        raise NetworkFileError(
            str(path),
            "a pickle that asks for more than tensors",
            "a checkpoint of tensors alone",
            "It was not opened, since a pickle can run any code. Save module.state_dict().",
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NetworkFileError(
            str(path), f"no checkpoint ({reason})", "a PyTorch checkpoint", "Save it again."
        ) from error
    return _tensors_of(found, path)


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError, safe_open  # an extra
    except ImportError as error:
        raise NetworkFileError(
            str(path), "no safetensors package", "one", "Run pip install 'minbits[audit]'."
        ) from error
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise NetworkFileError(
            str(path), f"no safetensors file ({error})", "one", "Save it again."
        ) from error


def _tensors_of(found: Any, path: Path) -> dict[str, Tensor]:
    for key in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    tensors = {}
    if isinstance(found, Mapping):
        tensors = {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
    if not any(tensor.is_floating_point() for tensor in tensors.values()):
        raise NetworkFileError(
            str(path), "no floating-point tensors", "a state_dict", "Save module.state_dict()."
        )
    return tensors


def checkpoint_subject(path: Path) -> Subject:
    """Return a checkpoint as a subject that cannot be run: it has no forward pass.

    Raises:
        NetworkFileError: as `read_checkpoint`.
    """
    state = read_checkpoint(path)
    trained = {name for name in state if not name.endswith(BUFFER_ENDINGS)}
    tensors = stored_tensors(state, trained)
    shape = _dense_chain(path.name, tensors)
    note = "a chain of matrices in the order of the file, taken as fully connected with ReLU"
    if shape is None:
        note = "tensors alone do not say how layers follow one another"
    return Subject(path.name, "checkpoint", tensors, shape, note, None)


def _dense_chain(name: str, tensors: tuple[StoredTensor, ...]) -> NetworkShape | None:
    matrices = [tensor for tensor in tensors if len(tensor.dimensions) >= 2]
    biased = {t.layer for t in tensors if len(t.dimensions) == 1 and t.name.endswith("bias")}
    if not matrices or any(len(tensor.dimensions) != 2 for tensor in matrices):
        return None
    layers = []
    width = matrices[0].dimensions[1]
    inputs = width
    for index, tensor in enumerate(matrices):
        rows, columns = tensor.dimensions
        if columns != width:
            return None
        units = "linear" if index == len(matrices) - 1 else "piecewise linear"
        bias = tensor.layer in biased
        layers.append(
            LayerShape(tensor.layer, "linear", columns, rows, 1, bias, units, rows)  # type: ignore[arg-type]
        )
        width = rows
    return NetworkShape(name, inputs, tuple(layers))
