"""Rounding and coding a module where no data is at hand at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minbits.claims.replacing import write_once
from minbits.codec.file_format import encode_network
from minbits.compression.rounding import round_network
from minbits.compression.symmetries import remove_symmetries
from minbits.errors import ArgumentError
from minbits.files import sha256_hex
from minbits.jobs.compress_request import USUAL_ROUNDING_ERROR
from minbits.networks.from_torch import Extracted
from minbits.units import bytes_to_bits


def round_to_file(
    given: Extracted, error: float | None, out: Path, force: bool = False
) -> dict[str, Any]:
    """Round a network by its weights alone, write the file, and return facts about it.

    Raises:
        ArgumentError: if ``error`` is not in (0, 1).
        OutputError: if the file cannot be written, or another one is in its place and ``force``
            is not given.
    """
    used = USUAL_ROUNDING_ERROR if error is None else error
    if not 0 < used < 1:
        raise ArgumentError("--error", str(error), "above 0 and below 1", "Give another value.")
    network = round_network(given.architecture, given.values, used)
    content = encode_network(remove_symmetries(network))
    write_once(out, content, force=force)
    return {
        "network": str(out),
        "size_bits": bytes_to_bits(len(content)),
        "sha256": sha256_hex(content),
        "parameters": network.parameter_count,
        "nonzero_parameters": network.nonzero_count,
        "error": used,
    }
