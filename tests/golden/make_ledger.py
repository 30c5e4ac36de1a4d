"""Writes the golden ledger of this version: only for a new version of the schema.

It holds what a search leaves (trials done, failed and interrupted, claims, files) and a run of
``minbits ledger verify``. The ledgers of older versions were written by the minbits of their time.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from minbits.claims.ledger_verification import verify_ledger
from minbits.data import load
from minbits.jobs.size import size_job
from minbits.jobs.size_request import SizeRequest
from minbits.ledger.exchange import LedgerSource, take
from minbits.ledger.migrate import current_version
from minbits.ledger.provenance import current_provenance
from minbits.ledger.store import Ledger, MeasurementEntry
from minbits.types import TrainingRecipe, TrialConfig, TrialOutcome

PLACE = Path(__file__).parent / "ledgers"


def add_what_a_search_seldom_leaves(ledger: Ledger) -> None:
    recipe, provenance = TrainingRecipe(10, 10), current_provenance("cpu", 2)
    for seed in (8, 9):
        config = TrialConfig("linear 16 relu; linear 3", recipe, seed)
        name = f"{config.architecture} @ rate 1"
        result = TrialOutcome(config, "interrupted", 0.5, candidate=name)
        ledger.append_trial(load("iris"), 0.9, result, provenance)
    config = TrialConfig("linear 4 relu; linear 2", recipe, 7)
    result = TrialOutcome(
        config, "failed", 0.25, "NetworkError: 2 logits; expected 3",
        candidate=f"{config.architecture} @ rate 1",
    )  # fmt: skip
    ledger.append_trial(load("iris"), 0.9, result, provenance)
    settings, data = {"units": 4, "epochs": 10}, load("iris")
    ledger.append_measurements(
        [
            MeasurementEntry(
                data, "trainability", settings, seed, {"test_loss": 0.25 + seed}, 0.125, provenance
            )
            for seed in range(3)
        ]
    )


def main() -> int:
    place = PLACE / current_version() / "ledger.sqlite"
    if place.exists():
        print(f"{place} exists and stays as it is", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        for name in ("iris", "digits"):
            out = Path(folder) / f"{name}.mbn"
            request = SizeRequest(0.9, 0.4, trials=3, workers=2, ledger=path, out=out)
            size_job(load(name), request)
        made, golden = Ledger(path), Ledger(place)
        add_what_a_search_seldom_leaves(made)
        verify_ledger(made)
        take(LedgerSource(made), golden)
        golden.reserve_seeds(load("iris").digest, 0, 2)
        made.close()
        golden.close()
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("VACUUM")
    (place.parent / "ledger-artifacts" / "running").rmdir()
    return 0


if __name__ == "__main__":
    sys.exit(main())
