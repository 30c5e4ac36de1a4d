"""What every command prints alike: lines, JSON, and tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from minbits.cli.flags import with_flags
from minbits.cli.streams import console_stream
from minbits.interrupts import EXIT_INTERRUPTED, check_interrupt
from minbits.plain_text import is_visible, shortened, visible
from minbits.requests import Request, option

__all__ = [
    "EXIT_BAD_INPUT", "EXIT_DONE", "EXIT_INTERRUPTED", "EXIT_NOT_REACHED", "JsonOptions",
    "SearchShowOptions", "ShowOptions", "console", "end_of_search", "error_console", "headed",
    "looks_sentence", "print_json", "print_lines", "print_outputs", "print_report", "print_table",
    "progress_printer",
]  # fmt: skip

Report = TypeVar("Report")


@dataclass(frozen=True, kw_only=True)
class JsonOptions(Request):
    """How an answer is printed."""

    json: bool = option(False, "Print JSON with stable keys.")


@dataclass(frozen=True, kw_only=True)
class ShowOptions(JsonOptions):
    """How an answer is printed, and whether progress is."""

    quiet: bool = option(False, "Print no progress.")


@dataclass(frozen=True, kw_only=True)
class SearchShowOptions(ShowOptions):
    """How an answer is printed, and how much is told of a search."""

    verbose: bool = option(False, "Print every trial and its stages.")


EXIT_DONE = 0
EXIT_NOT_REACHED = 1
EXIT_BAD_INPUT = 2


PIPE_WIDTH = 120
# Longer names would leave no room for a table's other columns; a SHA-256 is whole.
_LONGEST_CELL = 64
_NO_LIMIT = 1 << 20
_FOLDED = 16  # Words of this length are broken where a terminal has no room for them.


class PlainConsole(Console):
    """A console to which every string is one line of plain text, never markup.

    Names of files, columns and layers are part of what is printed, and may hold anything.
    """

    def render_str(self, text: str, *, style: Any = "", **options: Any) -> Text:
        """Return the text as it is, with what is not visible escaped."""
        justify, overflow = options.get("justify"), options.get("overflow")
        return Text(visible(text), style, justify=justify, overflow=overflow)


def console() -> Console:
    """Return a console on standard output: as wide as the terminal, or fit for a page in a pipe."""
    found = PlainConsole(file=console_stream(False))
    return found if found.is_terminal else PlainConsole(file=found.file, width=PIPE_WIDTH)


def error_console() -> Console:
    """Return a console on standard error."""
    return PlainConsole(file=console_stream(True))


def headed(head: str, text: str, before: str = "") -> Text:
    """Return a line that begins in bold: ``head: text``."""
    return Text.assemble(visible(before), (visible(head), "bold"), f": {visible(text)}")


def progress_printer(is_quiet: bool) -> Callable[[str], None]:
    """Return what prints lines of progress; each is a moment at which an interrupt is heeded."""
    lines = error_console()

    def say(text: str) -> None:
        check_interrupt()
        if not is_quiet:
            lines.print(with_flags(text), soft_wrap=True)

    return say


def print_lines(text: str) -> None:
    """Print text of several lines; names in it were made visible where they were put in."""
    out = console()
    for line in text.split("\n"):
        out.print(line, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print ``value`` as indented JSON; what is not visible in it is escaped as JSON does it."""
    # A terminal of another encoding has escapes of its own, which JSON would not read.
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    text = json.dumps(value, indent=2, ensure_ascii=encoding != "utf8", allow_nan=False)
    typer.echo("".join(c if c == "\n" or is_visible(c) else json.dumps(c)[1:-1] for c in text))


def print_report(
    report: Report,
    show: JsonOptions,
    plain: Callable[[Report], dict[str, Any]],
    print_text: Callable[[Report], None],
) -> None:
    """Print a report as JSON or as text."""
    if show.json:
        print_json(plain(report))
    else:
        print_text(report)


def end_of_search(is_interrupted: bool, is_reached: bool = True) -> None:
    """End a command by its exit code where it was interrupted, or did not reach the target."""
    if is_interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if not is_reached:
        raise typer.Exit(EXIT_NOT_REACHED)


def looks_sentence(looks: int) -> str:
    """Return how many looks at the test set the ledger knows of, as a sentence."""
    files = "1 file has" if looks == 1 else f"{looks:,} different files have"
    return f"{files} been run on this test set for a claim, as far as this ledger knows."


def print_outputs(outputs: Mapping[str, str]) -> None:
    """Print where files are, by their role; one that was in place and stays is explained."""
    for role, path in outputs.items():
        text = f"{role}: {path}"
        if role == "kept":
            text += (
                ", which is smaller at the same target and does what its card says. The file found "
                "now is in the ledger; --force writes it over the one in place."
            )
        console().print(text, soft_wrap=True)


def print_table(
    title: str, columns: Iterable[tuple[str, str]], rows: Iterable[Iterable[str]]
) -> None:
    """Print a table; each column is a header and ``left``, ``right`` or ``whole``.

    ``whole`` is left, but never broken into lines; neither are numbers nor the first column. No
    cell is ever cut: where a terminal is too narrow, headers are broken at spaces, then the columns
    are told in several tables, each with the first column. In a pipe the table is as wide as it
    needs.
    """
    cells = [tuple(map(visible, row)) for row in rows]
    parts = [
        # Names and numbers stay whole; a narrow terminal breaks words in the other columns.
        _Column(visible(header), side == "right", side != "left" or not index,
                tuple(row[index] for row in cells))
        for index, (header, side) in enumerate(columns)
    ]  # fmt: skip
    out = console()
    table, width = _made(out, parts, title, is_narrow=False)
    if width > out.width and out.is_terminal:
        table, width = _made(out, parts, title, is_narrow=True)
        if width > out.width and len(parts) > 2:
            _print_in_groups(out, parts, title)
            return
    _print_whole(out, table, width)


class _Column:
    """A column of a table, and the least width that shows it."""

    def __init__(self, header: str, is_right: bool, is_whole: bool, cells: Sequence[str]) -> None:
        self.header, self.is_right, self.is_whole = header, is_right, is_whole
        self.cells = tuple(shortened(cell, _LONGEST_CELL) if is_whole else cell for cell in cells)
        units = self.cells if is_whole else [word for cell in cells for word in cell.split()]
        least = max(map(cell_len, units), default=0)
        self.least = least if is_whole else min(least, _FOLDED)
        self.most = max(map(cell_len, self.cells), default=0)

    def narrow_header(self) -> str:
        """Return the header on as many lines as its cells are narrow."""
        words = self.header.split()
        width = max(self.least, *map(cell_len, words), 1)
        lines = [""]
        for word in words:
            longer = f"{lines[-1]} {word}".lstrip()
            if cell_len(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return "\n".join(lines)


def _made(
    out: Console, columns: Sequence[_Column], title: str, is_narrow: bool
) -> tuple[Table, int]:
    """Return the table, and the least width at which no cell of it is cut."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for column in columns:
        header = column.narrow_header() if is_narrow else column.header
        table.add_column(
            Text(header),
            justify="right" if column.is_right else "left",
            overflow="fold",
            no_wrap=column.is_whole,
            width=max(column.least, *map(cell_len, header.split("\n"))),
        )
    least = Measurement.get(out, out.options.update(width=_NO_LIMIT), table).minimum
    _widen(table, columns, out.width - least)
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*row)
    return table, least


def _widen(table: Table, columns: Sequence[_Column], room: int) -> None:
    """Share what is left of the screen among columns whose cells would be folded."""
    wants = [
        (column.most - (drawn.width or 0), drawn)
        for column, drawn in zip(columns, table.columns, strict=True)
    ]
    wants = sorted((want for want in wants if want[0] > 0), key=lambda want: want[0])
    for index, (wanted, drawn) in enumerate(wants):
        given = max(0, min(wanted, room // (len(wants) - index)))
        drawn.width = (drawn.width or 0) + given
        room -= given


def _print_whole(out: Console, table: Table, width: int) -> None:
    """Print a table; lines that are wider than the terminal go on in the next line."""
    PlainConsole(file=out.file, width=max(width, out.width)).print(table)


def _print_in_groups(out: Console, columns: Sequence[_Column], title: str) -> None:
    """Print as many columns at a time as fit beside the first one."""
    first, rest = columns[0], list(columns[1:])
    while rest:
        count = 1
        while count < len(rest):
            if _made(out, [first, *rest[: count + 1]], title, is_narrow=True)[1] > out.width:
                break
            count += 1
        _print_whole(out, *_made(out, [first, *rest[:count]], title, is_narrow=True))
        title, rest = "", rest[count:]
