"""The search for the coarsest rounding of a module, within its time, with lines of progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.inference import predict
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.compression.step_search import coarsest_rounding
from minbits.evaluation.accuracy import reaches, with_margin
from minbits.networks.from_torch import Extracted
from minbits.types import DataSet
from minbits.units import bytes_to_bits

_SECONDS_BETWEEN_LINES = 5.0


@dataclass
class RoundingSearch:
    """A search that can be ended at any moment; see `minbits.compression.step_search`.

    Attributes:
        data: the data set.
        held_out: indices of the training examples that judge.
        accuracy: what a file has to reach on them.
        say: called with lines of progress.
        has_time: whether there is time for another trial.
        content: the smallest file that reaches the accuracy so far; None before there is one.
        best_accuracy: of all files tried; None before the first one.
    """

    data: DataSet
    held_out: npt.NDArray[np.int64]
    accuracy: float
    say: Callable[[str], None]
    has_time: Callable[[], bool]
    content: bytes | None = None
    best_accuracy: float | None = None

    def __post_init__(self) -> None:
        """Take the examples, once."""
        self._inputs = self.data.train_inputs[self.held_out]
        self._labels = self.data.train_labels[self.held_out]
        self._correct = 0
        self._told = time.perf_counter()

    def run(self, given: Extracted) -> bytes | None:
        """Return the file of the coarsest rounding found, None where none reaches the accuracy."""
        for wanted in (with_margin(self.accuracy, len(self.held_out)), self.accuracy):

            def is_enough(network: QuantizedNetwork, wanted: float = wanted) -> bool:
                predicted = predict(network, self._inputs, allow_slow=True)
                self._correct = int(np.count_nonzero(predicted == self._labels))
                return reaches(self._correct, len(self._labels), wanted)

            best = coarsest_rounding(given.architecture, given.values, is_enough, watch=self._watch)
            if best is not None:
                return best.content
            if not self.has_time():
                break
        return self.content

    def _watch(self, number: int, content: bytes, is_good: bool) -> bool:
        """Keep the best file, tell of it now and then, and return whether to go on."""
        accuracy = self._correct / len(self._labels)
        self.best_accuracy = max(accuracy, self.best_accuracy or 0.0)
        if reaches(self._correct, len(self._labels), self.accuracy) and (
            self.content is None or len(content) < len(self.content)
        ):
            self.content = content
        if number == 1 or time.perf_counter() - self._told > _SECONDS_BETWEEN_LINES:
            self._told = time.perf_counter()
            best = "none is good enough yet"
            if self.content is not None:
                best = (
                    f"the smallest that is good enough: {bytes_to_bits(len(self.content)):,} bits"
                )
            self.say(
                f"rounding {number}: {bytes_to_bits(len(content)):,} bits, validation "
                f"{100 * accuracy:.2f} %; {best}"
            )
        return self.has_time()
