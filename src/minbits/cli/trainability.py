"""``minbits trainability``: where trainings from many initialisations end, width by width."""

from __future__ import annotations

import typer

from minbits.cli.commands import command
from minbits.cli.data_options import DataArgument, DataOptions
from minbits.cli.output import (
    EXIT_INTERRUPTED,
    ShowOptions,
    console,
    print_json,
    print_table,
)
from minbits.cli.study_lines import StudyLines
from minbits.jobs.trainability import TrainabilityReport, plain_trainability, trainability_job
from minbits.jobs.trainability_request import TrainabilityRequest
from minbits.studies.trainability_statistics import Estimate, WidthRow


@command
def trainability(
    data: DataArgument, request: TrainabilityRequest, source: DataOptions, show: ShowOptions
) -> None:
    """Compare where trainings from many initialisations end, width by width.

    Networks of several widths are trained, each from many initialisations. Small networks' losses
    differ more from seed to seed than large networks' do, says the literature: it is tested. Every
    training is a row of the ledger; a study that was stopped goes on where it was.

    Example: minbits trainability digits --seeds 100 --figure trainability.png
    """
    loaded = source.load(data)
    report = trainability_job(loaded, request, StudyLines(show.quiet), source.origin(data))
    if show.json:
        print_json(plain_trainability(report))
    else:
        _print(report)
    if report.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)


def _estimate(found: Estimate | None, digits: int) -> str:
    if found is None:
        return ""
    return f"{found.value:.{digits}f} ({found.low:.{digits}f}–{found.high:.{digits}f})"


def _cells(row: WidthRow) -> tuple[str, ...]:
    return (
        f"{row.width:,}",
        f"{row.parameters:,}",
        f"{len(row.test_losses):,}" + (f" + {row.failed} failed" if row.failed else ""),
        f"{row.train_losses.mean():.4f}",
        f"{row.test_loss.value:.4f}",
        _estimate(row.test_loss_deviation, 4),
        _estimate(row.correlation, 2),
        f"{100 * row.test_accuracies.mean():.2f}",
    )


def _print(report: TrainabilityReport) -> None:
    names = (
        "units", "parameters", "trainings", "train loss", "test loss", "its deviation",
        "correlation", "test accuracy [%]",
    )  # fmt: skip
    print_table(
        f"{report.data_name}: losses at the end in nats an example, over initialisations "
        "(95 % intervals)",
        [(name, "right") for name in names],
        [_cells(row) for row in report.rows],
    )
    out = console()
    for item in report.statements:
        out.print(
            f"{item.verdict}: {item.text} ({item.method}: {item.statistic:.3f}, "
            f"p = {item.p_value:.2g}).",
            soft_wrap=True,
        )
    if report.equal_spread_p is not None:
        out.print(
            f"Equal spreads of the test loss at all widths (Brown and Forsythe): "
            f"p = {report.equal_spread_p:.2g}.",
            soft_wrap=True,
        )
    falls = [row.last_fall for row in report.rows if row.last_fall is not None]
    if falls:
        out.print(
            f"Over the last tenth of the epochs the training loss still fell by "
            f"{100 * max(falls):.1f} % at most.",
            soft_wrap=True,
        )
    word = "interrupted: run the command again to go on" if report.interrupted else "all done"
    out.print(f"{report.done:,} of {report.total:,} trainings, {word}.", soft_wrap=True)
    out.print(f"Ledger: {report.ledger}", soft_wrap=True)
    if report.figure is not None:
        out.print(f"Figure: {report.figure}", soft_wrap=True)
