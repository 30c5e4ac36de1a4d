"""The smallest claimed files: of each data set, those that no smaller one beats."""

from __future__ import annotations

import logging

from minbits.ledger.queries import LedgerReader
from minbits.ledger.rows import Row

_log = logging.getLogger(__name__)


def front(ledger: LedgerReader, data_name: str | None, accuracy: float | None) -> list[Row]:
    """Return the rows of the claims that no other claim on the same data beats, smallest first.

    A claim beats another one if its file is no larger and its accuracy no lower. One whose file is
    missing or damaged, or that a verification contradicted, is passed over with a warning.

    Args:
        ledger: to look through.
        data_name: only of the data set of this name; None takes all.
        accuracy: the smallest file alone that reaches it, of each data set; None takes the front.
    """
    fronts: dict[str, list[Row]] = {}
    by_size = sorted(ledger.rows("claims"), key=lambda row: (row["size_bits"], -row["correct"]))
    for row in by_size:
        if data_name is not None and row["data_name"] != data_name:
            continue
        found = fronts.setdefault(row["data_digest"], [])
        reached = row["correct"] / row["n_test"]
        best = found[-1]["correct"] / found[-1]["n_test"] if found else 0.0
        if reached <= best:
            continue
        if (problem := ledger.objection(row, reached)) is not None:
            _log.warning("ledger %s: claim %s is passed over: %s", ledger.name, row["id"], problem)
            continue
        found.append(row)
    if accuracy is None:
        return [row for rows in fronts.values() for row in rows]
    return [
        reaching[0]
        for rows in fronts.values()
        if (reaching := [row for row in rows if row["correct"] >= accuracy * row["n_test"] - 1e-9])
    ]
