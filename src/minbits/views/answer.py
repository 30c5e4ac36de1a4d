"""The plain answer: need against spend."""

from __future__ import annotations

from minbits.information.ladder import EntropyTable
from minbits.records import Verification
from minbits.views.published import published_networks


def size_answer(table: EntropyTable, accuracy: float, found: Verification) -> str:
    """Return some plain sentences: what was found, what is needed and what is usually spent."""
    labels = table.figure("label_entropy_total").value
    lines = [
        f"{table.data_name} at {100 * accuracy:g} %: the smallest network found so far is a file "
        f"of {found.size_bits:,} bits ({found.bytes:,} bytes).",
        f"It classifies {found.correct:,} of {found.n_test:,} test examples correctly: "
        f"{100 * found.test_accuracy:.2f} % (95 % Wilson interval {100 * found.wilson_low:.2f} to "
        f"{100 * found.wilson_high:.2f} %).",
        f"Need: at most {found.size_bits:,} bits of network, since this file does it. The labels "
        f"carry {labels:,.0f} bits when no input is looked at: the file holds "
        f"{labels / found.size_bits:.1f} times less.",
    ]
    usual = max(
        published_networks(table.data_name, accuracy), key=lambda item: item.size_bits, default=None
    )
    if usual is not None:
        lines.append(
            f"Spend: the usual network ({usual.name}; {usual.counting}) takes "
            f"{usual.size_bits:,} bits, {usual.size_bits / found.size_bits:.0f} times as much."
        )
    return "\n".join(lines)


def missed_answer(
    accuracy: float, missed: Verification | None, best_validation: float | None
) -> str:
    """Return a sentence on a target that was not reached, by test or already by validation."""
    target = f"{100 * accuracy:g} %"
    if missed is not None:
        return (
            f"A file of {missed.size_bits:,} bits passed validation but reached only "
            f"{100 * missed.test_accuracy:.2f} % of the test set: target {target} missed by it."
        )
    if best_validation is None:
        return f"No trial ended with a network: target {target} not reached."
    return (
        f"No new file reached {target} on validation; the best of this run had "
        f"{100 * best_validation:.2f} %. More --minutes or another --seed may do."
    )
