"""Rounding and coding a module where no data is at hand at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minbits.claims.replacing import write_once
from minbits.codec.file_format import encode_network
from minbits.compression.rounding import round_network
from minbits.compression.symmetries import remove_symmetries
from minbits.files import sha256_hex
from minbits.networks.from_torch import Extracted
from minbits.units import bytes_to_bits


def round_to_file(given: Extracted, error: float, out: Path, force: bool = False) -> dict[str, Any]:
    """Round a network by its weights alone, write the file, and return facts about it.

    The error is a tensor's step over its norm, in (0, 1).

    Raises:
        OutputError: if the file cannot be written, or another one is in its place and ``force``
            is not given.
    """
    network = round_network(given.architecture, given.values, error)
    content = encode_network(remove_symmetries(network))
    write_once(out, content, force=force)
    return {
        "network": str(out),
        "size_bits": bytes_to_bits(len(content)),
        "sha256": sha256_hex(content),
        "parameters": network.parameter_count,
        "nonzero_parameters": network.nonzero_count,
        "error": error,
    }
