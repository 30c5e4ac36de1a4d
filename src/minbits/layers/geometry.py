"""How windows lie on an image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Geometry:
    """How a kernel slides over an image; pairs are of rows and columns.

    Attributes:
        kernel: its sides.
        strides: steps down and across from one output to the next.
        paddings: zeros above and below, left and right of the image.
        dilation: lines from one place of the kernel to the next.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int]
    paddings: tuple[int, int]
    dilation: int

    @property
    def reach(self) -> tuple[int, int]:
        """How far the kernel reaches down and across from its first place."""
        rows, columns = self.kernel
        return (self.dilation * (rows - 1), self.dilation * (columns - 1))

    def output_side(self, side: int, axis: int) -> int:
        """Return the rows (axis 0) or columns (1) of the output for those of the input."""
        inside = side + 2 * self.paddings[axis] - self.reach[axis] - 1
        return inside // self.strides[axis] + 1


def pooling_window(size: int, height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of a pooling's window; over sequences, images of one row, it has one.

    Args:
        size: of a square window; 0 means the whole image.
        height: rows of the image.
        width: columns of the image.
    """
    if size == 0:
        return (height, width)
    return (1 if height == 1 else size, size)
