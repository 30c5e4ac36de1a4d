"""Whether a text is the configuration of a trial that a search can learn from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import cache, lru_cache
from typing import Any, get_args, get_origin, get_type_hints

from minbits.errors import NetworkError
from minbits.ledger.shown import shown
from minbits.networks.grammar import parse_architecture
from minbits.types import TrainingRecipe, TrialConfig

MAX_INTEGER = 2**31 - 1  # what a column of PostgreSQL holds
# Far above any rate, weight or strength that trains a network, and far from overflow.
MAX_NUMBER = 1e12
MAX_MOVE_LENGTH = 100
# A network has at most 64 layers; nothing that takes long to read is read.
MAX_ARCHITECTURE_LENGTH = 16_384
MAX_CONFIG_LENGTH = 65_536
DIGEST = re.compile(r"[0-9a-f]{64}")

# Says what was expected where a value is not that; None where it is.
Check = Callable[[Any], str | None]
# A field's name, whether it must be there, and its check.
_FieldCheck = tuple[str, bool, Check]


def parse_json(text: str | bytes) -> object:
    """Return what a JSON text stands for.

    Raises:
        ValueError: if it is no JSON, holds NaN or an infinity, or is nested too deep.
    """
    try:
        return _DECODER.decode(text.decode() if isinstance(text, bytes) else text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


# Made once: every row of a ledger that is read is checked.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def is_whole(value: object, low: int, high: int) -> bool:
    """Whether a value is a whole number in a range, both ends included."""
    return type(value) is int and low <= value <= high


def is_number(value: object, low: float, high: float) -> bool:
    """Whether a value is a finite number in a range, both ends included."""
    # Never true of NaN; a whole number too large for a float is compared exactly.
    if type(value) is float or type(value) is int:
        return low <= value <= high
    return isinstance(value, float) and low <= value <= high  # one of NumPy's


@lru_cache(maxsize=10_000)
def architecture_fault(text: str) -> str | None:
    """Return what is wrong with the text of an architecture, or None."""
    try:
        parse_architecture(text, (1, 1, 1), 0)
    except NetworkError as error:
        return f"an architecture with {shown(error.got)} in {shown(error.where)}"
    except ValueError:  # such as a number of thousands of digits
        return "a number that cannot be read"
    return None


def _check_of(hint: Any, least: int = 0) -> Check:
    """Return the check of a field from its type."""
    if hint is bool:
        return lambda value: None if type(value) is bool else "true or false"
    if hint is int:
        expected = f"a whole number from {least} to {MAX_INTEGER}"
        return lambda value: None if is_whole(value, least, MAX_INTEGER) else expected
    if hint is float:
        expected = f"a number from 0 to {MAX_NUMBER:g}"
        return lambda value: None if is_number(value, 0.0, MAX_NUMBER) else expected
    assert get_origin(hint) is not None, hint
    choices = get_args(hint)
    expected = f"one of {', '.join(choices)}"
    return lambda value: None if isinstance(value, str) and value in choices else expected


@cache
def _recipe_checks() -> tuple[_FieldCheck, ...]:
    hints = get_type_hints(TrainingRecipe)
    return tuple(
        (f.name, f.default is MISSING, _check_of(hints[f.name], int(f.name == "batch_size")))
        for f in fields(TrainingRecipe)
    )


def _digest_or_none(value: object) -> str | None:
    is_good = value is None or (isinstance(value, str) and DIGEST.fullmatch(value) is not None)
    return None if is_good else "64 hexadecimal digits, or null"


def _architecture(value: object) -> str | None:
    is_good = isinstance(value, str) and len(value) <= MAX_ARCHITECTURE_LENGTH
    return None if is_good else f"a text of at most {MAX_ARCHITECTURE_LENGTH:,} characters"


def _move_or_none(value: object) -> str | None:
    is_good = value is None or (isinstance(value, str) and len(value) <= MAX_MOVE_LENGTH)
    return None if is_good else f"at most {MAX_MOVE_LENGTH} characters, or null"


@cache
def _config_checks() -> tuple[_FieldCheck, ...]:
    hints = get_type_hints(TrialConfig)
    return (
        ("architecture", True, _architecture),
        ("seed", True, _check_of(int)),
        ("engine", False, _check_of(hints["engine"])),
        ("parent", False, _digest_or_none),
        ("move", False, _move_or_none),
    )


def config_fault(text: str, seed: object) -> str | None:
    """Return why a text is no trial's configuration, or None.

    Fields that this version does not know are left alone: older versions had some.

    Args:
        text: JSON.
        seed: that the configuration must have.
    """
    if len(text) > MAX_CONFIG_LENGTH:
        return f"more than {MAX_CONFIG_LENGTH:,} characters"
    try:
        plain = parse_json(text)
    except ValueError:
        return "no JSON"
    if not isinstance(plain, dict) or not isinstance(plain.get("recipe"), dict):
        return "no recipe"
    problem = _field_fault(plain["recipe"], _recipe_checks()) or _field_fault(
        plain, _config_checks()
    )
    if problem is None and plain["seed"] != seed:
        return "another seed"
    return problem or architecture_fault(plain["architecture"])


def _field_fault(plain: dict[str, Any], checks: tuple[_FieldCheck, ...]) -> str | None:
    for name, is_needed, check in checks:
        if name not in plain:
            if is_needed:
                return f"no {name}"
            continue
        if (expected := check(plain[name])) is not None:
            return f"a field {name} that is not {expected}"
    return None
