"""What goes into a worker that trains one network, and what comes out. No PyTorch here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Clock = Literal["wall", "processor"]
SmallSymbols = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class MemberJob:
    """One network to train on some examples for some time.

    Attributes:
        train: symbols, shape ``(examples, variables)``.
        validation: as ``train``; looked at to keep the best state and to report.
        test: as ``train``; coded once, at the end.
        sizes: symbols of each variable.
        image_shape: ``(channels, height, width)``, or None for a table.
        grey: chances that training pixels are drawn by anew, or None.
        seed: of the weights and the order of examples.
        seconds: time for all of it.
        clock: what measures it: the wall clock, or the worker's own processor time, which other
            work on the machine does not shorten.
    """

    train: SmallSymbols
    validation: SmallSymbols
    test: SmallSymbols
    sizes: npt.NDArray[np.int64]
    image_shape: tuple[int, int, int] | None
    grey: npt.NDArray[np.float32] | None
    seed: int
    seconds: float
    clock: Clock = "wall"

    def now(self) -> float:
        """Return the time by the job's clock."""
        return time.monotonic() if self.clock == "wall" else time.process_time()


@dataclass(frozen=True, eq=False)
class MemberResult:
    """A trained network's predictions and its size.

    Attributes:
        validation_chances: probability given to each actual symbol, float32, of the shape of the
            validation symbols.
        test_chances: the same of the test symbols.
        train_chances: the same of the first training examples.
        parameter_bits: 8 times the length of the xz-compressed file of its half-precision weights.
        parameters: how many weights there are.
        steps: optimiser steps.
        epochs: passes over the training examples.
        seconds: wall-clock time.
        cpu_seconds: processor time.
        settings: the architecture, in words that fit a sentence.
    """

    validation_chances: npt.NDArray[np.float32]
    test_chances: npt.NDArray[np.float32]
    train_chances: npt.NDArray[np.float32]
    parameter_bits: int
    parameters: int
    steps: int
    epochs: float
    seconds: float
    cpu_seconds: float
    settings: str
