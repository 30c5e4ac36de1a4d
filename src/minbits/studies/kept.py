"""What rows of measurements are called that are no studies of networks: figures of data sets."""

from __future__ import annotations

from dataclasses import dataclass

# Of `minbits entropy` and `minbits codelength`.
ENTROPY, CODELENGTH = "entropy", "codelength"
# Of `minbits diagram DATA`: what stands on the X axis, and what each search found.
DIAGRAM_FIGURES, DIAGRAM_SEARCH = "diagram_figures", "diagram_search"
OF_DATA = (ENTROPY, CODELENGTH, DIAGRAM_FIGURES, DIAGRAM_SEARCH)


@dataclass(frozen=True)
class KnownLabelCode:
    """The shortest code of a data set's training labels that is known, given the inputs.

    Attributes:
        code: its key, such as ``prequential``.
        size_bits: 8 x bytes of its file, which was decoded.
        method: what it does.
    """

    code: str
    size_bits: int
    method: str
