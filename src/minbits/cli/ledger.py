"""``minbits ledger``: what was tried and claimed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from minbits.cli.output import JsonOption, print_json, print_table
from minbits.cli.size import LedgerOption
from minbits.ledger.store import Ledger, default_ledger_path


class LedgerTable(StrEnum):
    """A table of the ledger."""

    trials = "trials"
    claims = "claims"
    artifacts = "artifacts"


_SHOWN = {
    LedgerTable.trials: (
        "id",
        "created_at",
        "data_name",
        "candidate",
        "seed",
        "status",
        "validation_correct",
        "validation_examples",
        "size_bits",
        "seconds",
        "error",
    ),
    LedgerTable.claims: (
        "id",
        "created_at",
        "data_name",
        "target_accuracy",
        "size_bits",
        "correct",
        "n_test",
        "wilson_low",
        "wilson_high",
        "artifact_sha256",
    ),
    LedgerTable.artifacts: ("sha256", "size_bytes", "created_at"),
}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def ledger(
    table: Annotated[LedgerTable, typer.Argument(help="What to list.")] = LedgerTable.claims,
    ledger_path: Annotated[LedgerOption, typer.Option("--ledger")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the ledger's claims, trials (failed ones too) or artifacts, oldest first.

    Example: minbits ledger trials
    """
    store = Ledger(ledger_path or default_ledger_path())
    try:
        rows = store.rows(table.value)
    finally:
        store.close()
    if as_json:
        print_json(rows)
        return
    names = _SHOWN[table]
    shown = [[_text(row[name]) for name in names] for row in rows]
    print_table(f"{table.value} in {store.path}", [(name, "left") for name in names], shown)
