"""Models of two classes that return one number: a logit, or the probability of the second class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.model_audit.subject import FloatArray, Runner, UnitActivity
from minbits.networks.input_convention import InputConvention

_MIN_CHANCE = 1e-7


@dataclass(frozen=True)
class OneLogit:
    """A runner of two logits, the first of which is 0, over one of a single number."""

    runner: Runner
    is_probability: bool

    @classmethod
    def of(cls, runner: Runner, found: FloatArray) -> OneLogit:
        """Return the runner; numbers that all lie from 0 to 1 are taken for probabilities."""
        return cls(runner, bool(found.min() >= 0 and found.max() <= 1))

    def _both(self, found: FloatArray) -> FloatArray:
        if self.is_probability:
            parts = np.clip(found.astype(np.float64), _MIN_CHANCE, 1 - _MIN_CHANCE)
            found = np.log(parts / (1 - parts)).astype(np.float32)
        return np.concatenate([np.zeros_like(found), found], 1)

    def under(self, convention: InputConvention) -> OneLogit:
        """Return a runner that does something else to raw inputs."""
        return OneLogit(self.runner.under(convention), self.is_probability)

    def logits(self, inputs: npt.NDArray[Any]) -> FloatArray:
        """Return logits ``(examples, 2)``."""
        return self._both(self.runner.logits(inputs))

    def with_tensors(
        self, values: Mapping[str, FloatArray], inputs: npt.NDArray[Any]
    ) -> FloatArray:
        """Return the logits with some tensors replaced."""
        return self._both(self.runner.with_tensors(values, inputs))

    def activity(self, inputs: npt.NDArray[Any]) -> tuple[UnitActivity, ...]:
        """Return what each layer's units do on the inputs."""
        return self.runner.activity(inputs)
