"""JSON that somebody else may have written: read within bounds, each value of the type it needs.

Nothing that such a file says is believed; whoever reads one says so in an error of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from minbits.files import read_text_file

LARGEST_BYTES = 2**24
LARGEST_COUNT = 2**63 - 1
_HEXADECIMAL_DIGITS = frozenset("0123456789abcdef")
_SHA256_DIGITS = 64


class JsonError(ValueError):
    """A file that is not what it should be."""


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        OSError: if it cannot be read, is no regular file or larger than 16 MiB.
        JsonError: if it is no JSON, is nested too deep, or holds text that no file can hold.
    """
    try:
        return parse_json(read_text_file(path, LARGEST_BYTES))
    except UnicodeDecodeError as error:
        raise JsonError(str(error)) from error


def parse_json(text: str, zeros: bool = False) -> Any:
    """Return what a text in JSON holds.

    Args:
        text: the JSON.
        zeros: whether texts in it may hold zero characters.

    Raises:
        JsonError: if it is no JSON, is nested too deep, or holds text that no file can hold.
    """
    try:
        plain = json.loads(text)
    except RecursionError as error:
        raise JsonError("values nested too deep") from error
    except ValueError as error:  # no JSON, or a number of too many digits
        raise JsonError(str(error)) from error
    _check_text(plain, zeros)
    return plain


def _check_text(plain: Any, zeros: bool) -> None:
    """Refuse halves of characters and zero characters, which neither files nor databases take."""
    waiting = [plain]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if ("\0" in value and not zeros) or any(
                "\ud800" <= character <= "\udfff" for character in value
            ):
                raise JsonError("text that is not UTF-8, or holds zero characters")
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]


class Fields:
    """The values of an object in JSON, each of the type that it must have."""

    def __init__(self, plain: Any, place: str = "") -> None:
        if not isinstance(plain, dict):
            raise JsonError(f"{place or 'a card'} that is {kind_of(plain)} and no object")
        self.plain = plain
        self.place = place

    def get(self, key: str) -> Any:
        """Return a value of any type, which must be there."""
        if key not in self.plain:
            raise JsonError(f"no key '{self.place}{key}'")
        return self.plain[key]

    def _refuse(self, key: str, expected: str) -> JsonError:
        return JsonError(
            f"{kind_of(self.plain[key])} as '{self.place}{key}', where {expected} stands"
        )

    def text(self, key: str) -> str:
        """Return a text."""
        value = self.get(key)
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
        value = self.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._refuse(key, "a whole number")
        if not 0 <= value <= LARGEST_COUNT:
            raise JsonError(f"a number out of range as '{self.place}{key}'")
        return value

    def number(self, key: str) -> float:
        """Return a finite number of 0 or more."""
        value = self.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._refuse(key, "a number")
        if not 0 <= value <= LARGEST_COUNT:  # NaN is not, either
            raise JsonError(f"a number out of range as '{self.place}{key}'")
        return float(value)

    def integer(self, key: str, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        value = self.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._refuse(key, "a whole number")
        if not low <= value <= high:
            raise JsonError(f"a number out of range as '{self.place}{key}'")
        return value

    def truth(self, key: str) -> bool:
        """Return true or false."""
        value = self.get(key)
        if not isinstance(value, bool):
            raise self._refuse(key, "true or false")
        return value

    def items(self, key: str) -> list[Any]:
        """Return a list."""
        value = self.get(key)
        if not isinstance(value, list):
            raise self._refuse(key, "a list")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts that differ."""
        values = self.items(key)
        if not all(isinstance(value, str) for value in values):
            raise self._refuse(key, "a list of texts")
        if len(set(values)) != len(values):
            raise JsonError(f"a text twice in '{self.place}{key}'")
        return tuple(values)

    def part(self, key: str) -> Fields:
        """Return an object within."""
        return Fields(self.get(key), f"{self.place}{key}.")

    def counts(self, correct: str, examples: str) -> tuple[int, int]:
        """Return how many of how many examples are right."""
        found = (self.count(correct), self.count(examples))
        if not 0 <= found[0] <= found[1] or found[1] == 0:
            raise JsonError(f"{found[0]} of {found[1]} as '{self.place}{correct}'")
        return found


def kind_of(value: Any) -> str:
    """Return what a value of JSON is called in a message."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "nothing" if value is None else "a number")
