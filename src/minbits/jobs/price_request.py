"""What is asked where the price of trainability is measured."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from minbits.jobs.shared_options import StudyOptions
from minbits.requests import FRACTION, option

_FACTORS = (
    lambda value: len(value) > 0 and 0 < min(value) <= max(value) <= 100,
    "numbers above 0, at most 100",
)


@dataclass(frozen=True)
class PriceRequest(StudyOptions):
    """What is asked where the price of trainability is measured; see `minbits.requests`."""

    accuracy: float = option(
        0.95, "Accuracy on the validation examples that is a success, in (0, 1].", check=FRACTION
    )
    _: KW_ONLY
    architecture: str | None = option(
        None, "The base network, in the grammar of layers.", shown="one of the main job's"
    )
    scales: tuple[float, ...] = option(
        (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5),
        "Sizes: factors of the units in every layer of the base network but the last.",
        check=_FACTORS,
    )
    strengths: tuple[float, ...] = option(
        (2.0, 4.0, 8.0),
        "The largest size is also compressed under these multiples of the rate weight.",
        check=_FACTORS,
    )
    seeds: int = option(
        100, "Initialisations of each kind.", check=(lambda value: value >= 1, "1 or more")
    )
    epochs: int = option(
        60, "Epochs of each of the two phases.", check=(lambda value: value >= 1, "1 or more")
    )
