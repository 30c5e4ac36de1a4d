"""How a layer's numbers are written into a file: what the codec offers to each layer's `code`.

One description serves both directions: each method takes the value to write, or anything when the
file is read, and returns the value that was written or read. The first part of a context names the
family of adaptive models; a context always means the same model of one file.
"""

from __future__ import annotations

from typing import Protocol

Context = tuple[str | int, ...]


class FieldCoder(Protocol):
    """An encoder or a decoder of numbers."""

    @property
    def is_lean(self) -> bool:
        """Whether the file is of version 4, which expects more of a layer than the others do."""
        ...

    def flag(self, context: Context, bit: int) -> int:
        """Code a bit of which both values are usual."""
        ...

    def exception(self, context: Context, bit: int) -> int:
        """Code a bit that is expected to be zero."""
        ...

    def unsigned(self, context: Context, value: int, order: int = 0) -> int:
        """Code a number that is not negative, in Exp-Golomb of ``order``."""
        ...

    def signed(self, context: Context, value: int, order: int = 0) -> int:
        """Code a number that is expected to be zero."""
        ...

    def difference(self, context: Context, value: int, order: int) -> int:
        """Code a number of any sign of which zero is not expected more than others."""
        ...

    def habit(self, context: Context, value: int, choices: int) -> int:
        """Code one of some choices that is expected to be the last one of its context, 0 at first.

        Layers offer it to files of version 4.
        """
        ...

    def require(self, condition: bool) -> None:
        """Refuse a file that says something in another way than the usual one.

        Raises:
            NetworkFileError: if the condition does not hold.
        """
        ...

    def activation(self, family: str, key: str, is_usual: bool = False) -> str:
        """Code an activation.

        Args:
            family: of the layers that share the statistics.
            key: of the activation.
            is_usual: whether layers of the family mostly have one.
        """
        ...
