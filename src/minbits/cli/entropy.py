"""``minbits entropy``: all that a data set's bits are, each figure with what it says."""

from __future__ import annotations

from minbits.cli.commands import command
from minbits.cli.data_options import DataArgument, DataOptions
from minbits.cli.describe import headed_stages, print_head
from minbits.cli.figures import print_figures
from minbits.cli.input_ladder import print_ladder, question_line
from minbits.cli.output import ShowOptions, console, error_console, print_report, progress_printer
from minbits.data.tables import table_of
from minbits.jobs.entropy_report import EntropyReport, entropy_job, plain_entropy
from minbits.jobs.entropy_request import EntropyRequest
from minbits.types import DataSet


@command
def entropy(
    data: DataArgument, request: EntropyRequest, source: DataOptions, show: ShowOptions
) -> None:
    """Print entropies of a data set, each with its unit and what it says.

    The ladder bounds H(X) of one example from above, on held-out examples: from independent
    variables over trees, contexts, mixtures and compressors to autoregressive networks, as far as
    --minutes allow. Pictures are drawn where they are asked for.

    Example: minbits entropy mnist --minutes 20 --pictures charts
    """
    loaded = source.load(data)
    say = progress_printer(show.quiet)
    stage = headed_stages(loaded, show.quiet, error_console(), lambda text: say(f"{text} …"))
    found = entropy_job(loaded, request, say=stage, origin=source.origin(data))
    if request.minutes == 0:  # nothing took long, and no stage was told
        print_head(loaded, show.quiet)
    print_report(found, show, plain_entropy, lambda report: _print(report, loaded))


def _why_no_pixels(data: DataSet) -> str:
    if table_of(data) is not None:
        return "Columns of a table are no pixels"
    return "Inputs are not grey values"


def _print(found: EntropyReport, data: DataSet) -> None:
    title = f"{data.name}: {len(data.train_labels):,} training examples"
    print_figures(title, found.quick_figures)
    line = question_line(found.table)
    if line is not None:
        console().print(line)
    for remark in found.inspection.remarks():
        console().print(remark)
    console().print(f"Test set: {found.inspection.split}. Digest of the data: {data.digest}.")
    console().print()
    if found.ladder is not None:
        print_ladder(found.ladder, data.name)
    if found.table.pixels is None:
        console().print(f"{_why_no_pixels(data)}: no threshold, no pixel figures, no heat map.")
    titles = {
        "heat_map": "Heat map",
        "features_chart": "What each input tells about the label",
        "ladder_chart": "The ladder",
    }
    for name, path in found.pictures.items():
        if path is not None:
            console().print(f"{titles[name]}: {path}")
