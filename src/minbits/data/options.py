"""What a user may say about data beside the path: the options of `load`, and of every command."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from minbits.errors import ArgumentError
from minbits.requests import Request, option, options_of

_MAX_SIDE = 4096

ROWS = ("drop_rare",)
ARRAY = (*ROWS, "shape")
TABLE = (*ARRAY, "label", "categorical", "drop", "drop_missing")
TEXT_TABLE = (*TABLE, "encoding", "decimal")
CSV_TABLE = (*TEXT_TABLE, "header")
IMAGES = (*ROWS, "label", "resize", "colour", "background")


def _are_sides(value: tuple[int, ...]) -> bool:
    return all(1 <= side <= _MAX_SIDE for side in value)


@dataclass(frozen=True, kw_only=True)
class LoadOptions(Request):
    """What a user may say about data; see `minbits.requests`."""

    label: str | None = option(
        None,
        "The label column of a table.",
        shown="by its name (label, class, target, y, species, …), or else the last, if it fits",
    )
    categorical: tuple[str, ...] = option(
        (), "A column of numbers to be read as categories; may be repeated."
    )
    drop: tuple[str, ...] = option((), "A column to leave out; may be repeated.")
    drop_missing: bool = option(False, "Leave out rows in which a value is missing.")
    drop_rare: bool = option(
        False,
        "Leave out classes of fewer than three examples, which cannot be in training, validation "
        "and test set at once.",
    )
    header: bool | None = option(
        None,
        "Whether the first row of a text table holds the names of the columns.",
        shown="as the row looks",
        negatable=True,
    )
    encoding: str = option("utf-8", "How a text file is encoded, such as latin-1 or cp1252.")
    decimal: Literal[".", ","] = option(".", "The decimal sign of numbers in a text file.")
    shape: tuple[int, ...] | None = option(
        None,
        "The shape of the image that an example's numbers are, such as 28x28 or 3x32x32.",
        shown="as they are",
        check=(
            lambda value: len(value) in (2, 3) and _are_sides(value),
            f"HEIGHTxWIDTH or CHANNELSxHEIGHTxWIDTH up to {_MAX_SIDE}, such as 28x28",
        ),
    )
    resize: tuple[int, ...] | None = option(
        None,
        "HEIGHTxWIDTH that images of a folder are brought to, such as 28x28.",
        shown="as they are",
        check=(
            lambda value: len(value) == 2 and _are_sides(value),
            f"HEIGHTxWIDTH up to {_MAX_SIDE}, such as 28x28",
        ),
    )
    colour: Literal["grey", "rgb"] | None = option(
        None, "What images of a folder are converted to.", shown="as they are"
    )
    background: Literal["black", "white"] | None = option(
        None, "What transparent images of a folder are laid on.", shown="they are refused"
    )

    def only(self, where: str, *names: str) -> None:
        """Refuse options that mean nothing for a source.

        Args:
            where: what the source is called in an error.
            names: of the options that it takes.

        Raises:
            ArgumentError: if another one was given.
        """
        for item in options_of(type(self)):
            value = getattr(self, item.name)
            if item.name not in names and value != item.default:
                raise ArgumentError(
                    f"`{item.name}`", f"'{_shown(value)}' for {where}", "no such option here",
                    "Leave it out.",
                )  # fmt: skip

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """What ``shape`` says, as ``(channels, height, width)``."""
        if self.shape is None:
            return None
        channels, height, width = (1, *self.shape)[-3:]
        return channels, height, width


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ("x" if isinstance(value[0], int) else ", ").join(map(str, value))
    return str(value)


def check_inputs_fit(where: str, inputs: int, shape: tuple[int, int, int]) -> None:
    """Refuse a shape that an example's numbers don't fill.

    Raises:
        ArgumentError: if there are more or fewer of them.
    """
    if inputs != math.prod(shape):
        raise ArgumentError(
            "`shape`", "x".join(map(str, shape)), f"a shape of the {inputs:,} numbers of an example"
            f" of {where}", "Correct it.",
        )  # fmt: skip
