"""Where the bits of a network file go, part by part."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.codec.file_format import SizePart, decode_with_parts, errors_named, read_bytes
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.codec.run_cost import run_cost
from minbits.networks.grammar import format_architecture
from minbits.requests import FilePath
from minbits.units import bytes_to_bits

_EXAMPLES = 10_000


@dataclass(frozen=True, eq=False)
class FileInspection:
    """What a network file holds.

    Attributes:
        network: the network.
        size_bits: of the whole file.
        parts: of the file, whose sizes add up to that.
    """

    network: QuantizedNetwork
    size_bits: int
    parts: tuple[SizePart, ...]

    @property
    def summary(self) -> dict[str, Any]:
        """Sizes, counts and costs by stable keys; bits per parameter are None without any."""
        network, size_bits = self.network, self.size_bits
        front_end = network.architecture.front_end
        cost = run_cost(network.architecture, _EXAMPLES)
        weight_bits = sum(part.size_bits for part in self.parts if part.values)
        parameters = network.parameter_count
        return {
            "size_bits": size_bits,
            "weights_and_biases_bits": round(weight_bits, 2),
            "overhead_bits": round(size_bits - weight_bits, 2),
            "parameters": parameters,
            "nonzero_parameters": network.nonzero_count,
            "bits_per_parameter": round(size_bits / parameters, 4) if parameters else None,
            "multiply_accumulates": cost.multiply_accumulates,
            "seconds_for_10000_examples": float(f"{cost.seconds:.2g}"),
            "inputs": "raw" if front_end is None else "normalised",
            "front_end": None if front_end is None else front_end.text(),
            "input_shape": list(network.architecture.input_shape),
            "architecture": format_architecture(network.architecture),
        }


def inspect_file(path: FilePath) -> FileInspection:
    """Return what a network file holds.

    Raises:
        NetworkFileError: if the file cannot be read, or is not valid.
    """
    file = Path(path)
    with errors_named(file):
        content = read_bytes(file)
        network, parts = decode_with_parts(content)
    return FileInspection(network, bytes_to_bits(len(content)), tuple(parts))


def plain_inspection(found: FileInspection) -> dict[str, Any]:
    """Return an inspection as plain data for JSON; the keys are stable."""
    return {**found.summary, "parts": [dataclasses.asdict(part) for part in found.parts]}
