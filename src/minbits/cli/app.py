"""The entry point: commands, exit codes, and errors without tracebacks."""

from __future__ import annotations

import sys
from importlib import import_module, metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from minbits.cli.flags import with_flags
from minbits.cli.output import EXIT_BAD_INPUT, EXIT_DONE, EXIT_INTERRUPTED
from minbits.cli.streams import guarded_streams
from minbits.errors import MinbitsError
from minbits.files import storage_trouble
from minbits.interrupts import run_interruptibly
from minbits.plain_text import visible

# Where each command is: a function, or an application of several.
COMMANDS = {
    "describe": "minbits.cli.describe:describe",
    "entropy": "minbits.cli.entropy:entropy",
    "size": "minbits.cli.size:size",
    "compress": "minbits.cli.compress:compress",
    "verify": "minbits.cli.files:verify",
    "predict": "minbits.cli.predict:predict",
    "inspect": "minbits.cli.files:inspect",
    "audit": "minbits.cli.audit:audit",
    "need": "minbits.cli.capacity:need",
    "codelength": "minbits.cli.codelength:codelength_app",
    "trainability": "minbits.cli.trainability:trainability_app",
    "diagram": "minbits.cli.diagram:diagram",
    "report": "minbits.cli.report:report",
    "doctor": "minbits.cli.doctor:doctor",
    "capacity": "minbits.cli.capacity:capacity_app",
    "ledger": "minbits.cli.ledger:ledger_app",
}
_HELP = {"help_option_names": ["-h", "--help"]}


class Commands(TyperGroup):
    """Imports a command when it is asked for: all of them together take seconds."""

    # Any: some versions of Typer hold a click of their own, others take the package.
    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands = dict.fromkeys(COMMANDS, None)  # type: ignore[assignment]  # for suggestions

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def invoke(self, ctx: Any) -> Any:
        """Run a command, and end it after an interrupt, whatever Typer makes of one."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(EXIT_INTERRUPTED) from None

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), attribute)
        parent = typer.Typer(rich_markup_mode=None)
        if isinstance(found, typer.Typer):
            parent.add_typer(found, name=cmd_name, context_settings=_HELP)
        else:
            parent.command(cmd_name, context_settings=_HELP)(found)
        return typer.main.get_group(parent).commands[cmd_name]


app = typer.Typer(
    name="minbits",
    cls=Commands,
    help=(
        "How many bits of neural network does a labelled data set need, and how many do networks "
        "spend? Exit codes: 0 done, 1 target not reached, 2 bad input, 130 interrupted."
    ),
    no_args_is_help=True,
    context_settings=_HELP,
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


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    print(stop.code, file=sys.stderr)
    return 1


def run() -> int:
    """Run the command line and return its exit code; bad input is one message and exit code 2."""
    with guarded_streams():
        try:
            app()
            sys.stdout.flush()
        except SystemExit as stop:
            return _exit_code(stop)
        except MinbitsError as error:
            print(f"minbits: {with_flags(str(error))}", file=sys.stderr)
            return error.exit_code
        except OSError as error:
            trouble = storage_trouble(error)
            if trouble is None:
                raise
            print(f"minbits: {visible(trouble)}", file=sys.stderr)
            return EXIT_BAD_INPUT
    return EXIT_DONE


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run_interruptibly(run))
