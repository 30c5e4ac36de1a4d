"""The entry point: commands, exit codes, and errors without tracebacks."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Annotated

import typer

from minbits.cli.audit import audit
from minbits.cli.bench import bench
from minbits.cli.capacity import capacity_app
from minbits.cli.compress import compress
from minbits.cli.doctor import doctor
from minbits.cli.entropy import entropy
from minbits.cli.files import inspect, verify
from minbits.cli.interrupts import interruptible
from minbits.cli.ledger import ledger_app
from minbits.cli.ledger_exchange import exchange_app
from minbits.cli.output import EXIT_INTERRUPTED
from minbits.cli.size import size
from minbits.errors import MinbitsError

app = typer.Typer(
    name="minbits",
    help=(
        "How many bits of neural network does a labelled data set need, and how many do networks "
        "spend? Exit codes: 0 done, 1 target not reached, 2 bad input, 130 interrupted."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"minbits {metadata.version('minbits')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


for command in (entropy, size, compress, verify, inspect, audit, doctor):
    app.command()(command)
app.add_typer(capacity_app, name="capacity")
ledger_app.add_typer(exchange_app)
app.add_typer(ledger_app, name="ledger")
app.add_typer(bench)


def main() -> None:
    """Run the command line; bad input is one message and exit code 2."""
    try:
        with interruptible():
            app()
    except MinbitsError as error:
        print(f"minbits: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("minbits: interrupted", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
