"""What a front end is: a transform of images, without parameters, before the first layer.

It holds nothing that was fitted to data, and takes some bits of a file. Images are put on a grid of
integers, and what comes of them are integers again: every decoder, on every machine, in batches of
any size, gets the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from minbits.layers.base import FloatArray, Shape
from minbits.layers.cost import Work
from minbits.layers.fields import FieldCoder
from minbits.layers.text import LayerText

Integers = npt.NDArray[np.int64]
Shift = tuple[int, int]

# A scaled input of 1 is 2^12 on the grid of what comes in, and 2^20 on that of what goes out: bytes
# are exact on the first one, and both fit into a float32.
INPUT_BITS = 12
OUTPUT_BITS = 20
# What is beyond four times the usual range is cut off.
LARGEST = 1 << 14
UNSHIFTED: Shift = (0, 0)


@dataclass(frozen=True)
class FrontEnd(ABC):
    """A front end as it is written; subclasses are frozen dataclasses of numbers.

    Attributes:
        key: its name in the registry, and the first word of its texts.
        usage: what its texts look like, as error messages show it.
    """

    key: ClassVar[str]
    usage: ClassVar[str]

    @classmethod
    @abstractmethod
    def parse(cls, text: LayerText) -> Self:
        """Return the front end that a text describes.

        Raises:
            NetworkError: if the text is not in the grammar.
        """

    @abstractmethod
    def text(self) -> str:
        """Return the text of the front end, such that `parse` gives it back."""

    @classmethod
    @abstractmethod
    def code(cls, fields: FieldCoder, given: Self | None) -> Self:
        """Write the fields into a file, or read them (``None``); return the front end."""

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of what the first layer sees of inputs of ``shape``.

        Raises:
            NetworkError: if a number is out of its range, or such inputs are not taken.
        """

    @abstractmethod
    def pixels(self, images: Integers, shifts: Sequence[Shift]) -> list[Integers]:
        """Return what the first layer sees: for each shift ``(examples, channels, rows, columns)``.

        Args:
            images: ``(examples, channels, rows, columns)`` on the grid of `INPUT_BITS`, at most
                `LARGEST` in magnitude.
            shifts: by how many half pixels of the result it is moved down and across.

        Returns:
            Integers on the grid of `OUTPUT_BITS`.
        """

    @abstractmethod
    def work(self, shape: Shape) -> Work:
        """Return what one example of ``shape`` costs with NumPy, for one shift."""

    @abstractmethod
    def workspace(self, shape: Shape) -> int:
        """Return the values of four bytes an example that are made on the way."""

    def write_images(self, images: FloatArray, out: FloatArray) -> None:
        """Write what the first layer sees of scaled images, unshifted, as training needs it: fast.

        Args:
            images: ``(examples, channels, rows, columns)``.
            out: overwritten, ``(examples, …)`` of the output's shape.
        """
        (out[:],) = seen_images(self, images)

    def write_through_maps(
        self, images: FloatArray, indices: npt.NDArray[np.int64], maps: FloatArray, out: FloatArray
    ) -> bool:
        """Write what the first layer sees of ``images[indices]`` through affine maps, if it can.

        A front end that is an affine map itself reads an image once, for both. Others leave that to
        the caller, who distorts first.

        Args:
            images: ``(examples, channels, rows, columns)``, scaled.
            indices: ``(batch,)``.
            maps: ``(batch, 2, 3)``, from output to input coordinates in [-1, 1].
            out: overwritten, ``(batch, …)`` of the output's shape.

        Returns:
            Whether it was written.
        """
        return False


def on_grid(images: npt.NDArray[Any]) -> Integers:
    """Return scaled inputs as integers; halves go to the even one, what is no number to 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.float32(1 << INPUT_BITS) * images.astype(np.float32, copy=False)
        limited = np.clip(np.rint(scaled), -LARGEST, LARGEST)
    found: Integers = np.nan_to_num(limited, copy=False).astype(np.int64)
    return found


def off_grid(pixels: Integers) -> FloatArray:
    """Return what a front end gives as numbers of the usual range; it is exact."""
    return pixels.astype(np.float32) * np.float32(2.0**-OUTPUT_BITS)


def seen_images(
    front_end: FrontEnd, images: npt.NDArray[Any], shifts: Sequence[Shift] = (UNSHIFTED,)
) -> list[FloatArray]:
    """Return what the first layer sees of scaled images ``(examples, channels, rows, columns)``."""
    return [off_grid(pixels) for pixels in front_end.pixels(on_grid(images), shifts)]
