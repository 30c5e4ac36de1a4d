"""A network read from a file, ready to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture
from minbits.codec.file_format import decode_network, errors_named, read_bytes
from minbits.codec.inference import predict, predict_logits
from minbits.codec.quantized_network import FloatArray, QuantizedNetwork
from minbits.units import bytes_to_bits


@dataclass(frozen=True, eq=False)
class Network:
    """A network and the size of its file; runs with NumPy alone."""

    quantized: QuantizedNetwork
    size_bits: int

    @property
    def architecture(self) -> Architecture:
        """Input shape, input scale and layers."""
        return self.quantized.architecture

    def predict(self, inputs: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Return the class of each example of raw inputs, shape ``(examples, …)``.

        Raises:
            DataError: if the shape of ``inputs`` does not fit.
        """
        return predict(self.quantized, inputs)

    def predict_logits(self, inputs: npt.NDArray[Any]) -> FloatArray:
        """Return logits ``(examples, classes)``, defined up to a positive factor.

        Raises:
            DataError: if the shape of ``inputs`` does not fit.
        """
        return predict_logits(self.quantized, inputs)


def read(path: str | Path) -> Network:
    """Read a network file.

    Raises:
        NetworkFileError: if the file cannot be read or is not a valid network file.
    """
    with errors_named(Path(path)):
        content = read_bytes(Path(path))
        return Network(decode_network(content), bytes_to_bits(len(content)))
