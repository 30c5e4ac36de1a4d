"""How commands name a ledger."""

from __future__ import annotations

from typing import Annotated

import typer

from minbits.ledger.location import LedgerTarget, default_ledger_path

LedgerOption = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        envvar="MINBITS_LEDGER",
        help="The ledger's file, or postgresql+psycopg://USER@HOST/DATABASE.",
        show_default="in the user data directory",
    ),
]


def chosen_ledger(option: str | None) -> LedgerTarget:
    """Return the ledger that was named, or the one in the user data directory."""
    return option or default_ledger_path()
