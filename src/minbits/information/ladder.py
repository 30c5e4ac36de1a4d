"""All figures of a data set, from the naive to the meaningful."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from minbits.errors import ArgumentError
from minbits.information.binary_pixels import PixelCounts, count_pixels, pixel_figures
from minbits.information.labels import label_figures, question_figures
from minbits.records import DataSet, Figure

DEFAULT_THRESHOLD = 0.0


@dataclass(frozen=True, eq=False)
class EntropyTable:
    """The figures of one data set, and the pixel counts that some of them come from.

    Attributes:
        data_name: name of the data set.
        data_digest: digest of the data set.
        figures: in the order of the ladder.
        pixels: counts of the binarised training inputs; None where inputs are not grey values.
    """

    data_name: str
    data_digest: str
    figures: tuple[Figure, ...]
    pixels: PixelCounts | None

    def figure(self, key: str) -> Figure:
        """Return the figure of that key.

        Raises:
            ArgumentError: if there is none.
        """
        for figure in self.figures:
            if figure.key == key:
                return figure
        known = ", ".join(figure.key for figure in self.figures)
        raise ArgumentError("figure", f"'{key}'", known, "Choose one of these.")


def can_binarise(data: DataSet) -> bool:
    """Return whether inputs are non-negative integers, so that a threshold makes sense."""
    inputs = data.train_inputs
    if inputs.dtype == np.uint8:
        return True
    return bool((inputs >= 0).all() and (inputs == np.floor(inputs)).all())


def entropy_table(data: DataSet, threshold: float = DEFAULT_THRESHOLD) -> EntropyTable:
    """Return the figures of a data set's training examples.

    Args:
        data: the data set.
        threshold: a pixel counts as one where its raw value is greater.

    Raises:
        ArgumentError: if ``threshold`` is not finite.
    """
    if not math.isfinite(threshold):
        raise ArgumentError("--threshold", str(threshold), "a finite number", "Give a grey value.")
    labels = label_figures(data.train_labels, data.class_count)
    if not can_binarise(data):
        return EntropyTable(data.name, data.digest, labels, None)
    pixels = count_pixels(data.train_inputs, threshold)
    inputs = pixel_figures(pixels)
    values = {figure.key: figure.value for figure in (*inputs, *labels)}
    estimates = question_figures(
        values["pixel_sum_without_complement"],
        values["label_entropy_total"],
        math.prod(data.input_shape),
    )
    return EntropyTable(data.name, data.digest, (*inputs, *labels, *estimates), pixels)
