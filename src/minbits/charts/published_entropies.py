"""Published code lengths of images, each with its binarisation and source; reference marks only."""

from __future__ import annotations

from dataclasses import dataclass

from minbits.units import nats_to_bits


@dataclass(frozen=True)
class PublishedEntropy:
    """A code length from the literature.

    Attributes:
        name: of the model.
        data_name: the data set.
        binarise: how pixels were binarised; lengths compare within one binarisation only.
        bits: of one test image.
        source: where it was read.
    """

    name: str
    data_name: str
    binarise: str
    bits: float
    source: str


# Stochastic and static binarisation draw pixels from the same distribution.
SAMPLED = "sampled"

PUBLISHED: tuple[PublishedEntropy, ...] = (
    PublishedEntropy(
        "NADE, best reported: 85.7 nats",
        "mnist",
        SAMPLED,
        nats_to_bits(85.7),
        "Larochelle & Murray 2011 and successors",
    ),
    PublishedEntropy(
        "MADE, best reported: 84.9 nats",
        "mnist",
        SAMPLED,
        nats_to_bits(84.9),
        "Germain et al. 2015 and successors",
    ),
    PublishedEntropy(
        "PixelCNN: 81.3 nats", "mnist", SAMPLED, nats_to_bits(81.3), "van den Oord et al. 2016"
    ),
    PublishedEntropy(
        "BB-ANS: 0.19 bit a pixel", "mnist", SAMPLED, 149.0, "Townsend, Bird & Barber 2019"
    ),
)


def published_entropies(data_name: str, binarise: str) -> tuple[PublishedEntropy, ...]:
    """Return the published code lengths of the same data under the same binarisation."""
    kind = SAMPLED if binarise in ("static", "stochastic") else binarise
    return tuple(
        item for item in PUBLISHED if item.data_name == data_name and item.binarise == kind
    )
