"""What every command prints alike: JSON, tables, and errors."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON with stable keys.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print no progress.")]

EXIT_DONE = 0
EXIT_NOT_REACHED = 1
EXIT_INTERRUPTED = 130


PIPE_WIDTH = 120


def console() -> Console:
    """Return a console on standard output: as wide as the terminal, or fit for a page in a pipe."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def error_console() -> Console:
    """Return a console on standard error."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print ``value`` as indented JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def looks_sentence(looks: int) -> str:
    """Return how many looks at the test set the ledger knows of, as a sentence."""
    files = "1 file has" if looks == 1 else f"{looks:,} different files have"
    return f"{files} been run on this test set for a claim, as far as this ledger knows."


def print_table(
    title: str, columns: Iterable[tuple[str, str]], rows: Iterable[Iterable[str]]
) -> None:
    """Print a table; each column is a header and ``left``, ``right`` or ``whole``.

    ``whole`` is left, but never broken into lines; neither are numbers nor the first column.
    """
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for header, side in columns:
        # Names and numbers stay whole; a narrow terminal breaks words in the other columns.
        whole = side != "left" or not table.columns
        table.add_column(
            header,
            justify="right" if side == "right" else "left",
            overflow="fold",
            no_wrap=whole,
        )
    for row in rows:
        table.add_row(*row)
    console().print(table)
