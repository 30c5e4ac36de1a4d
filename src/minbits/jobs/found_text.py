"""What a job found, in one line."""

from __future__ import annotations

from minbits.types import Verification


def found_text(
    data_name: str, accuracy: float, best: Verification | None, nearest: Verification | None
) -> str:
    """Return size and accuracy of the file that a job wrote, beside the accuracy asked for."""
    found = best or nearest
    if found is None:
        return f"{data_name}: no file"
    word = "reaches" if best is not None else "misses"
    return (
        f"{data_name}: {found.size_bits:,} bits, {100 * found.test_accuracy:.2f} % of the test "
        f"set, which {word} {100 * accuracy:g} %"
    )
