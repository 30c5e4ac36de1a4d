"""What a row of the ledger may hold: one schema for what is appended, imported, merged and read.

A row that passes can be relied upon by whoever reads it: numbers are finite and in their ranges,
texts can be printed as what they are meant to be, and a configuration is that of a trial. What a
row says of *other* rows is for `minbits.ledger.references` to check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, get_args

import sqlalchemy as sa

from minbits.ledger.config_check import (
    DIGEST,
    MAX_INTEGER,
    config_fault,
    is_number,
    is_whole,
    parse_json,
)
from minbits.ledger.rows import MAX_TEXT_LENGTH, UID_DIGITS, VerificationOutcome
from minbits.ledger.schema import ARTIFACTS, MEASUREMENTS, TABLES
from minbits.ledger.shown import shown
from minbits.types import TrialStatus
from minbits.units import BITS_PER_BYTE

MAX_BITS = 2**63 - 1
_MAX_SECONDS = 1e12
_MAX_JOULES = 1e15
_MAX_STUDY = 32  # characters
_HEXADECIMAL = "0123456789abcdef"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row.

    Attributes:
        got: what it holds.
        expected: what it should hold.
    """

    got: str
    expected: str

    def __str__(self) -> str:
        return f"{self.got}; expected {self.expected}"


# Says what was expected where a value is not that; None where it is.
_Check = Callable[[Any], str | None]


def _whole(low: int, high: int = MAX_INTEGER) -> _Check:
    expected = f"a whole number from {low} to {high}"
    return lambda value: None if is_whole(value, low, high) else expected


def _number(low: float, high: float) -> _Check:
    expected = f"a finite number from {low:g} to {high:g}"
    return lambda value: None if is_number(value, low, high) else expected


def _hexadecimal(digits: int) -> _Check:
    def check(value: object) -> str | None:
        if isinstance(value, str) and len(value) == digits and not value.strip(_HEXADECIMAL):
            return None
        return f"{digits} hexadecimal digits"

    return check


def _one_of(names: tuple[str, ...]) -> _Check:
    expected = f"one of {', '.join(names)}"
    return lambda value: None if isinstance(value, str) and value in names else expected


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return "a text"
    if len(value) > MAX_TEXT_LENGTH:
        return f"at most {MAX_TEXT_LENGTH:,} characters"
    if value.isascii():
        return "a text without NUL" if "\0" in value else None
    return _unusual_text(value)


def _unusual_text(value: str) -> str | None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return "a text of Unicode"
    return "a text without NUL" if "\0" in value else None


@lru_cache(maxsize=10_000)
def _facts_fault(value: str) -> str | None:
    try:
        facts = parse_json(value)
    except ValueError:
        return "JSON"
    if not isinstance(facts, dict):
        return "a JSON object"
    plain = (str, int, float, bool, type(None))
    return None if all(isinstance(fact, plain) for fact in facts.values()) else "plain values"


def _facts(value: object) -> str | None:
    return _text(value) or _facts_fault(value)


def _study(value: object) -> str | None:
    is_good = isinstance(value, str) and len(value) <= _MAX_STUDY and value.isidentifier()
    return None if is_good else f"a name of at most {_MAX_STUDY} characters"


def _settings(value: object) -> str | None:
    if (expected := _text(value)) is not None:
        return expected
    assert isinstance(value, str)
    try:
        is_good = isinstance(parse_json(value), dict)
    except ValueError:
        is_good = False
    return None if is_good else "a JSON object"


@lru_cache(maxsize=10_000)
def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).utcoffset() is not None
    except ValueError:
        return False


def _time(value: object) -> str | None:
    is_good = isinstance(value, str) and len(value) <= 32 and value.isascii() and _is_time(value)
    return None if is_good else "a time of ISO 8601 with its offset from UTC"


def _accuracy(value: object) -> str | None:
    is_good = is_number(value, 0.0, 1.0) and value != 0
    return None if is_good else "a number above 0 and at most 1"


_COLUMNS: dict[str, _Check] = {
    "id": _whole(1, MAX_BITS),
    "sha256": _hexadecimal(64),
    "size_bytes": _whole(1, MAX_BITS // BITS_PER_BYTE),
    "uid": _hexadecimal(UID_DIGITS),
    "created_at": _time,
    "row_hash": _hexadecimal(64),
    "data_name": _text,
    "data_digest": _hexadecimal(64),
    "target_accuracy": _accuracy,
    "candidate": _text,
    "config": _text,
    "seed": _whole(0),
    "status": _one_of(get_args(TrialStatus)),
    "error": _text,
    "validation_correct": _whole(0),
    "validation_examples": _whole(1),
    "training_correct": _whole(0),
    "training_examples": _whole(1),
    "size_bits": _whole(BITS_PER_BYTE, MAX_BITS),
    "artifact_sha256": _hexadecimal(64),
    "n_test": _whole(1),
    "correct": _whole(0),
    "wilson_low": _number(0.0, 1.0),
    "wilson_high": _number(0.0, 1.0),
    "claim_uid": _hexadecimal(UID_DIGITS),
    "outcome": _one_of(get_args(VerificationOutcome)),
    "problem": _text,
    "study": _study,
    "settings": _settings,
    "result": _settings,
    "code_version": _text,
    "libraries": _facts,
    "machine": _facts,
    "seconds": _number(0.0, _MAX_SECONDS),
    "energy_joules": _number(0.0, _MAX_JOULES),
}

# Counts that stand together or not at all: of right answers, and of examples.
_COUNTS = {
    "trials": (
        ("validation_correct", "validation_examples"),
        ("training_correct", "training_examples"),
    ),
    "claims": (("correct", "n_test"),),
    "verifications": (("correct", "n_test"),),
}


def _checks_of(table: sa.Table) -> list[tuple[str, bool, _Check]]:
    return [(column.name, bool(column.nullable), _COLUMNS[column.name]) for column in table.c]


_CHECKS = {name: _checks_of(table) for name, table in TABLES.items()}


def row_fault(table: str, row: Mapping[str, Any]) -> Fault | None:
    """Return what is wrong with a row, looked at by itself, or None.

    Args:
        table: that it is of.
        row: a value for every column; its number may be missing.
    """
    for name, may_be_null, check in _CHECKS[table]:
        if name not in row:
            if name == "id":
                continue
            return Fault(f"no {name}", f"a row of {table}")
        value = row[name]
        if value is None and may_be_null:
            continue
        if (expected := check(value)) is not None:
            return Fault(f"{name} {shown(value)}", expected)
    if table in (ARTIFACTS.name, MEASUREMENTS.name):
        return None
    return _counts_fault(table, row) or (_trial_fault(row) if table == "trials" else None)


def _counts_fault(table: str, row: Mapping[str, Any]) -> Fault | None:
    for correct, examples in _COUNTS[table]:
        right, of = row[correct], row[examples]
        if (right is None) != (of is None):
            return Fault(f"{correct} {right} and {examples} {of}", "both or neither")
        if right is not None and right > of:
            return Fault(f"{correct} {right}", f"at most {examples}, {of}")
    if table == "claims" and row["wilson_low"] > row["wilson_high"]:
        return Fault(f"wilson_low {row['wilson_low']}", f"at most {row['wilson_high']}")
    if table == "claims" and row["size_bits"] % BITS_PER_BYTE:
        return Fault(f"size_bits {row['size_bits']}", "bits of whole bytes")
    return None


def _trial_fault(row: Mapping[str, Any]) -> Fault | None:
    if (problem := config_fault(row["config"], row["seed"])) is not None:
        return Fault(f"config with {problem}", "the configuration of a trial")
    size, file, counted = row["size_bits"], row["artifact_sha256"], row["validation_correct"]
    if (size is None) != (file is None):
        return Fault(f"size_bits {size} and artifact_sha256 {file}", "both or neither")
    if size is not None and size % BITS_PER_BYTE:
        return Fault(f"size_bits {size}", "bits of whole bytes")
    if file is None and (counted is not None or row["training_correct"] is not None):
        return Fault("counts without a file", "the file that they are of")
    if row["status"] == "done" and (file is None or counted is None):
        return Fault("a trial that is done", "its file and its counts on validation")
    return None


def is_digest(value: object) -> bool:
    """Whether a value is a SHA-256 as the ledger writes it."""
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def is_uid(value: object) -> bool:
    """Whether a value is a name as rows and runs have it."""
    return _COLUMNS["uid"](value) is None
