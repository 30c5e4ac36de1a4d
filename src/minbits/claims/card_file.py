"""Reading a card: JSON that somebody else may have written, so that nothing of it is believed.

What a card holds is written by `minbits.claims.card` (docs/card.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from minbits.checked_json import LARGEST_COUNT, Fields, JsonError, kind_of
from minbits.errors import OutputError
from minbits.types import TrainingRecipe, TrialConfig, trial_config

# Keys that cards of the first version lack.
_LOOKS = "claims_against_test_set"
_COMPANION = "companion"


def card_path(network: Path) -> Path:
    """Return where the card of a network file is."""
    return network.with_suffix(".json")


def no_card(path: Path, error: OSError | JsonError) -> OutputError:
    """Return the error for a file in the place of a card that is none, or cannot be read."""
    reason = getattr(error, "strerror", None) or str(error)
    return OutputError(
        str(path), f"no card of a network file ({reason})", "a card (docs/card.md)",
        "Move it out of the folder.",
    )  # fmt: skip


@dataclass(frozen=True)
class CardClaim:
    """What a card says of its file.

    Attributes:
        data_name: what the data set is called.
        data_digest: SHA-256 of the data set.
        sha256: of the network file.
        size_bits: of the network file.
        n_test: test examples.
        correct: right answers among them.
        target_accuracy: what the file was made for, in (0, 1].
        validation: right answers on validation, and of how many examples.
        looks: how many files were run on the test set, as far as the card knows.
        companion_sha256: of the companion beside the file; None where the card names none.
    """

    data_name: str
    data_digest: str
    sha256: str
    size_bits: int
    n_test: int
    correct: int
    target_accuracy: float
    validation: tuple[int, int]
    looks: int
    companion_sha256: str | None


def card_claim(plain: Any) -> CardClaim:
    """Return what a card says of its file.

    Raises:
        JsonError: if a key is missing or its value is not what it should be.
    """
    card = Fields(plain)
    correct, n_test = card.counts("correct", "n_test")
    target = card.number("target_accuracy")
    if not 0 < target <= 1:
        raise JsonError(f"{target} as 'target_accuracy'")
    return CardClaim(
        data_name=card.text("data"),
        data_digest=card.digest("data_digest"),
        sha256=card.digest("sha256"),
        size_bits=card.count("size_bits"),
        n_test=n_test,
        correct=correct,
        target_accuracy=target,
        validation=card.part("validation").counts("correct", "examples"),
        looks=card.count(_LOOKS) if _LOOKS in card.plain else 1,
        companion_sha256=card.part(_COMPANION).digest("sha256")
        if _COMPANION in card.plain
        else None,
    )


_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "bool": (bool,), "str": (str,),
    "str | None": (str, type(None)),
}  # fmt: skip


def card_config(plain: Any) -> TrialConfig:
    """Return the configuration of the trial that a card tells of.

    Raises:
        JsonError: if a key is missing or its value is not what it should be.
    """
    recipe = Fields(plain, "config.").part("recipe").plain
    try:
        config = trial_config(plain)
    except (TypeError, LookupError) as error:
        raise JsonError(f"a configuration that lacks a value ({error})") from error
    _check_types(vars(config) | {"recipe": ""}, TrialConfig)
    _check_types({name: recipe[name] for name in recipe}, TrainingRecipe)
    return config


def _check_types(values: Mapping[str, Any], record: type) -> None:
    for field in fields(record):
        if field.name not in values:
            continue
        value = values[field.name]
        kinds = _TYPES.get(str(field.type), (str,))
        is_right = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        if isinstance(value, int | float) and not -LARGEST_COUNT <= value <= LARGEST_COUNT:
            is_right = False
        if isinstance(value, float) and not math.isfinite(value):
            is_right = False
        if not is_right:
            raise JsonError(f"{kind_of(value)} as 'config', {field.name}")
