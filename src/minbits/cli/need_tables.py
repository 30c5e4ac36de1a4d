"""How the way from an entropy to a network is printed."""

from __future__ import annotations

from minbits.cli.output import console, headed, print_table
from minbits.jobs.need_steps import NeedReport, ReferencePoints

BLIER_OLLIVIER_MNIST_BITS = 4_100


def print_need(report: NeedReport) -> None:
    """Print the steps, the codes of the labels, the reference points and the verdict."""
    figures, out = report.figures, console()
    columns = [
        ("step", "left"),
        ("bits", "right"),
        ("at 2 bits each", "right"),
        ("bits of", "left"),
    ]
    rows = [
        (step.title, f"{step.bits:,.2f}", f"{step.count:,.0f} {step.unit}", step.bits_of)
        for step in report.steps
    ]
    print_table(
        f"{figures.data_name} at {100 * report.accuracy:g} %: from entropy to network",
        columns,
        rows,
    )
    for step in report.steps:
        out.print(headed(step.title, f"{step.correction}."), soft_wrap=True)
    out.print()
    if report.prequential is not None:
        code = report.prequential
        cited = ""
        if figures.data_name == "mnist":
            cited = (
                f"; {BLIER_OLLIVIER_MNIST_BITS:,} bits are published with larger networks (Blier & "
                "Ollivier 2018)"
            )
        out.print(
            f"Real labels: a prequential code of all {code.examples:,} training labels takes "
            f"{code.size_bits:,} bits, {code.size_bits / code.examples:.3f} a label, as a file "
            f"that was decoded (last block best by {code.network}){cited}. Upper bound of what "
            "labels say that inputs do not; the learners' program is not counted.",
            soft_wrap=True,
        )
    found = report.found
    if found is not None and found.two_part_bits is not None:
        out.print(
            f"Two-part code: the file found ({found.size_bits:,} bits, {found.place}) and the "
            f"training labels given it ({found.residual_bits:,.0f} bits) take "
            f"{found.two_part_bits:,.0f} bits. Upper bound of the same; the decoder's program is "
            "not counted.",
            soft_wrap=True,
        )
    known = report.label_code
    if known is not None and (
        report.prequential is None or known.size_bits < report.prequential.size_bits
    ):
        out.print(
            f"Shortest code of the labels that the ledger knows: {known.size_bits:,} bits "
            f"({known.code}), a file that was decoded.",
            soft_wrap=True,
        )
    _print_points(report.reference_points)
    out.print(report.verdict, style="bold", soft_wrap=True)


def _print_points(points: ReferencePoints) -> None:
    out = console()
    if points.learned_bits is not None and points.learned_weights is not None:
        until = (
            "before its learner reached this accuracy"
            if points.reached_accuracy
            else "of its learner, which stayed below this accuracy"
        )
        out.print(
            f"Reference point: {points.learned_bits:,.0f} bits, {points.learned_weights:,.0f} "
            f"weights at two bits each, is the excess of the prequential code ({points.learner}) "
            f"{until}. An estimate of what that learner took; it bounds no network.",
            soft_wrap=True,
        )
    out.print(
        f"Reference point: {points.random_labels_bits:,.0f} bits, "
        f"{points.random_labels_weights:,.0f} weights at two bits each, is what labels drawn at "
        "random need at this accuracy. It bounds no network for labels that are not random; of "
        "given labels nothing above 0 can be proved.",
        soft_wrap=True,
    )
