"""Whether layers compress: the fall of I(X;T) from its largest value to the end, over seeds.

The rule was fixed before the trainings ran. A hidden layer compresses where the lower limit of the
mean fall is above `COMPRESSION_BITS`, and does not where the upper limit is below it. The limits of
all hidden layers hold together in 95 % of studies: each has 1 - 0.05 / layers (Bonferroni). The
verdict on a measure is ``yes`` where some hidden layer compresses, ``no`` where none does, else
``open``; with fewer than `MIN_SEEDS` seeds, and of a probe, it is ``open``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.studies.trainability_statistics import Estimate, Verdict

Values = npt.NDArray[np.float64]

COMPRESSION_BITS = 0.5  # of the twelve bits of an input; trainings fluctuate by some tenths
MIN_SEEDS = 10
_LEVEL = 0.05
_RESAMPLES = 10_000


@dataclass(frozen=True)
class LayerFall:
    """What one measure says of one layer.

    Attributes:
        layer: its number, from 1; the last one holds the class probabilities.
        units: of the layer.
        largest_bits: I(X;T) at its largest, mean over seeds.
        end_bits: I(X;T) at the end, mean over seeds.
        label_bits: I(T;Y) at the end, mean over seeds.
        fall_bits: from the largest to the end, mean over seeds with its bootstrap interval.
        peak_epoch: where I(X;T) is largest, median over seeds.
        verdict: whether the layer compresses.
    """

    layer: int
    units: int
    largest_bits: float
    end_bits: float
    label_bits: float
    fall_bits: Estimate
    peak_epoch: float
    verdict: Verdict


@dataclass(frozen=True)
class MeasureVerdict:
    """Whether a network compresses, as one measure sees it.

    Attributes:
        measure: its name, such as ``fixed``.
        layers: by number.
        verdict: on hidden layers together.
        highest_label_excess_bits: by how much I(T;Y) exceeded min(I(X;T), H(Y)) at most; of an
            exact measure it is 0 but for rounding.
        processing_excess_bits: by how much a layer's I(X;T) exceeded that of the layer before.
    """

    measure: str
    layers: tuple[LayerFall, ...]
    verdict: Verdict
    highest_label_excess_bits: float
    processing_excess_bits: float


def bootstrap_mean(values: Values, level: float) -> Estimate:
    """Return the mean over seeds with its bootstrap interval.

    Args:
        values: one a seed.
        level: the share of studies that the interval may miss the mean in.
    """
    generator = np.random.default_rng(len(values))
    drawn = values[generator.integers(0, len(values), (_RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(drawn, (level / 2, 1 - level / 2))
    return Estimate(float(values.mean()), float(low), float(high))


def layer_verdict(fall: Estimate, seeds: int) -> Verdict:
    """Return whether a layer compresses, by the rule of this module."""
    if seeds < MIN_SEEDS:
        return "open"
    if fall.low > COMPRESSION_BITS:
        return "yes"
    return "no" if fall.high < COMPRESSION_BITS else "open"


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """Return whether some layer compresses."""
    if "yes" in verdicts:
        return "yes"
    return "open" if "open" in verdicts else "no"


def measure_verdict(
    measure: str, sizes: Sequence[int], results: Sequence[Mapping[str, Any]], label_bits: float
) -> MeasureVerdict:
    """Return what one measure says of all layers.

    Args:
        measure: its name.
        sizes: inputs, units of each hidden layer, classes.
        results: of the seeds, one at least.
        label_bits: H(Y) of the examples.
    """
    about_input = np.array([result[f"{measure}_input"] for result in results])
    about_label = np.array([result[f"{measure}_label"] for result in results])
    epochs = np.array(results[0]["measured_epochs"])
    falls = about_input.max(axis=1) - about_input[:, -1]
    hidden = len(sizes) - 2
    # A probe does not measure I(X;T): nothing is said of its fall.
    seeds = 0 if measure == "probe" else len(results)
    layers = []
    for place, units in enumerate(sizes[1:]):
        fall = bootstrap_mean(falls[:, place], _LEVEL / max(hidden, 1))
        layers.append(
            LayerFall(
                layer=place + 1,
                units=units,
                largest_bits=float(about_input[:, :, place].max(axis=1).mean()),
                end_bits=float(about_input[:, -1, place].mean()),
                label_bits=float(about_label[:, -1, place].mean()),
                fall_bits=fall,
                peak_epoch=float(np.median(epochs[about_input[:, :, place].argmax(axis=1)])),
                verdict=layer_verdict(fall, seeds),
            )
        )
    beyond = np.maximum(about_label - np.minimum(about_input, label_bits), 0)
    more = np.maximum(about_input[:, :, 1:] - about_input[:, :, :-1], 0)
    return MeasureVerdict(
        measure, tuple(layers), together([item.verdict for item in layers[:hidden]]),
        float(beyond.max()), float(more.max(initial=0.0)),
    )  # fmt: skip
