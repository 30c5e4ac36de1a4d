"""All figures of a data set, from the naive to the meaningful."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from minbits.data.tables import table_of
from minbits.errors import ArgumentError
from minbits.information.binary_pixels import PixelCounts, count_pixels, pixel_figures
from minbits.information.columns import column_figures
from minbits.information.discretise import Discretisation, can_binarise
from minbits.information.labels import label_figures, question_figures
from minbits.notebook import Cells, Shown
from minbits.types import FIGURE_COLUMNS, DataSet, Figure, figure_cells


@dataclass(frozen=True, eq=False, repr=False)
class EntropyTable(Shown):
    """The figures of one data set, and the pixel counts that some of them come from.

    Attributes:
        data_name: name of the data set.
        data_digest: digest of the data set.
        figures: in the order of the ladder.
        pixels: counts of the binarised training images; None where inputs are not images of grey
            values.
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
        return figure_of(self.figures, key)


def figure_of(figures: Sequence[Figure], key: str) -> Figure:
    """Return the figure of a key.

    Raises:
        ArgumentError: if there is none.
    """
    for figure in figures:
        if figure.key == key:
            return figure
    known = ", ".join(figure.key for figure in figures)
    raise ArgumentError("figure", f"'{key}'", known, "Choose one of these.")

    def summary(self) -> str:
        """Return what it is, in one line."""
        return f"{len(self.figures)} figures of {self.data_name}"

    def facts(self) -> Cells:
        """Return the rows of its table, one a figure."""
        return figure_cells(self.figures)

    def header(self) -> tuple[str, ...]:
        """Return the names of the table's columns."""
        return FIGURE_COLUMNS


def entropy_table(
    data: DataSet, threshold: float = Discretisation.threshold, step: float | None = None
) -> EntropyTable:
    """Return the figures of a data set's training examples.

    Only images of grey values are binarised. A table's columns, and plain vectors, are taken as
    they are, whatever channels a network sees of them.

    Args:
        data: the data set.
        threshold: a pixel counts as one where its raw value is greater.
        step: at which real columns are quantised; None takes each column's own.

    Raises:
        ArgumentError: if ``threshold`` is not finite, or ``step`` does not fit a column.
    """
    if not math.isfinite(threshold):
        raise ArgumentError("`threshold`", str(threshold), "a finite number", "Give a grey value.")
    labels = label_figures(data.train_labels, data.class_count)
    if table_of(data) is not None:
        figures = (*column_figures(data, step), *labels)
        return EntropyTable(data.name, data.digest, figures, None)
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
