"""What a model expects to be done to the raw values of a data set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.errors import ArgumentError
from minbits.networks.model_options import ModelOptions

Float = npt.NDArray[np.float32]

# Bytes as torchvision's ToTensor gives them.
BYTE_FACTOR = 1 / 255


@dataclass(frozen=True)
class InputConvention:
    """What a module expects to be done to the raw values of a data set.

    The module was trained on ``(raw * factor - mean) / deviation``, channel by channel; one number
    stands for all channels.
    """

    factor: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)

    def per_channel(self, channels: int) -> tuple[Float, Float]:
        """Return what raw values of each channel are multiplied by, and what is then subtracted.

        Raises:
            ArgumentError: if there is another number of values than one or one a channel, or if a
                value is out of its range.
        """
        for name, values in (("`input_mean`", self.mean), ("`input_std`", self.deviation)):
            if len(values) not in (1, channels) or not all(map(math.isfinite, values)):
                raise ArgumentError(
                    name, str(list(values)), f"one number, or {channels}, one a channel",
                    "Give what the module was trained with.",
                )  # fmt: skip
        if not (self.factor > 0 and math.isfinite(self.factor)) or min(self.deviation) <= 0:
            raise ArgumentError(
                "`input_scale`, `input_std`", f"{self.factor}, {list(self.deviation)}",
                "positive numbers", "Give what the module was trained with.",
            )  # fmt: skip
        means, deviations = (
            np.broadcast_to(np.array(values, np.float64), (channels,))
            for values in (self.mean, self.deviation)
        )
        return (self.factor / deviations).astype(np.float32), (means / deviations).astype(
            np.float32
        )

    def applied(self, raw: npt.NDArray[Any]) -> Float:
        """Return what a model is given for raw inputs ``(examples, channels, …)``.

        Raises:
            ArgumentError: as `per_channel`.
        """
        factors, shifts = self.per_channel(raw.shape[1])
        sides = (1,) * (raw.ndim - 2)
        scaled = np.asarray(raw, np.float32) * factors.reshape(-1, *sides)
        return np.asarray(scaled - shifts.reshape(-1, *sides), np.float32)

    def options(self) -> str:
        """Return the convention as the options that ask for it."""
        found = [f"`input_scale` {self.factor:.6g}"]
        if any(self.mean) or any(value != 1 for value in self.deviation):
            found.append(f"`input_mean` {_numbers(self.mean)}")
            found.append(f"`input_std` {_numbers(self.deviation)}")
        return " ".join(found)


def _numbers(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:.4g}" for value in values)


def convention_of(options: ModelOptions, usual_factor: float) -> InputConvention:
    """Return what a user says of the inputs, with a factor for who says nothing."""
    factor = usual_factor if options.input_scale is None else options.input_scale
    return InputConvention(factor, options.input_mean, options.input_std)
