"""A file of tensors as a subject: safetensors, or a PyTorch checkpoint whose code never runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from minbits.capacity.network_shape import LayerShape, NetworkShape
from minbits.model_audit.subject import StoredTensor, Subject
from minbits.model_audit.torch_subject import stored_tensors
from minbits.networks.tensor_file import TensorFile

BUFFER_ENDINGS = ("running_mean", "running_var", "num_batches_tracked")


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by name; nothing that it holds is ever run.

    Raises:
        NetworkFileError: if the file cannot be read, holds no tensors, or is a pickle that asks for
            more than tensors.
    """
    file = TensorFile(path)
    found = file.read()
    tensors = {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
    if not any(part.is_parameter for part in stored_tensors(tensors, set(tensors))):
        raise file.refuse("no tensors of weights", "a state_dict", "Save module.state_dict().")
    return tensors


def checkpoint_subject(path: Path) -> Subject:
    """Return a checkpoint as a subject that cannot be run: it has no forward pass.

    Raises:
        NetworkFileError: as `read_checkpoint`.
    """
    state = read_checkpoint(path)
    trained = {name for name in state if not name.endswith(BUFFER_ENDINGS)}
    tensors = stored_tensors(state, trained)
    shape = _dense_chain(path.name, [tensor for tensor in tensors if tensor.is_parameter])
    note = "a chain of matrices in the order of the file, taken as fully connected with ReLU"
    if shape is None:
        note = "tensors alone do not say how layers follow one another"
    return Subject(path.name, "checkpoint", tensors, shape, note, None)


def _dense_chain(name: str, tensors: Sequence[StoredTensor]) -> NetworkShape | None:
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
    known = {tensor.layer for tensor in matrices}
    others = [
        tensor.name
        for tensor in tensors
        if tensor.layer not in known
        or (len(tensor.dimensions) < 2 and not tensor.name.endswith("bias"))
    ]
    return NetworkShape(
        name, inputs, tuple(layers), is_whole=not others, unseen=tuple(others)
    )  # fmt: skip
