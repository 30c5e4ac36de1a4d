"""What a user may say about a file beside its path."""

from __future__ import annotations

from dataclasses import dataclass

from minbits.errors import ArgumentError

_MAX_SIDE = 4096


@dataclass(frozen=True)
class LoadOptions:
    """What a user may say about a file.

    Attributes:
        label: name of the label column; None takes one called label, class, target or y, or else
            the last one.
        categorical: columns to be read as categories even where they hold numbers.
        resize: height and width that images are brought to; None keeps them.
    """

    label: str | None = None
    categorical: tuple[str, ...] = ()
    resize: tuple[int, int] | None = None

    def refuse(self, where: str, *names: str) -> None:
        """Refuse options that mean nothing for a source.

        Raises:
            ArgumentError: if an option among ``names`` was given.
        """
        for name in names:
            value = getattr(self, name)
            if value:
                raise ArgumentError(
                    f"`{name}`", f"'{value}' for {where}", "no such option here", "Leave it out."
                )


def parse_resize(text: str) -> tuple[int, int]:
    """Return height and width of a text such as ``28x28``.

    Raises:
        ArgumentError: if it is anything else.
    """
    parts = text.lower().split("x")
    if len(parts) == 2 and all(part.isascii() and part.isdigit() for part in parts):
        height, width = (int(part[:6]) for part in parts)
        if 1 <= height <= _MAX_SIDE and 1 <= width <= _MAX_SIDE:
            return height, width
    raise ArgumentError(
        "`resize`", f"'{text}'", f"HEIGHTxWIDTH up to {_MAX_SIDE}, such as 28x28", "Correct it."
    )
