"""How commands name a ledger."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from minbits.errors import LedgerError
from minbits.ledger.location import (
    LedgerTarget,
    default_ledger_path,
    ledger_exists,
    ledger_name,
)


class LedgerTable(StrEnum):
    """A table of the ledger."""

    trials = "trials"
    claims = "claims"
    artifacts = "artifacts"
    verifications = "verifications"


LedgerOption = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        envvar="MINBITS_LEDGER",
        help="The ledger's file, or postgresql+psycopg://USER@HOST/DATABASE.",
        show_default="in the user data directory",
    ),
]


def existing_ledger(option: str | None) -> LedgerTarget:
    """Return the chosen ledger, for commands that append but make no ledger where there is none.

    Raises:
        LedgerError: if it is a file that is not there.
    """
    target = chosen_ledger(option)
    if not ledger_exists(target):
        raise LedgerError(
            f"ledger {ledger_name(target)}", "no file", "a ledger", "Name another with --ledger."
        )
    return target


def chosen_ledger(option: str | None) -> LedgerTarget:
    """Return the ledger that was named, or the one in the user data directory."""
    return option or default_ledger_path()
