"""``minbits trainability``: where trainings from many initialisations end, width by width."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from minbits.cli.commands import command
from minbits.cli.data_options import DataArgument, DataOptions
from minbits.cli.default_command import group_with_default
from minbits.cli.output import (
    ShowOptions,
    console,
    print_table,
)
from minbits.cli.study_lines import StudyLines, tell
from minbits.intervals import p_value_text
from minbits.jobs.price import PriceReport, plain_price, price_job
from minbits.jobs.price_request import PriceRequest
from minbits.jobs.surface import SurfaceReport, plain_surface, surface_job
from minbits.jobs.trainability import TrainabilityReport, plain_trainability, trainability_job
from minbits.jobs.trainability_request import SurfaceRequest, TrainabilityRequest
from minbits.studies.losses import LOSS_UNITS
from minbits.studies.price_statistics import PriceRow, Route, Side, best_of_hour
from minbits.studies.surface_statistics import SurfaceRow
from minbits.studies.trainability_statistics import WIDTH_NAMES, Estimate, Statement, WidthRow

trainability_app = typer.Typer(
    cls=group_with_default("widths"),
    help=(
        "How trainings from many initialisations end, and what trainability costs in bits. "
        "`minbits trainability DATA` is short for `minbits trainability widths DATA`. "
        "Example: minbits trainability digits --seeds 100 --figure trainability.png"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)


@trainability_app.command()
@command
def widths(
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
    tell(report, show, plain_trainability, _print)


@trainability_app.command()
@command
def price(
    data: DataArgument, request: PriceRequest, source: DataOptions, show: ShowOptions
) -> None:
    """Measure what trainability costs in bits: how often trainings succeed, size by size.

    Networks of several sizes are trained to files, each from many initialisations. The price is the
    size at which half of them reach the accuracy, over the smallest size at which any did. The
    largest network is also compressed harder: another route to a small file. Accuracies are of
    validation examples; the test set is not looked at.

    Example: minbits trainability price digits --accuracy 0.95 --figure price.png
    """
    loaded = source.load(data)
    report = price_job(loaded, request, StudyLines(show.quiet), source.origin(data))
    tell(report, show, plain_price, print_price)


@trainability_app.command()
@command
def surface(
    data: DataArgument, request: SurfaceRequest, source: DataOptions, show: ShowOptions
) -> None:
    """Measure the training loss between and around the minima of pairs of networks.

    Of each width, pairs of networks are trained. The loss is taken on the straight line between
    them, on a curve that is trained to avoid barriers, and on a plane around one of them, where the
    Hessian's smallest and largest eigenvalues are found, too.

    Example: minbits trainability surface digits --widths 10,50,250 --figure surface.png
    """
    loaded = source.load(data)
    report = surface_job(loaded, request, StudyLines(show.quiet), source.origin(data))
    tell(report, show, plain_surface, print_surface)


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
        WIDTH_NAMES[report.request.kind], "parameters", "trainings", "train loss", "test loss",
        "its deviation", "correlation", "test accuracy [%]",
    )  # fmt: skip
    print_table(
        f"{report.data_name}: losses at the end ({LOSS_UNITS[report.request.loss]}), over "
        "initialisations (95 % intervals)",
        [(name, "right") for name in names],
        [_cells(row) for row in report.rows],
    )
    _print_statements(report.statements)
    out = console()
    if report.equal_spread_p is not None:
        out.print(
            f"Equal spreads of the test loss at all widths (Brown and Forsythe): "
            f"{p_value_text(report.equal_spread_p)}.",
            soft_wrap=True,
        )
    falls = [row.last_fall for row in report.rows if row.last_fall is not None]
    if falls:
        out.print(
            f"Over the last tenth of the epochs the training loss still fell by "
            f"{100 * max(falls):.1f} % at most.",
            soft_wrap=True,
        )
    _print_end(report)


def _print_statements(statements: Sequence[Statement]) -> None:
    for item in statements:
        console().print(
            f"{item.verdict}: {item.text} ({item.method}: {item.statistic:.3f}, "
            f"{p_value_text(item.p_value)}).",
            soft_wrap=True,
        )


def _print_end(report: TrainabilityReport | PriceReport | SurfaceReport) -> None:
    out = console()
    word = "interrupted: run the command again to go on" if report.interrupted else "all done"
    out.print(f"{report.done:,} of {report.total:,} trainings, {word}.", soft_wrap=True)
    out.print(f"Ledger: {report.ledger}", soft_wrap=True)
    if report.figure is not None:
        out.print(f"Figure: {report.figure}", soft_wrap=True)


_WHY_NO_PRICE: dict[Side, str] = {
    "above": (
        "Half of the trainings succeed at no size that was tried, by the fitted curve: no price is "
        "known. Larger --scales, more --epochs or a lower --accuracy may show one."
    ),
    "below": (
        "More than half of the trainings succeed at every size that was tried, by the fitted "
        "curve: no price is known. Smaller --scales or a higher --accuracy may show one."
    ),
}
_FACTOR_OF: dict[Route, str] = {"size": "units", "compression": "rate"}


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 100 else f"{seconds:.3g}"


def _price_cells(row: PriceRow) -> tuple[str, ...]:
    wait, best = row.seconds_to_success, row.hour_bits
    return (
        f"{_FACTOR_OF[row.kind.route]} × {row.kind.factor:g}",
        f"{row.kind.parameters:,}",
        f"{row.median_bits:,.0f}",
        f"{row.successes.sum():,} of {row.trainings:,}",
        _estimate(row.probability, 2),
        _seconds(row.cpu_seconds),
        "" if wait is None else _seconds(wait),
        "" if best is None else f"{best:,.0f}",
    )


def print_price(report: PriceReport) -> None:
    """Print the table of a study of the price, and what follows from it."""
    names = (
        "network", "parameters", "bits", "successes", "share", "CPU s", "to a success",
        "best in 1 h",
    )  # fmt: skip
    print_table(
        f"{report.data_name}: trainings whose file reaches "
        f"{100 * report.request.accuracy:g} % of the validation examples (95 % intervals)",
        [(name, "right") for name in names],
        [_price_cells(row) for row in report.rows],
    )
    out = console()
    out.print(
        "bits: of a file, median; to a success: CPU-seconds expected; best in 1 h: bits of the "
        "smallest file that succeeds among the trainings of a CPU-hour, median.",
        soft_wrap=True,
    )
    if not report.prices:
        out.print(_WHY_NO_PRICE[report.half_outside or "above"], soft_wrap=True)
    for item in report.prices:
        least = "at least " if item.is_at_least else ""
        more = "; its upper end lies beyond the sizes that were tried" if item.is_open_above else ""
        out.print(
            f"Price in {item.unit}: {least}{_estimate(item.price, 2)}{more}. Half of the trainings "
            f"succeed at {item.half.value:,.0f}, the first at {item.smallest:,.0f}.",
            soft_wrap=True,
        )
    for route, factor_of in _FACTOR_OF.items():
        best = best_of_hour(report.rows, route)
        if best is not None:
            out.print(
                f"A CPU-hour of {factor_of} × {best.kind.factor:g} gives {best.hour_bits:,.0f} "
                "bits, the smallest of its route.",
                soft_wrap=True,
            )
    _print_end(report)


def _surface_cells(row: SurfaceRow) -> tuple[str, ...]:
    return (
        f"{row.width:,}",
        f"{row.parameters:,}",
        f"{row.pairs:,}" + (f" + {row.failed} failed" if row.failed else ""),
        f"{row.lines[:, [0, -1]].mean():.4f}",
        _estimate(row.line_barrier, 2),
        _estimate(row.curve_barrier, 3),
        _estimate(row.sharpness, 2),
        f"{row.least_shares.mean():.4f}",
        "" if row.index is None else f"{row.index:.3f}",
    )


def print_surface(report: SurfaceReport) -> None:
    """Print the table of a study of the surface, and what was tested."""
    names = (
        "units", "parameters", "pairs", "loss", "on the line", "on the curve", "eigenvalue",
        "least", "index",
    )  # fmt: skip
    print_table(
        f"{report.data_name}: the training loss between minima, in nats (95 % intervals)",
        [(name, "right") for name in names],
        [_surface_cells(row) for row in report.rows],
    )
    console().print(
        "on the line, on the curve: the barrier; eigenvalue: the Hessian's largest one; least: its "
        "least one, as a share of the largest; index: the share of negative ones.",
        soft_wrap=True,
    )
    _print_statements(report.statements)
    _print_end(report)
