"""What is appended to a ledger, as rows of its tables."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from minbits.files import sha256_hex
from minbits.ledger.provenance import Provenance
from minbits.ledger.schema import TRAINING_COUNTS
from minbits.types import DataSet, Plain, TrialOutcome, Verification, plain_config, trial_config

Row = dict[str, Any]
UID_DIGITS = 32  # hexadecimal ones
MAX_TEXT_LENGTH = 2**20
VerificationOutcome = Literal["confirmed", "differs", "damaged", "missing", "failed", "no data"]


@dataclass(frozen=True)
class TrialEntry:
    """A trial that ended, and what it was a trial of.

    Attributes:
        data: the data set.
        target_accuracy: that was searched for, in (0, 1].
        outcome: what came of it.
        provenance: the code, libraries and machine that made it.
        uid: 32 hexadecimal digits that the row is known by in every ledger; None draws new ones. An
            entry that is in the ledger under its uid is not appended again: a result may arrive
            twice. Another one of the same uid is appended under a second name.
        created_at: when it ended, UTC in ISO 8601; None: now.
    """

    data: DataSet
    target_accuracy: float
    outcome: TrialOutcome
    provenance: Provenance
    uid: str | None = None
    created_at: str | None = None


@dataclass(frozen=True)
class VerificationEntry:
    """One more run of a claimed file.

    Attributes:
        claim: the row of the claim.
        outcome: ``confirmed``: the same bytes and counts; ``differs``: other counts; ``damaged`` or
            ``missing``: the file; ``failed``: it could not be run; ``no data``: it was decoded, but
            the data set is not at hand.
        problem: in words; None where there is none.
        seconds: that it took.
        provenance: the code, libraries and machine that ran it.
        found: what was counted; None where nothing was.
    """

    claim: Row
    outcome: VerificationOutcome
    problem: str | None
    seconds: float
    provenance: Provenance
    found: Verification | None = None


@dataclass(frozen=True)
class MeasurementEntry:
    """What a study measured of one network.

    Attributes:
        data: the data set.
        study: the key of the study.
        settings: all that the result depends on but the data and the seed, as plain values.
        seed: of the network.
        result: what was measured, as plain values; no NaN and no infinity.
        seconds: that it took, by the clock.
        provenance: the code, libraries and machine that made it.
    """

    data: DataSet
    study: str
    settings: Mapping[str, Plain]
    seed: int
    result: Mapping[str, Plain]
    seconds: float
    provenance: Provenance


def now() -> str:
    """Return the time of day, UTC; nothing but this text depends on the clock being right."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def new_uid() -> str:
    """Return a name for a row that no other row of any ledger has."""
    return uuid.uuid4().hex


def storable_text(text: str) -> str:
    """Return a text as a ledger can hold it: no NUL, no halves of characters, not endless."""
    # PostgreSQL's texts hold no NUL; a name of a file may be no Unicode.
    whole = text.replace("\0", "\\0").encode(errors="backslashreplace").decode()
    return whole if len(whole) <= MAX_TEXT_LENGTH else f"{whole[: MAX_TEXT_LENGTH - 1]}…"


def second_name(row: Row) -> str:
    """Return the uid of a row whose own uid stands for another row: it follows from all it holds.

    Args:
        row: without its number.
    """
    # As older versions named it, which had no such columns.
    held = {k: v for k, v in row.items() if k not in TRAINING_COUNTS or v is not None}
    return sha256_hex(json.dumps(held, sort_keys=True).encode())[:UID_DIGITS]


def row_hash(subject: str, data_digest: str, code_version: str) -> str:
    """Return the SHA-256 of what a row is about: a configuration or a file, the data, the code."""
    return sha256_hex(f"{subject}\n{data_digest}\n{code_version}".encode())


_SUBJECTS = {"trials": "config", "measurements": "settings"}


def expected_row_hash(table: str, row: Row) -> str:
    """Return the hash that a row of any table but artifacts must have."""
    subject = row[_SUBJECTS.get(table, "artifact_sha256")]
    return row_hash(subject, row["data_digest"], row["code_version"])


def _made_by(provenance: Provenance, seconds: float, energy_joules: float | None) -> Row:
    # A counter that tells nonsense must not cost the row.
    is_energy = energy_joules is not None and math.isfinite(energy_joules) and energy_joules >= 0
    return {
        "code_version": provenance.code_version,
        "libraries": json.dumps(provenance.libraries, sort_keys=True),
        "machine": json.dumps(provenance.machine, sort_keys=True),
        "seconds": seconds,
        "energy_joules": energy_joules if is_energy else None,
    }


def plain_text_of(values: Mapping[str, Plain]) -> str:
    """Return plain values as JSON that is the same for the same values.

    Raises:
        ValueError: if one is NaN or infinite.
    """
    return json.dumps(values, sort_keys=True, allow_nan=False)


def measurement_row(entry: MeasurementEntry) -> Row:
    """Return the row of a measurement.

    Raises:
        ValueError: if a value is NaN or infinite.
    """
    settings = plain_text_of(entry.settings)
    return {
        "uid": new_uid(),
        "created_at": now(),
        "row_hash": row_hash(settings, entry.data.digest, entry.provenance.code_version),
        "data_name": storable_text(entry.data.name),
        "data_digest": entry.data.digest,
        "study": entry.study,
        "settings": settings,
        "seed": entry.seed,
        "result": plain_text_of(entry.result),
        **_made_by(entry.provenance, entry.seconds, None),
    }


def trial_row(entry: TrialEntry) -> Row:
    """Return the row of a trial; `trial_outcome` is the way back."""
    outcome, provenance = entry.outcome, entry.provenance
    config = json.dumps(plain_config(outcome.config), sort_keys=True)
    return {
        "uid": entry.uid or new_uid(),
        "created_at": entry.created_at or now(),
        "row_hash": row_hash(config, entry.data.digest, provenance.code_version),
        "data_name": storable_text(entry.data.name),
        "data_digest": entry.data.digest,
        "target_accuracy": entry.target_accuracy,
        "candidate": storable_text(outcome.candidate),
        "config": config,
        "seed": outcome.config.seed,
        "status": outcome.status,
        "error": None if outcome.error is None else storable_text(outcome.error),
        "validation_correct": outcome.validation_correct,
        "validation_examples": outcome.validation_examples,
        "training_correct": outcome.training_correct,
        "training_examples": outcome.training_examples,
        "size_bits": outcome.size_bits,
        "artifact_sha256": outcome.sha256,
        **_made_by(provenance, outcome.seconds, outcome.energy_joules),
    }


def trial_outcome(row: Row) -> TrialOutcome:
    """Return what a row of trials says, without the content of its file."""
    return TrialOutcome(
        config=trial_config(json.loads(row["config"])),
        status=row["status"],
        seconds=row["seconds"],
        error=row["error"],
        validation_correct=row["validation_correct"],
        validation_examples=row["validation_examples"],
        energy_joules=row["energy_joules"],
        training_correct=row["training_correct"],
        training_examples=row["training_examples"],
        candidate=row["candidate"],
        size_bits=row["size_bits"],
        sha256=row["artifact_sha256"],
        is_past=True,
    )


def claim_row(
    data: DataSet, target_accuracy: float, found: Verification, provenance: Provenance
) -> Row:
    """Return the row of a claim."""
    return {
        "uid": new_uid(),
        "created_at": now(),
        "row_hash": row_hash(found.sha256, data.digest, provenance.code_version),
        "data_name": storable_text(data.name),
        "data_digest": data.digest,
        "target_accuracy": target_accuracy,
        "artifact_sha256": found.sha256,
        "size_bits": found.size_bits,
        "n_test": found.n_test,
        "correct": found.correct,
        "wilson_low": found.wilson_low,
        "wilson_high": found.wilson_high,
        **_made_by(provenance, found.seconds, found.energy_joules),
    }


def verification_row(entry: VerificationEntry) -> Row:
    """Return the row of a verification."""
    claim, found = entry.claim, entry.found
    sha256, digest = claim["artifact_sha256"], claim["data_digest"]
    return {
        "uid": new_uid(),
        "created_at": now(),
        "row_hash": row_hash(sha256, digest, entry.provenance.code_version),
        "data_name": claim["data_name"],
        "data_digest": digest,
        "claim_uid": claim["uid"],
        "artifact_sha256": sha256,
        "outcome": entry.outcome,
        "problem": None if entry.problem is None else storable_text(entry.problem),
        "n_test": None if found is None else found.n_test,
        "correct": None if found is None else found.correct,
        **_made_by(entry.provenance, entry.seconds, None if found is None else found.energy_joules),
    }
