"""The card beside a network file: what it reaches, how it was found, how to run it again."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.data.companion import Companion, companion_bytes, companion_path
from minbits.evaluation.accuracy import passes, reaches
from minbits.files import sha256_hex
from minbits.search.reliability import Reliability, plain_reliability
from minbits.studies.kept import KnownLabelCode
from minbits.types import DataSet, TrialOutcome, Verification

# Minified and compressed by zlib: recipes/decoder_size.txt.
DECODER_BITS = 308_000
COUNTING = (
    "8 x bytes of the whole file (magic, version, checksum, architecture, steps, weights); "
    "decoded in a fresh process with NumPy alone; the decoder holds no statistics of any "
    "weights, but its conventions were chosen while working on MNIST, and its own size, "
    f"about {DECODER_BITS:,} bits minified and compressed, is a constant that is not counted"
)


@dataclass(frozen=True)
class CardFacts:
    """What a card is made from.

    ``trial`` is the ledger's row, ``trials`` are all of its candidate: a claim is worth little
    without those that missed. ``views`` and ``front_end`` are read from the file,
    ``reliability`` is the candidate's over seeds, None where only one seed was asked for.
    ``looks`` counts the different files that were run on this test set, and ``lower_limit`` is the
    one-sided limit of the true accuracy after so many. ``label_code`` is the shortest real code of
    the training labels that the ledger knows.
    """

    data: DataSet
    accuracy: float
    verification: Verification
    trial: dict[str, Any]
    trials: Sequence[TrialOutcome]
    looks: int
    lower_limit: float
    views: int
    companion: Companion
    front_end: str | None = None
    reliability: Reliability | None = None
    label_code: KnownLabelCode | None = None


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    return {
        "min": min(values),
        "median": statistics.median(values),
        "max": max(values),
    }


def limit_facts(lower_limit: float, looks: int, accuracy: float) -> dict[str, Any]:
    """Return what a claim says of the true accuracy, as plain data; the keys are stable."""
    return {
        "claims_against_test_set": looks,
        "lower_limit": lower_limit,
        "lower_limit_method": (
            "one-sided limit of Clopper and Pearson at the level 1 - 0.05 / (k (k + 1)) after k "
            "looks: with probability 95 % or more no limit that is ever printed for this test set "
            "is too high, though searches go on until a file passes"
        ),
        "true_accuracy_may_be_below_target": lower_limit < accuracy,
    }


def companion_facts(companion: Companion, name: str, size_bits: int) -> dict[str, Any]:
    """Return what a card says of the companion, and what the bits of all parts are.

    Args:
        companion: of the network file.
        name: of the companion's file.
        size_bits: of the network file.
    """
    return {
        "companion": {"file": name, "sha256": sha256_hex(companion_bytes(companion))},
        "description_bits": {
            "network": size_bits,
            "encoding": companion.encoding_bits,
            "names": companion.names_bits,
        },
        "description_bits_method": (
            "network: 8 x bytes of the network file, which is size_bits and all that sizes are "
            "compared by; encoding: exponents and offsets of a table's columns in Elias gamma "
            "codes; names: 8 x bytes of UTF-8 of the names of classes, columns and categories, "
            "with one byte more for each; encoding and names belong to the data and are in the "
            "companion, as is the temperature, which changes no class and is not counted"
        ),
    }


def card(facts: CardFacts) -> dict[str, Any]:
    """Return the card as plain data; the keys are stable (docs/card.md)."""
    found, trial = facts.verification, facts.trial
    tried = [one for one in facts.trials if one.status != "interrupted"]
    done = [one for one in tried if one.validation_correct is not None]
    plain: dict[str, Any] = {
        "data": facts.data.name,
        "data_digest": facts.data.digest,
        "target_accuracy": facts.accuracy,
        "size_bits": found.size_bits,
        "bytes": found.bytes,
        "sha256": found.sha256,
        "n_test": found.n_test,
        "correct": found.correct,
        "test_accuracy": found.test_accuracy,
        "reached_target": reaches(found.correct, found.n_test, facts.accuracy),
        "wilson_95": [found.wilson_low, found.wilson_high],
        **limit_facts(facts.lower_limit, facts.looks, facts.accuracy),
        "counting": COUNTING,
        "test_time_views": facts.views,
        "inputs": "raw" if facts.front_end is None else "normalised",
        "front_end": facts.front_end,
        "validation": {
            "correct": trial["validation_correct"],
            "examples": trial["validation_examples"],
        },
        "candidate": trial["candidate"],
        "config": json.loads(trial["config"]),
        "seeds_tried": len(tried),
        "successes_on_validation": sum(passes(one, facts.accuracy) for one in done),
        "seeds": [one.config.seed for one in tried],
        "validation_accuracy_spread": _spread([one.validation_accuracy or 0.0 for one in done]),
        "size_bits_spread": _spread([one.size_bits or 0 for one in done]),
        "training_seconds": round(trial["seconds"], 1),
        "created_at": trial["created_at"],
        "code_version": trial["code_version"],
        "libraries": json.loads(trial["libraries"]),
        "machine": json.loads(trial["machine"]),
        "rerun": (
            "minbits.search.trial.run_trial with this config and no time limit gives the same "
            "weights on the same machine"
        ),
    }
    code = facts.label_code
    plain["label_code"] = None if code is None else vars(code)
    if facts.reliability is not None:
        plain["reliability"] = plain_reliability(facts.reliability)
    plain |= companion_facts(
        facts.companion, companion_path(Path(found.path)).name, found.size_bits
    )
    if facts.data.table is not None:
        plain["table_encoding_bits"] = facts.companion.encoding_bits
        plain["table_encoding"] = (
            "exponents and offsets of the table's columns, fitted to training rows, belong to the "
            "data set and are not in size_bits; table_encoding_bits is their length as Elias gamma "
            "codes with one bit a column for its missing-value channel"
        )
    return plain
