"""The plain answer: need against spend."""

from __future__ import annotations

from minbits.information.ladder import EntropyTable
from minbits.records import Verification
from minbits.views.published import published_networks

# Below these ratios "1.0 times" and "0.0 %" would say nothing.
_NEAR = 1.1
_SAME = 1.0005


def _compared(size_bits: int, labels_bits: float) -> str:
    """Return how much less or more a file holds than the labels do, in words."""
    if labels_bits <= 0:
        return "more"
    less = size_bits < labels_bits
    ratio = labels_bits / size_bits if less else size_bits / labels_bits
    if ratio < _SAME:
        return "as much"
    if ratio < _NEAR:
        share = 100 * abs(labels_bits - size_bits) / labels_bits
        return f"{share:.1f} % {'less' if less else 'more'}"
    return f"{ratio:.1f} times {'less' if less else 'as much'}"


def size_answer(
    table: EntropyTable,
    accuracy: float,
    found: Verification,
    table_encoding_bits: int | None = None,
) -> str:
    """Return some plain sentences: what was found, what is needed and what is usually spent.

    Args:
        table: the data set's entropies.
        accuracy: what was asked for.
        found: what the file reaches.
        table_encoding_bits: what the encoding of a table's columns costs beside the file; None
            where the data is no table.
    """
    labels = table.figure("label_entropy_total").value
    lines = [
        f"{table.data_name} at {100 * accuracy:g} %: the smallest network found so far is a file "
        f"of {found.size_bits:,} bits ({found.bytes:,} bytes).",
        f"It classifies {found.correct:,} of {found.n_test:,} test examples correctly: "
        f"{100 * found.test_accuracy:.2f} % (95 % Wilson interval {100 * found.wilson_low:.2f} to "
        f"{100 * found.wilson_high:.2f} %).",
        f"Need: at most {found.size_bits:,} bits of network, since this file does it. The labels "
        f"carry {labels:,.0f} bits when no input is looked at: the file holds "
        f"{_compared(found.size_bits, labels)}.",
    ]
    if table_encoding_bits is not None:
        lines.append(
            "Beside the file: the exponents and offsets that bring the table's columns to about "
            "[-1, 1] are the data set's, not the network's; as a code of their own they would take "
            f"{table_encoding_bits:,} bits more, {found.size_bits + table_encoding_bits:,} in all."
        )
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
