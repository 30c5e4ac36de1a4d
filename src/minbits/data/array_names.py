"""Which arrays of an archive or a folder are inputs and labels, by the names that people use."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from minbits.data.typed_columns import listed
from minbits.errors import DataError

_ROLES = {
    "inputs": "x|xs|data|images?|imgs?|features?|inputs?|samples?",
    "labels": "y|ys|targets?|labels?|classes|class|labs?",
}
_PARTS = {
    "train": "train|training|tr",
    "validation": "val|valid|validation|dev",
    "test": "test|testing|te|ts",
}
_NUMBERED = re.compile(r"arr_\d+")


@dataclass(frozen=True)
class ArrayLayout:
    """The names of arrays: inputs and labels of each part.

    Attributes:
        train: of the training examples.
        test: of the test set, None where there is none.
        validation: of the validation examples, None where there are none.
    """

    train: tuple[str, str]
    test: tuple[str, str] | None = None
    validation: tuple[str, str] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All names, inputs before labels."""
        return (*self.train, *(self.test or ()), *(self.validation or ()))


def _alternatives(kinds: dict[str, str], label: str) -> str:
    return f"(?P<{label}>{'|'.join(kinds.values())})"


_FORMS = [
    re.compile(f"{_alternatives(_ROLES, 'role')}(?:[_.-]?{_alternatives(_PARTS, 'part')})?"),
    re.compile(f"{_alternatives(_PARTS, 'part')}[_.-]?{_alternatives(_ROLES, 'role')}"),
]


def _meaning(name: str) -> tuple[str, str] | None:
    """Return part and role of an array, None where its name says nothing."""
    for form in _FORMS:
        match = form.fullmatch(name.lower())
        if match is not None:
            role = next(key for key, text in _ROLES.items() if re.fullmatch(text, match["role"]))
            part = "train" if match["part"] is None else match["part"]
            return next(key for key, text in _PARTS.items() if re.fullmatch(text, part)), role
    return None


def may_be_read(name: str) -> bool:
    """Return whether an array's name says that it holds inputs or labels."""
    return _meaning(name) is not None or _NUMBERED.fullmatch(name) is not None


def find_layout(
    names: Collection[str], dimensions: Callable[[str], int], where: str, ending: str = ""
) -> ArrayLayout:
    """Return which arrays hold what.

    Args:
        names: of all arrays.
        dimensions: gives the number of axes of an array.
        where: what to call the source in an error.
        ending: of the names as they are shown.

    Raises:
        DataError: if there is no pair of inputs and labels, or two arrays have one meaning.
    """
    if names and all(_NUMBERED.fullmatch(name) for name in names):
        return _numbered(len(names), dimensions, where, ending)
    found: dict[tuple[str, str], str] = {}
    for name in sorted(names):
        meaning = _meaning(name)
        if meaning is not None and meaning in found:
            raise DataError(
                where,
                f"'{found[meaning]}{ending}' and '{name}{ending}', both for the {meaning[1]}",
                _expected(ending), "Rename or remove one.",
            )  # fmt: skip
        if meaning is not None:
            found[meaning] = name
    pairs = {part: _pair(found, part) for part in _PARTS}
    for part, pair in pairs.items():
        if (pair is None) and any(key[0] == part for key in found):
            raise _unknown(names, where, ending)
    if pairs["train"] is None:
        raise _unknown(names, where, ending)
    return ArrayLayout(pairs["train"], pairs["test"], pairs["validation"])


def _pair(found: dict[tuple[str, str], str], part: str) -> tuple[str, str] | None:
    inputs, labels = found.get((part, "inputs")), found.get((part, "labels"))
    return None if inputs is None or labels is None else (inputs, labels)


def _expected(ending: str) -> str:
    names = [f"{name}{ending}" for name in ("x", "y", "x_train", "y_train", "x_test", "y_test")]
    return (
        f"{names[0]} and {names[1]}, or {', '.join(names[2:5])} and {names[5]} (also images and "
        "labels, data and target, and such)"
    )


def _unknown(names: Collection[str], where: str, ending: str) -> DataError:
    shown = listed(sorted(f"{name}{ending}" for name in names))
    return DataError(where, f"arrays {shown}", _expected(ending), "Rename the arrays.")


def _numbered(count: int, dimensions: Callable[[str], int], where: str, ending: str) -> ArrayLayout:
    """Return what arrays without names hold: pairs, or inputs of both parts before the labels."""
    names = [f"arr_{index}" for index in range(count)]
    if count == 2:
        return ArrayLayout((names[0], names[1]))
    if count == 4:
        first, second, third, last = names
        if dimensions(second) > dimensions(third):
            return ArrayLayout((first, third), (second, last))
        return ArrayLayout((first, second), (third, last))
    raise _unknown(names, where, ending)
