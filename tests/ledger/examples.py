"""Trials and claims to put into ledgers."""

from __future__ import annotations

from minbits.files import sha256_hex
from minbits.ledger.provenance import Provenance
from minbits.ledger.store import Ledger, MeasurementEntry, VerificationEntry
from minbits.types import DataSet, TrainingRecipe, TrialConfig, TrialOutcome, Verification

PROVENANCE = Provenance("0+test", {"numpy": "2"}, {"cores": 2})
CONFIG = TrialConfig("linear 2", TrainingRecipe(1, 1), 5)


def done(content: bytes, correct: int = 10) -> TrialOutcome:
    return TrialOutcome(
        CONFIG, "done", 1.5, network_file=content, validation_correct=correct,
        validation_examples=10, energy_joules=20.5, training_correct=19, training_examples=20,
    )  # fmt: skip


def failed(error: str = "ValueError: no") -> TrialOutcome:
    return TrialOutcome(CONFIG, "failed", 0.5, error=error)


def verification(content: bytes, correct: int, n_test: int = 10_000) -> Verification:
    size = len(content)
    return Verification(
        "x.mbn", sha256_hex(content), size, 8 * size, n_test, correct, correct / n_test, 0.1, 0.9,
        2.0,
    )  # fmt: skip


def fill(ledger: Ledger, data: DataSet, *contents: bytes, correct: int = 9900) -> None:
    """Append a trial and a claim for every content, and a trial that failed."""
    for content in contents:
        ledger.append_trial(data, 0.99, done(content).of_candidate("rung"), PROVENANCE)
        ledger.append_claim(data, 0.99, verification(content, correct), PROVENANCE)
    ledger.append_trial(data, 0.99, failed().of_candidate("rung"), PROVENANCE)


def fill_rest(ledger: Ledger, data: DataSet) -> None:
    """Append a verification of the first claim, of the content b"one", and two measurements."""
    claim, found = ledger.rows("claims")[0], verification(b"one", 9900)
    ledger.append_verification(VerificationEntry(claim, "confirmed", None, 2.0, PROVENANCE, found))
    ledger.append_measurements(
        [
            MeasurementEntry(data, "toy", {"units": 4}, seed, {"loss": 0.5}, 1.5, PROVENANCE)
            for seed in range(2)
        ]
    )
