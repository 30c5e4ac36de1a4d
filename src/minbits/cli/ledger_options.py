"""How commands name a ledger."""

from __future__ import annotations

from enum import StrEnum

from minbits.errors import LedgerError
from minbits.ledger.location import (
    LedgerTarget,
    chosen_ledger,
    ledger_exists,
    ledger_name,
)


class LedgerTable(StrEnum):
    """A table of the ledger."""

    trials = "trials"
    claims = "claims"
    artifacts = "artifacts"
    verifications = "verifications"
    measurements = "measurements"


def existing_ledger(option: LedgerTarget | None) -> LedgerTarget:
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
