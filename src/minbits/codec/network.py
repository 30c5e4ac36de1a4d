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
from minbits.codec.run_cost import RunCost, run_cost
from minbits.notebook import Cells, Shown
from minbits.units import bytes_to_bits


@dataclass(frozen=True, eq=False, repr=False)
class Network(Shown):
    """A network and the size of its file; runs with NumPy alone."""

    quantized: QuantizedNetwork
    size_bits: int

    @property
    def architecture(self) -> Architecture:
        """Input shape, input scale and layers."""
        return self.quantized.architecture

    def summary(self) -> str:
        """Return size, number of parameters and shape of an example, in one line."""
        shape = " x ".join(str(size) for size in self.architecture.input_shape)
        parameters = self.quantized.parameter_count
        return f"{self.size_bits:,} bits, {parameters:,} parameters, of inputs of {shape}"

    def facts(self) -> Cells:
        """Return the rows of its table, one a layer."""
        return [(type(layer).__name__, str(layer)) for layer in self.architecture.layers]

    def cost(self, examples: int) -> RunCost:
        """Return what running it on so many examples costs."""
        return run_cost(self.architecture, examples)

    def predict(
        self, inputs: npt.NDArray[Any], *, allow_slow: bool = False
    ) -> npt.NDArray[np.int64]:
        """Return the class of each example of raw inputs, shape ``(examples, …)``.

        Args:
            inputs: raw, as in the data set.
            allow_slow: whether to run however long it takes.

        Raises:
            DataError: if the shape of ``inputs`` does not fit.
            CostError: if it would take more than two minutes or so.
        """
        return predict(self.quantized, inputs, allow_slow=allow_slow)

    def predict_logits(self, inputs: npt.NDArray[Any], *, allow_slow: bool = False) -> FloatArray:
        """Return logits ``(examples, classes)``, defined up to a positive factor.

        Args:
            inputs: raw, as in the data set.
            allow_slow: whether to run however long it takes, and whatever memory the logits take.

        Raises:
            DataError: if the shape of ``inputs`` does not fit.
            CostError: if it would take more than two minutes or so.
        """
        return predict_logits(self.quantized, inputs, allow_slow=allow_slow)


def read(path: str | Path) -> Network:
    """Read a network file.

    Raises:
        NetworkFileError: if the file cannot be read or is not a valid network file.
    """
    with errors_named(Path(path)):
        content = read_bytes(Path(path))
        return Network(decode_network(content), bytes_to_bits(len(content)))
