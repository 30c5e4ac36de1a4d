"""How the ladder of H(X) is printed."""

from __future__ import annotations

from minbits.cli.flags import with_flags
from minbits.cli.output import console, headed, print_table
from minbits.information.input_ladder import InputLadder
from minbits.information.ladder import EntropyTable


def print_ladder(ladder: InputLadder, data_name: str) -> None:
    """Print one line a rung, the longest code first, then what was left out and why."""
    rows = []
    for rung in sorted(ladder.rungs, key=lambda item: -item.example_bits):
        interval = rung.interval_bits
        shown = "" if interval is None else f"≤ {interval[1]:,.2f}"
        rows.append(
            (
                rung.title + (" *" if rung.warning else ""),
                f"{rung.example_bits:,.2f}",
                shown,
                f"{rung.bits_per_variable:.4f}",
                f"{rung.amortised_model_bits:,.2f}",
                f"{rung.model_bits:,.0f}",
                f"{rung.seconds:,.1f}",
            )
        )
    columns = [
        ("upper bound of H(X)", "left"),
        ("one example", "right"),
        ("holds at 95 %", "right"),
        ("a variable", "right"),
        ("model/N", "right"),
        ("model, whole set", "right"),
        ("s", "right"),
    ]
    print_table(
        f"{data_name}, {ladder.what}: bits of one of {ladder.test_examples:,} test examples, "
        f"models fitted to {ladder.train_examples:,} others",
        columns,
        rows,
    )
    for rung in ladder.rungs:
        if rung.warning:
            console().print(headed(f"* {rung.title}", f"{rung.warning}."))
    for item in ladder.skipped:
        console().print(f"Left out: {item.title} ({with_flags(item.reason)}).")
    if ladder.stopped is not None:
        console().print(f"Stopped {ladder.stopped}. Give more --minutes to climb on.")
    best = ladder.tightest
    console().print(
        f"Tightest: {best.title}, {best.example_bits:,.2f} bits an example. All rungs together: "
        f"H(X) is at most {ladder.bound_bits:,.2f} bits at 95 %, an upper bound: no model proves "
        "that the entropy is not lower."
    )
    console().print()


def question_line(table: EntropyTable) -> str | None:
    """Return how the question's 190.79 bits come about, in figures of this data set."""
    values = {figure.key: figure.value for figure in table.figures}
    if "independent_pixels" not in values:
        return None
    dropped = values["independent_pixels"] - values["pixel_sum_without_complement"]
    return (
        f"The question's figure: the sum of -p log2 p over all pixels gives "
        f"{values['pixel_sum_without_complement']:,.2f} bits (190.79 on MNIST at > 0). It drops "
        f"each pixel's other term -(1-p) log2(1-p), together {dropped:,.2f} bits; with it, "
        f"independent pixels have {values['independent_pixels']:,.2f} bits."
    )
