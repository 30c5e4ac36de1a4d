"""What a code of labels is: bytes that somebody who has the inputs can decode.

The length of such a code is an upper bound of what the labels say beyond the inputs. A code that
uses the inputs is short where they tell much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from minbits.errors import DataError

Labels = npt.NDArray[np.int64]

# Orders of the examples that a file can name.
SEEDS = 256


@dataclass(frozen=True, eq=False)
class Known:
    """What the receiver has before any byte of the code arrives.

    Attributes:
        inputs: raw, of shape ``(examples, channels, height, width)``, in the order of the labels.
        input_exponent: inputs are brought to about [-1, 1] by the factor ``2 ** -input_exponent``.
        classes: labels are below this number.
    """

    inputs: npt.NDArray[np.generic]
    input_exponent: int
    classes: int

    @property
    def examples(self) -> int:
        """The number of labels."""
        return len(self.inputs)


class LabelCode(Protocol):
    """A code of labels given inputs."""

    @property
    def key(self) -> str:
        """Its name in tables, in JSON and in its registry."""
        ...

    @property
    def method(self) -> str:
        """What it does, in a few words."""
        ...

    @property
    def source(self) -> str:
        """Author and year."""
        ...

    def encode(self, known: Known, labels: Labels) -> bytes:
        """Return the code of all labels, complete: the receiver needs nothing else.

        Args:
            known: what the receiver has.
            labels: of shape ``(examples,)``, in ``0 .. classes - 1``.

        Raises:
            DataError: if the labels do not fit what is known.
        """
        ...

    def decode(self, known: Known, code: bytes) -> Labels:
        """Return the labels of a code, from what the receiver has.

        Raises:
            DataError: if the bytes are no code of that many labels.
        """
        ...


def check_known_labels(known: Known, labels: Labels) -> None:
    """Check that labels are as many as the inputs, and below the number of classes.

    Raises:
        DataError: if they are not.
    """
    if labels.shape != (known.examples,):
        raise DataError(
            "labels", f"shape {labels.shape}", f"({known.examples},)", "Pass one an example."
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < known.classes:
        raise DataError(
            "labels", f"{labels.min()} to {labels.max()}", f"0 to {known.classes - 1}", "Recode."
        )


def bad_code(got: str, expected: str) -> DataError:
    """Return the error for bytes that are no code of labels."""
    return DataError("code of labels", got, expected, "Encode the labels again.")


def decodable_code(code: LabelCode, known: Known, labels: Labels) -> bytes:
    """Return the code of labels after decoding it once: only such bytes count as its length.

    Raises:
        DataError: if the labels do not fit, or other labels come back.
    """
    content = code.encode(known, labels)
    if not np.array_equal(code.decode(known, content), labels):
        raise bad_code(f"other labels than were encoded by '{code.key}'", "the same labels")
    return content
