"""Writes every record anew in the shortest version of the format: the same network, fewer bits.

``python recipes/reencode_records.py [--write]``. Levels, steps and architecture stay what they are,
so that every prediction does, too; the card's size and digest follow, and it says what the file was
before. Nothing is looked at in any test set. `write_companions.py` is to be run after it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from minbits.codec.file_format import decode_network, encode_network, size_parts, version_of
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.files import sha256_hex, write_atomically
from minbits.units import bytes_to_bits

RECORDS = Path(__file__).parent.parent / "records"


def same(first: QuantizedNetwork, second: QuantizedNetwork) -> bool:
    """Whether two networks have the same architecture and the same values."""
    if first.architecture != second.architecture:
        return False
    for one, other in zip(first.layers, second.layers, strict=True):
        for a, b in ((one.weights, other.weights), (one.bias, other.bias)):
            if a is not None and b is not None and not np.array_equal(a.values(), b.values()):
                return False
    return True


def weights_bits(content: bytes) -> str:
    """Return the bits of each layer's weights in a file."""
    parts = [part for part in size_parts(content) if part.name.endswith(": weights")]
    return ", ".join(f"{part.size_bits:,.0f} for {part.values:,}" for part in parts)


def main() -> None:
    """Print every record's size before and after; with --write, replace what got smaller."""
    for path in sorted(RECORDS.glob("*.mbn")):
        before = path.read_bytes()
        network = decode_network(before)
        after = encode_network(network)
        assert same(decode_network(after), network)
        assert len(after) <= len(before)
        print(
            f"{path.name}: version {version_of(before)}, {bytes_to_bits(len(before)):,} bits -> "
            f"version {version_of(after)}, {bytes_to_bits(len(after)):,} bits "
            f"({100 * (len(after) / len(before) - 1):+.1f} %); weights {weights_bits(after)}"
        )
        if "--write" in sys.argv and len(after) < len(before):
            card_path = path.with_suffix(".json")
            card = json.loads(card_path.read_text())
            card["reencoded_from"] = {"size_bits": card["size_bits"], "sha256": card["sha256"]}
            card["bytes"], card["size_bits"] = len(after), bytes_to_bits(len(after))
            card["sha256"] = sha256_hex(after)
            write_atomically(path, after)
            write_atomically(card_path, (json.dumps(card, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
