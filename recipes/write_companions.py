"""The companion of every record, from its bytes: ``python recipes/write_companions.py``.

Each network of ``records`` is run on the validation examples, to which the scale of its
probabilities is fitted. The companion is written beside it, and the card gets its digest and what
encoding and names would cost. No test set is looked at.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from minbits.claims.card import companion_facts
from minbits.codec.file_format import decode_network
from minbits.data import load
from minbits.data.companion import companion_bytes, companion_path
from minbits.evaluation.calibration import calibrated_companion
from minbits.files import sha256_hex, write_atomically
from minbits.types import DataSet

RECORDS = Path(__file__).parent.parent / "records"


def write_companion(path: Path, data: DataSet) -> dict[str, Any]:
    """Write the companion of a network file, and return what its card says of it."""
    content = path.read_bytes()
    found = calibrated_companion(decode_network(content), sha256_hex(content), data)
    place = companion_path(path)
    write_atomically(place, companion_bytes(found))
    print(
        f"{place.relative_to(RECORDS.parent)}: inverse temperature {found.inverse_temperature:.4g} "
        f"on {found.calibration_examples:,} validation examples, names {found.names_bits:,} bits",
        flush=True,
    )
    return companion_facts(found, place.name, 8 * len(content))


def main() -> None:
    """Write all companions, and bring the cards up to date."""
    sets: dict[str, DataSet] = {}
    for path in (*sorted(RECORDS.glob("*.mbn")), *sorted(RECORDS.glob("curve/*.mbn"))):
        place = path.with_suffix(".json")
        card = json.loads(place.read_text())
        data = sets.setdefault(card["data"], load(card["data"]))
        card.update(write_companion(path, data))
        write_atomically(place, (json.dumps(card, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
