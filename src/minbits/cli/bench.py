"""``minbits bench``: speed as ratios, measured side by side on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from minbits.benchmarks.cases import CASES
from minbits.benchmarks.training import CaseResult, measure
from minbits.cli.commands import command
from minbits.cli.output import ShowOptions, print_json, print_table, progress_printer
from minbits.errors import ArgumentError

bench = typer.Typer(name="bench", help="Measure speed side by side.", no_args_is_help=True)


@bench.callback()
def _group() -> None:
    """Measure speed, always as ratios within one run."""


def _chosen(cases: list[str] | None) -> list[str]:
    for case in cases or ():
        if case not in CASES:
            raise ArgumentError("--case", f"'{case}'", ", ".join(CASES), "Choose one of these.")
    return cases or list(CASES)


@bench.command()
@command
def train(
    case: Annotated[
        list[str] | None, typer.Option(help="What to train; may be repeated.", show_default="all")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each engine.")] = 5,
    compiles: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Time torch.compile as well.")
    ] = True,
    *,
    show: ShowOptions,
) -> None:
    """Time training steps of the lanes engine beside PyTorch, one thread each.

    A step is shuffling, augmentation, forward and backward pass, and AdamW. PyTorch runs a plain
    training loop, eager and compiled, in both memory layouts, with the system's allocator and with
    the settings of our workers. Times are processor time, medians over the rounds; ratios are to
    PyTorch's best layout.

    Example: minbits bench train --case main-job --no-compile
    """
    say = progress_printer(show.quiet)
    results = measure(_chosen(case), rounds, compiles, lambda text: say(f"{text} …"))
    if show.json:
        print_json({"rounds": rounds, "cases": {r.case: r.as_json() for r in results}})
        return
    for result in results:
        _print(result)


def _print(result: CaseResult) -> None:
    rows = []
    for name, seconds in result.seconds.items():
        ratio = seconds / result.seconds["lanes"]
        fraction = result.fraction_of_peak(name)
        is_product = name == "sgemm"
        rows.append(
            (
                name,
                f"{1e3 * seconds:,.3f}",
                "" if is_product else f"{ratio:.2f}",
                "1" if is_product or fraction is None else f"{fraction:.3f}",
            )
        )
    print_table(
        f"{result.case}: {CASES[result.case].description}",
        [
            ("entrant", "left"),
            ("ms a step", "right"),
            ("over lanes", "right"),
            ("useful FLOPs over SGEMM's", "right"),
        ],
        rows,
    )
