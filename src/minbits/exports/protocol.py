"""What an exporter is: it writes a network for another program, and runs what it has written."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from minbits.codec.inference import predict
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.errors import OutputError


class Exporter(Protocol):
    """Writes a network in one form."""

    @property
    def key(self) -> str:
        """Its name in its registry."""
        ...

    @property
    def suffix(self) -> str:
        """The end of the path that it writes to, such as ``.npz``."""
        ...

    @property
    def method(self) -> str:
        """What it writes, in a few words."""
        ...

    def export(self, network: QuantizedNetwork, path: Path) -> tuple[Path, ...]:
        """Write the network and return all files, ``path`` first.

        Raises:
            OutputError: if a file cannot be written.
            NetworkError: if the form cannot say the network.
        """
        ...

    def predict(self, path: Path, inputs: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """Return the class of each example of raw inputs, from the written files alone."""
        ...


def export_checked(
    exporter: Exporter, network: QuantizedNetwork, path: Path, inputs: npt.NDArray[np.generic]
) -> tuple[Path, ...]:
    """Write a network and compare what is written with the network's own predictions.

    Args:
        exporter: in which form.
        network: what is written.
        path: where to.
        inputs: raw examples to compare on, shape ``(examples, …)``.

    Raises:
        OutputError: if a file cannot be written, or predicts another class for any example.
    """
    if path.suffix != exporter.suffix:
        raise OutputError(
            str(path), f"the end '{path.suffix}'", exporter.suffix, "Change the path's end."
        )
    written = exporter.export(network, path)
    others = int(np.sum(exporter.predict(path, inputs) != predict(network, inputs)))
    if others:
        raise OutputError(
            str(path), f"other classes for {others:,} of {len(inputs):,} examples",
            "the network's own predictions", "Do not use the file.",
        )  # fmt: skip
    return written
