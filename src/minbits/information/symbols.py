"""Examples as integer symbols with known alphabets: what every bound of H(X) is computed on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SymbolArray = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class SymbolSet:
    """Discrete examples in three parts: to fit on, to choose by, and to state the bound on.

    Every alphabet counts as known: it belongs to the description of the data, not to the model.

    Attributes:
        train: shape ``(examples, variables)``, int32; variable ``j`` lies in ``[0, sizes[j])``.
        validation: as ``train``.
        test: as ``train``.
        sizes: how many symbols each variable has, shape ``(variables,)``, int64.
        image_shape: ``(channels, height, width)`` where the variables are pixels, channel by
            channel and row by row; None for a table.
        ordered: whether a variable's symbols are numbers, so that near symbols are alike.
        what: what the symbols are, in words that fit a sentence.
        grey: of a sampled binarisation, the probabilities that training and then validation pixels
            were drawn from, so that a model may draw them anew; None elsewhere.
    """

    train: SymbolArray
    validation: SymbolArray
    test: SymbolArray
    sizes: npt.NDArray[np.int64]
    image_shape: tuple[int, int, int] | None
    ordered: npt.NDArray[np.bool_]
    what: str
    grey: npt.NDArray[np.float32] | None = None

    @property
    def variables(self) -> int:
        """The number of variables of one example."""
        return len(self.sizes)

    @property
    def is_binary(self) -> bool:
        """Whether no variable has more than two symbols."""
        return bool((self.sizes <= 2).all())

    def parts(self) -> tuple[SymbolArray, SymbolArray, SymbolArray]:
        """Return training, validation and test symbols."""
        return self.train, self.validation, self.test
