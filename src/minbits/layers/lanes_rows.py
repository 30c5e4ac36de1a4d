"""By which compiled pass the lanes engine trains a layer: the rows that it has, and obstacles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from minbits.layers.geometry import Geometry


@dataclass(frozen=True)
class ConvolutionRow:
    """A kernel that slides over an image, with weights of its own for each channel or for all."""

    geometry: Geometry
    depthwise: bool


@dataclass(frozen=True)
class LinearRow:
    """A product of a matrix with all values of the input."""


@dataclass(frozen=True)
class PoolingRow:
    """The maximum or the mean of windows side by side; ``size`` 0 stands for the whole image."""

    kind: Literal["max", "average"]
    size: int


@dataclass(frozen=True)
class SumRow:
    """The sum with the activation so many layers back."""

    back: int


@dataclass(frozen=True)
class RootMeanSquareRow:
    """A division of each example by its root mean square."""


@dataclass(frozen=True)
class Obstacle:
    """Why the lanes engine cannot train a layer; PyTorch trains the network then.

    ``reason`` goes on after "layer 3", such as "with padding 2 beyond its kernel".
    """

    reason: str


LanesRow = ConvolutionRow | LinearRow | PoolingRow | SumRow | RootMeanSquareRow
