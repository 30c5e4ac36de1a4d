"""Another front end before the same layers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from minbits.codec.architecture import Architecture
from minbits.errors import NetworkError
from minbits.front_ends.base import FrontEnd
from minbits.front_ends.moments import USUAL_SPREAD, Moments
from minbits.search.moves.base import Amount, Move

if TYPE_CHECKING:
    from minbits.compression.warm_start import WarmStart
    from minbits.training.context import TrainingContext

# Smaller images are hardly drawn in pixels that could be moved.
_SMALLEST_SIDE = 8


class ChangeFrontEnd(Move):
    """Makes normalised images larger inside by ``amount`` sixty-fourths of their side.

    Raw images are normalised with that much more than the usual spread, in as many pixels.
    """

    key = "front"
    amounts = (Amount(1.0), Amount(-1.0))

    def fits(self, architecture: Architecture) -> bool:
        """Return whether a network has a front end of moments, or could have one."""
        _, height, width = architecture.input_shape
        if architecture.front_end is None:
            return height == width and _SMALLEST_SIDE <= height <= Moments.largest_side
        return isinstance(architecture.front_end, Moments)

    def apply(self, start: WarmStart, amount: float, context: TrainingContext) -> WarmStart:
        """Return the start behind another front end."""
        if not self.fits(start.architecture):
            raise NetworkError(
                "move", f"{self.key} for {start.architecture.front_end}", "square images",
                "Choose another move.",
            )  # fmt: skip
        changed = dataclasses.replace(
            start.architecture, front_end=_changed(start.architecture, int(amount))
        )
        return dataclasses.replace(start, architecture=changed)


def _changed(architecture: Architecture, more: int) -> FrontEnd:
    before = architecture.front_end
    if isinstance(before, Moments):
        return dataclasses.replace(before, spread=before.spread + more)
    return Moments(architecture.input_shape[1], USUAL_SPREAD + more)
