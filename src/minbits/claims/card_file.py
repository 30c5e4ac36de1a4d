"""Reading a card: JSON that somebody else may have written, so that nothing of it is believed.

What a card holds is written by `minbits.claims.card` (docs/card.md).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from minbits.files import read_text_file
from minbits.types import TrainingRecipe, TrialConfig, trial_config

LARGEST_BYTES = 2**24
_LARGEST_COUNT = 2**63 - 1
_HEXADECIMAL_DIGITS = frozenset("0123456789abcdef")
_SHA256_DIGITS = 64
_LOOKS = "claims_against_test_set"  # a key that cards of the first version lack


class CardError(ValueError):
    """A card that is none; whoever reads it says so in an error of its own."""


def card_path(network: Path) -> Path:
    """Return where the card of a network file is."""
    return network.with_suffix(".json")


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        OSError: if it cannot be read, is no regular file or larger than 16 MiB.
        CardError: if it is no JSON, is nested too deep, or holds text that no file can hold.
    """
    try:
        plain = json.loads(read_text_file(path, LARGEST_BYTES))
    except RecursionError as error:
        raise CardError("values nested too deep") from error
    except ValueError as error:  # no JSON, not UTF-8, or a number of too many digits
        raise CardError(str(error)) from error
    _check_text(plain)
    return plain


def _check_text(plain: Any) -> None:
    """Refuse halves of characters and zero characters, which neither files nor databases take."""
    waiting = [plain]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
                raise CardError("text that is not UTF-8, or holds zero characters")
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]


class Fields:
    """The values of a card, each of the type that it must have."""

    def __init__(self, plain: Any, place: str = "") -> None:
        if not isinstance(plain, dict):
            raise CardError(f"{place or 'a card'} that is {_kind(plain)} and no object")
        self.plain = plain
        self.place = place

    def _get(self, key: str) -> Any:
        if key not in self.plain:
            raise CardError(f"no key '{self.place}{key}'")
        return self.plain[key]

    def _refuse(self, key: str, expected: str) -> CardError:
        return CardError(
            f"{_kind(self.plain[key])} as '{self.place}{key}', where {expected} stands"
        )

    def text(self, key: str) -> str:
        """Return a text."""
        value = self._get(key)
        if not isinstance(value, str):
            raise self._refuse(key, "a text")
        return value

    def digest(self, key: str) -> str:
        """Return a SHA-256 as 64 hexadecimal digits."""
        value = self.text(key)
        if len(value) != _SHA256_DIGITS or not set(value) <= _HEXADECIMAL_DIGITS:
            raise self._refuse(key, "a SHA-256")
        return value

    def count(self, key: str) -> int:
        """Return a whole number of 0 or more."""
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._refuse(key, "a whole number")
        if not 0 <= value <= _LARGEST_COUNT:
            raise CardError(f"a number out of range as '{self.place}{key}'")
        return value

    def number(self, key: str) -> float:
        """Return a finite number of 0 or more."""
        value = self._get(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._refuse(key, "a number")
        if not 0 <= value <= _LARGEST_COUNT:  # NaN is not, either
            raise CardError(f"a number out of range as '{self.place}{key}'")
        return float(value)

    def part(self, key: str) -> Fields:
        """Return an object within."""
        return Fields(self._get(key), f"{self.place}{key}.")

    def counts(self, correct: str, examples: str) -> tuple[int, int]:
        """Return how many of how many examples are right."""
        found = (self.count(correct), self.count(examples))
        if not 0 <= found[0] <= found[1] or found[1] == 0:
            raise CardError(f"{found[0]} of {found[1]} as '{self.place}{correct}'")
        return found


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "nothing" if value is None else "a number")


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


def card_claim(plain: Any) -> CardClaim:
    """Return what a card says of its file.

    Raises:
        CardError: if a key is missing or its value is not what it should be.
    """
    card = Fields(plain)
    correct, n_test = card.counts("correct", "n_test")
    target = card.number("target_accuracy")
    if not 0 < target <= 1:
        raise CardError(f"{target} as 'target_accuracy'")
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
    )


_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "bool": (bool,), "str": (str,),
    "str | None": (str, type(None)),
}  # fmt: skip


def card_config(plain: Any) -> TrialConfig:
    """Return the configuration of the trial that a card tells of.

    Raises:
        CardError: if a key is missing or its value is not what it should be.
    """
    recipe = Fields(plain, "config.").part("recipe").plain
    try:
        config = trial_config(plain)
    except (TypeError, LookupError) as error:
        raise CardError(f"a configuration that lacks a value ({error})") from error
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
        if isinstance(value, int | float) and not -_LARGEST_COUNT <= value <= _LARGEST_COUNT:
            is_right = False
        if isinstance(value, float) and not math.isfinite(value):
            is_right = False
        if not is_right:
            raise CardError(f"{_kind(value)} as 'config', {field.name}")
