"""Which column of a table holds the labels, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minbits.data.typed_columns import listed
from minbits.errors import DataError
from minbits.plain_text import suggested

LABEL_NAMES = ("label", "class", "target", "y")
# A file is named after a label column of these names, since another one may be meant.
_MORE_LABEL_NAMES = (
    "labels", "classes", "classlabel", "species", "category", "diagnosis", "outcome",
)  # fmt: skip
# What numbers of these names say is seldom what is to be learned.
_NO_LABEL_NAMES = (
    "year", "month", "day", "week", "date", "time", "n", "count", "freq", "frequency", "weight",
    "fold",
)  # fmt: skip
_MAX_WHOLE_NUMBERS = 32
_MIN_ROWS_A_CLASS = 2


@dataclass(frozen=True)
class LabelCandidate:
    """What is known of a column that may hold the labels.

    Attributes:
        name: of the column.
        place: its index.
        is_text: whether it holds text.
        is_whole: whether it holds whole numbers alone.
        different: how many different values it holds.
        rows: how many values that are not missing.
    """

    name: str
    place: int
    is_text: bool
    is_whole: bool
    different: int
    rows: int

    @property
    def fits(self) -> bool:
        """Whether its values may be labels: at least two, few beside the rows, and no years."""
        if self.different < 2 or not (self.is_text or self.is_whole):
            return False
        if not self.is_text and _plain(self.name) in _NO_LABEL_NAMES:
            return False
        if self.different == 2:
            return True
        few = self.is_text or self.different <= _MAX_WHOLE_NUMBERS
        return few and self.different * _MIN_ROWS_A_CLASS <= self.rows

    @property
    def description(self) -> str:
        """What it holds, in words."""
        numbers = "whole numbers" if self.is_whole else "numbers"
        kind = "texts" if self.is_text else numbers
        return f"'{self.name}' with {self.different:,} different {kind} in {self.rows:,} rows"


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def named_places(names: Sequence[str]) -> list[int]:
    """Return the indices of columns that are called as label columns are, the best name first."""
    plain = [_plain(name) for name in names]
    return [
        place
        for wanted in (*LABEL_NAMES, *_MORE_LABEL_NAMES)
        for place, name in enumerate(plain)
        if name == wanted
    ]


def stated_label(names: Sequence[str], label: str, where: str) -> int:
    """Return the index of the label column that the user named.

    Raises:
        DataError: if there is no column of that name.
    """
    if label in names:
        return list(names).index(label)
    remedy = suggested(label, names, "Name one with `label`.")
    raise DataError(where, f"no label column '{label}'", listed(names), remedy)


def candidate_places(names: Sequence[str]) -> list[int]:
    """Return the indices of columns that may be taken for the labels, in order of preference."""
    return list(dict.fromkeys([*named_places(names), len(names) - 1, 0]))


def choose_label(
    candidates: Sequence[LabelCandidate], has_header: bool, where: str
) -> tuple[int, str]:
    """Return the index of the label column, and why it is taken.

    Args:
        candidates: of `candidate_places`, in this order: by name, then the last, then the first.
        has_header: whether the names of the columns are the file's own.
        where: what to call the source in an error.

    Raises:
        DataError: if no column is plainly the one.
    """
    named = named_places([item.name for item in candidates]) if has_header else []
    if named:
        # A column called y may be a coordinate where another one has such a name, too.
        best = next((candidates[place] for place in named if candidates[place].fits), None)
        chosen = candidates[named[0]] if best is None else best
        return chosen.place, "by its name"
    first = min(candidates, key=lambda item: item.place)
    last = max(candidates, key=lambda item: item.place)
    is_unclear = first is not last and first.is_text and first.fits and not last.is_text
    if last.fits and not (is_unclear and last.different > 2):
        kind = "text" if last.is_text else "few whole numbers"
        return last.place, f"the last column, which holds {kind}"
    if first.fits and not has_header and not last.fits:
        return first.place, "the first column, since the last holds no classes"
    raise DataError(
        where,
        f"no column that is plainly the label: the last is {last.description}, the first "
        f"{first.description}",
        "a column called label, class, target, y or species, or a last one of few classes",
        "Name the label column with `label`.",
    )
