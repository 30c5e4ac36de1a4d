"""``minbits describe``: what is in a data set, before any work."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console

from minbits.cli.commands import command
from minbits.cli.data_options import DataArgument, DataOptions
from minbits.cli.flags import with_flags
from minbits.cli.output import JsonOptions, console, error_console, print_report, print_table
from minbits.data.summary import DataSummary, plain_summary, summarise
from minbits.data.typed_columns import listed
from minbits.types import DataSet, Remark

_COLUMNS_SHOWN = 60
_ALIKE_SHOWN = 5


def print_head(data: DataSet, is_quiet: bool, out: Console | None = None) -> None:
    """Print what is in a data set before long work, as a part of its progress."""
    if not is_quiet:
        print_summary(summarise(data), out or error_console())


def headed_stages(
    data: DataSet, is_quiet: bool, out: Console, on_stage: Callable[[str], None]
) -> Callable[[str], None]:
    """Return what is told of stages of work; before the first one it prints what is in the data.

    An argument that is bad ends the work before that, with one line.
    """
    is_new = True

    def stage(text: str) -> None:
        nonlocal is_new
        if is_new:
            print_head(data, is_quiet, out)
        is_new = False
        on_stage(text)

    return stage


def print_summary(summary: DataSummary, out: Console) -> None:
    """Print what is in a data set in a few lines."""
    out.print(f"{summary.summary()}. Test set: {summary.split}.", soft_wrap=True)
    out.print(f"Label: {summary.label_text}. Training examples: {summary.classes_text}.",
              soft_wrap=True)  # fmt: skip
    out.print(f"Inputs: {summary.inputs_text}.", soft_wrap=True)
    for alike in _grouped(summary).values():
        for remark in alike[:_ALIKE_SHOWN]:
            out.print(f"- {with_flags(remark.text)}", soft_wrap=True)
        if len(alike) > _ALIKE_SHOWN:
            names = [name for remark in alike[_ALIKE_SHOWN:] for name in remark.columns]
            out.print(f"- The same of {len(names):,} more columns: {listed(names)}.",
                      soft_wrap=True)  # fmt: skip


def _grouped(summary: DataSummary) -> dict[str, list[Remark]]:
    """Return the remarks by what they are about, in order."""
    found: dict[str, list[Remark]] = {}
    for remark in summary.remarks:
        found.setdefault(remark.key, []).append(remark)
    return found


@command
def describe(data: DataArgument, source: DataOptions, show: JsonOptions) -> None:
    """Print what is in a data set: label, classes, columns, and what is odd about them.

    Example: minbits describe my.csv
    """
    print_report(summarise(source.load(data)), show, plain_summary, _print)


def _print(summary: DataSummary) -> None:
    print_summary(summary, console())
    if summary.columns:
        _print_columns(summary)


def _print_columns(summary: DataSummary) -> None:
    rows = [
        (item.name, item.kind, item.values, f"{item.missing:,}", f"{item.inputs:,}")
        for item in summary.columns[:_COLUMNS_SHOWN]
    ]
    more = len(summary.columns) - _COLUMNS_SHOWN
    title = f"Columns, the first {_COLUMNS_SHOWN}" if more > 0 else "Columns"
    headers = [
        ("column", "left"), ("kind", "left"), ("values in training", "left"), ("missing", "right"),
        ("inputs", "right"),
    ]  # fmt: skip
    print_table(title, headers, rows)
