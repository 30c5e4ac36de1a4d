"""``minbits ledger``: what was tried and claimed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from minbits.cli.output import JsonOption, console, print_json
from minbits.cli.size import LedgerOption
from minbits.ledger.location import default_ledger_path
from minbits.ledger.store import open_ledger


class LedgerTable(StrEnum):
    """A table of the ledger."""

    trials = "trials"
    claims = "claims"
    artifacts = "artifacts"


def _trial_line(row: dict[str, Any]) -> str:
    if row["validation_correct"] is None:
        outcome = row["error"] or ""
    else:
        accuracy = row["validation_correct"] / row["validation_examples"]
        outcome = f"{row['size_bits']:,} bits, validation {100 * accuracy:.2f} %"
    return (
        f"{row['id']}  {row['created_at']}  {row['data_name']}  {row['status']}  seed {row['seed']}"
        f"  {row['seconds']:.0f} s  {outcome}  ({row['candidate']})"
    )


def _claim_line(row: dict[str, Any]) -> str:
    return (
        f"{row['id']}  {row['created_at']}  {row['data_name']}  target "
        f"{100 * row['target_accuracy']:g} %  {row['size_bits']:,} bits  {row['correct']:,} of "
        f"{row['n_test']:,} correct ({100 * row['wilson_low']:.2f} to "
        f"{100 * row['wilson_high']:.2f} %)  {row['artifact_sha256'][:16]}"
    )


def _artifact_line(row: dict[str, Any]) -> str:
    return f"{row['sha256']}  {row['size_bytes']:,} bytes  {row['created_at']}"


_LINES = {
    LedgerTable.trials: _trial_line,
    LedgerTable.claims: _claim_line,
    LedgerTable.artifacts: _artifact_line,
}


def ledger(
    table: Annotated[LedgerTable, typer.Argument(help="What to list.")] = LedgerTable.claims,
    ledger_path: LedgerOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the ledger's claims, trials (failed ones too) or artifacts, oldest first.

    Example: minbits ledger trials
    """
    store = open_ledger(ledger_path or default_ledger_path())
    try:
        rows = store.rows(table.value)
    finally:
        store.close()
    if as_json:
        print_json(rows)
        return
    console().print(f"{len(rows)} {table.value} in {store.name}", soft_wrap=True)
    for row in rows:
        console().print(_LINES[table](row), soft_wrap=True)
