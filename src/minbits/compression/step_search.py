"""How coarse each layer may be rounded: steps found by descent, judged from outside.

Rounding by norms alone spends too many bits where weights do not matter and too few where they
do. The search starts from two rules of thumb, steps in proportion to a tensor's norm and to its
root, with plain and with dependent levels (these at two prices of a bit), and takes the coarsest
that still is good enough. From the smallest file of each kind it goes on tensor by tensor, coarser
by a quarter octave as long as that is good enough and the file gets smaller; and, when no tensor
can be coarser alone, with all steps a little finer and one much coarser.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from minbits.codec.architecture import Architecture
from minbits.codec.file_format import encode_network
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.codec.tensor_code import MIN_MIXED
from minbits.compression.rounding import (
    MIN_DEPENDENT,
    PRICE_OF_A_BIT,
    PRICE_OF_A_DEPENDENT_BIT,
    Float,
    round_network,
)
from minbits.compression.symmetries import remove_symmetries
from minbits.errors import NetworkError
from minbits.networks.parameters import parameter_layout

# Errors are 2 ** (-exponent / 4): these are the finest and the coarsest tried, and the finest where
# none of these will do.
FINEST, COARSEST = 44, 4
FINEST_OF_ALL = 72
BEYOND = 4
NORM_POWERS = (1.0, 0.5)
# Whether levels are dependent, and the price of a bit.
KINDS = (
    (False, PRICE_OF_A_BIT),
    (True, PRICE_OF_A_DEPENDENT_BIT),
    (True, 1.7 * PRICE_OF_A_DEPENDENT_BIT),
)
_QUARTER = 2.0**0.25

# Told after each trial: its number, its file, and whether that is good enough. Returns whether the
# search is to go on.
Watch = Callable[[int, bytes, bool], bool]


@dataclass(frozen=True)
class Rounding:
    """One way to round a network, and the file that it gives."""

    error: float
    step_factors: tuple[float, ...]
    is_dependent: bool
    price: float
    content: bytes = field(repr=False)


class StepSearch:
    """The state of a search; see `coarsest_rounding`."""

    def __init__(
        self, architecture: Architecture, values: Float,
        is_enough: Callable[[QuantizedNetwork], bool],
        watch: Watch = lambda number, content, is_good: True,
    ) -> None:  # fmt: skip
        self.architecture, self.values, self.is_enough = architecture, values, is_enough
        self.watch, self.is_over = watch, False
        layout = parameter_layout(architecture, normalised=False)
        weights = [pair[0] for pair in layout.tensors(values)]
        self.norms = np.array([max(float(np.linalg.norm(tensor)), 1e-9) for tensor in weights])
        self.sizes = [tensor.size for tensor in weights]
        self.trials = 0

    def tried(self, way: Rounding, limit_bytes: float = float("inf")) -> Rounding | None:
        """Return a way with its file if that is smaller than the limit and good enough."""
        if self.is_over:
            return None
        self.trials += 1
        try:
            network = round_network(
                self.architecture, self.values, way.error,
                step_factors=way.step_factors, is_dependent=way.is_dependent, price=way.price,
            )  # fmt: skip
        except NetworkError:
            return None  # a step or a level that the format does not hold
        content = encode_network(remove_symmetries(network))
        if len(content) >= limit_bytes:
            return None
        is_good = self.is_enough(network)
        self.is_over = not self.watch(self.trials, content, is_good)
        return replace(way, content=content) if is_good else None

    def start(self, power: float, is_dependent: bool, price: float) -> Rounding | None:
        """Return the coarsest rounding by a rule that is good enough.

        By bisection, and then a few steps beyond: accuracy does not fall evenly.
        """
        factors = self.norms ** (power - 1)
        factors /= np.exp(np.mean(np.log(factors)))

        def at(exponent: int) -> Rounding | None:
            way = Rounding(
                2.0 ** (-exponent / 4), tuple(factors.tolist()), is_dependent, price, b""
            )
            return self.tried(way)

        best: Rounding | None = None
        coarse = COARSEST
        for finest in (FINEST, FINEST_OF_ALL):
            fine = finest
            while fine > coarse:
                middle = (fine + coarse) // 2
                found = at(middle)
                if found is None:
                    coarse = middle + 1
                else:
                    best, fine = found, middle
            if best is not None:
                break
        for exponent in range(max(fine - BEYOND, COARSEST), fine - 1):
            found = at(exponent)
            if found is not None:
                return found
        return best

    def coarser(self, way: Rounding, tensor: int, quarters: int) -> Rounding:
        """Return a way whose step of one tensor is larger."""
        factors = list(way.step_factors)
        factors[tensor] *= _QUARTER**quarters
        return replace(way, step_factors=tuple(factors))

    def descend(self, best: Rounding, most_trials: int) -> Rounding:
        """Make tensors coarser one after the other, the largest first."""
        order = sorted(range(len(self.sizes)), key=lambda index: -self.sizes[index])
        last = self.trials + most_trials
        improved = True
        while improved and self.trials < last:
            improved = False
            for tensor in order:
                while self.trials < last:
                    found = self.tried(self.coarser(best, tensor, 1), len(best.content))
                    if found is None:
                        break
                    best, improved = found, True
            if improved:
                continue
            finer = replace(best, error=best.error / _QUARTER)
            for tensor in order[:3]:
                found = self.tried(self.coarser(finer, tensor, 3), len(best.content))
                if found is not None:
                    best, improved = found, True
                    break
        return best


def faithful_rounding(
    architecture: Architecture, values: Float, is_enough: Callable[[QuantizedNetwork], bool]
) -> Rounding | None:
    """Return the smaller file of the two rules of thumb that is good enough, None if none is.

    Args:
        architecture: the network.
        values: parameters in the plain layout.
        is_enough: whether a rounded network may be taken.
    """
    search = StepSearch(architecture, values, is_enough)
    is_dependent, price = KINDS[max(search.sizes) >= MIN_DEPENDENT]
    found = [search.start(power, is_dependent, price) for power in NORM_POWERS]
    return min(filter(None, found), key=lambda way: len(way.content), default=None)


def coarsest_rounding(
    architecture: Architecture,
    values: Float,
    is_enough: Callable[[QuantizedNetwork], bool],
    most_trials: int = 40,
    watch: Watch = lambda number, content, is_good: True,
) -> Rounding | None:
    """Return the rounding of the smallest file found that is good enough, None if none is.

    Args:
        architecture: the network.
        values: parameters in the plain layout.
        is_enough: whether a rounded network may be taken, such as by its accuracy on validation.
        most_trials: of each of the two descents; the six starts take up to ten each.
        watch: told after each trial; may end the search, which then returns the best by then.
    """
    search = StepSearch(architecture, values, is_enough, watch)
    kinds = KINDS if max(search.sizes) >= MIN_MIXED else KINDS[:1]
    starts = [
        search.start(power, is_dependent, price)
        for is_dependent, price in kinds
        for power in NORM_POWERS
    ]
    ends: list[Rounding] = []
    for is_dependent in (False, True):
        found = [way for way in starts if way is not None and way.is_dependent == is_dependent]
        if found:
            best = min(found, key=lambda way: len(way.content))
            ends.append(search.descend(best, most_trials))
    return min(ends, key=lambda way: len(way.content), default=None)
