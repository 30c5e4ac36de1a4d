"""A network as plain NumPy arrays: one ``.npz`` file that needs nothing of minbits to be read.

It holds ``architecture`` (the text of the grammar), ``input_shape``, ``input_exponent``, and for
each layer with weights, numbered as in the text, float32 arrays such as ``layer_0_weights`` and
``layer_0_bias``.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.codec.inference import predict_with
from minbits.codec.quantized_network import FloatArray, QuantizedNetwork
from minbits.files import write_atomically
from minbits.networks.grammar import format_architecture, parse_architecture


class NumpyArrays:
    """Writes a network's weights as they are used: real numbers, no levels and steps."""

    key = "numpy"
    suffix = ".npz"
    method = "the architecture's text and the layers' weights as float32 arrays"

    def export(self, network: QuantizedNetwork, path: Path) -> tuple[Path, ...]:
        """Write the arrays and return the file."""
        architecture = network.architecture
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "architecture": np.array(format_architecture(architecture)),
            "input_shape": np.array(architecture.input_shape, np.int64),
            "input_exponent": np.array(architecture.input_exponent, np.int64),
        }
        for shapes, layer in zip(tensor_shapes(architecture), network.layers, strict=True):
            arrays[f"layer_{shapes.layer_index}_weights"] = layer.weights.values()
            if layer.bias is not None:
                arrays[f"layer_{shapes.layer_index}_bias"] = layer.bias.values()
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        write_atomically(path, buffer.getvalue())
        return (path,)

    def predict(self, path: Path, inputs: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """Return the class of each example, from the arrays in the file."""
        architecture, tensors = read_arrays(path)
        return predict_with(architecture, tensors, inputs)


def read_arrays(path: Path) -> tuple[Architecture, list[tuple[FloatArray, FloatArray | None]]]:
    """Return the architecture, and weights and bias of each layer that has some, in file order.

    Args:
        path: of a file that `NumpyArrays` wrote.
    """
    with np.load(path, allow_pickle=False) as arrays:
        channels, height, width = arrays["input_shape"].tolist()
        architecture = parse_architecture(
            str(arrays["architecture"]), (channels, height, width), int(arrays["input_exponent"])
        )
        tensors: list[tuple[FloatArray, FloatArray | None]] = []
        for shapes in tensor_shapes(architecture):
            name = f"layer_{shapes.layer_index}"
            bias = arrays[f"{name}_bias"] if shapes.bias is not None else None
            tensors.append((arrays[f"{name}_weights"], bias))
        return architecture, tensors
