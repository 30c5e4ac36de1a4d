"""What is asked where a data set's entropies are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from minbits.information.discretise import Binarise, Discretisation
from minbits.jobs.shared_options import LedgerOptions
from minbits.requests import FilePath, option


@dataclass(frozen=True, kw_only=True)
class EntropyRequest(LedgerOptions):
    """What is asked where a data set's entropies are; see `minbits.requests`."""

    threshold: float = option(
        Discretisation.threshold, "A pixel is on where its raw value is greater than this."
    )
    binarise: Binarise = option(
        Discretisation.binarise,
        "Of grey images: threshold, static or stochastic (drawn by grey value), or none.",
    )
    step: float | None = option(
        Discretisation.step,
        "Step at which real columns are quantised.",
        shown="a power of two, about a sixteenth of the standard deviation",
    )
    minutes: float = option(
        1.0,
        "Wall-clock time for the ladder of H(X); 0 leaves the ladder out.",
        check=(lambda value: 0 <= value < math.inf, "0 or more"),
    )
    dimension: bool = option(False, "Estimate the intrinsic dimension too (minbits[dimension]).")
    pictures: FilePath | None = option(
        None, "A folder for all pictures, called DATA-heat-map.png and so on.", shown="no pictures"
    )
    heat_map: FilePath | None = option(
        None, "Where the heat map of pixels goes: .png, .svg or .pdf."
    )
    features: FilePath | None = option(
        None, "Where the chart of what each input tells about the label goes, likewise."
    )
    ladder: FilePath | None = option(None, "Where the chart of the ladder goes, likewise.")

    @property
    def how(self) -> Discretisation:
        """How examples become symbols."""
        return Discretisation(self.binarise, self.threshold, self.step)
