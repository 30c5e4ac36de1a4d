"""Images whose labels took the most bits, side by side: often mislabelled, or ambiguous."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import matplotlib.figure
import numpy as np
import numpy.typing as npt

from minbits.charts.chart import Chart, name_text

MAX_IMAGES = 48
_COLUMNS = 8
_LONGEST_NAME = 10


@dataclass(frozen=True, eq=False)
class ContactSheet:
    """The numbers of the chart.

    Attributes:
        data_name: the data set.
        images: the dearest first, shape ``(images, channels, height, width)``.
        captions: one an image.
    """

    data_name: str
    images: npt.NDArray[Any]
    captions: tuple[str, ...]


def caption(row: int, label: str, guess: str, bits: float) -> str:
    """Return what stands above an image."""
    said = f"{name_text(label, _LONGEST_NAME)}, not {name_text(guess, _LONGEST_NAME)}"
    return (
        f"{said if guess != label else name_text(label, _LONGEST_NAME)}\n{bits:.1f} bits, {row:,}"
    )


def draw_contact_sheet(sheet: ContactSheet) -> Chart[ContactSheet]:
    """Return the chart of the images."""
    return Chart(sheet, _draw)


def _draw(sheet: ContactSheet) -> matplotlib.figure.Figure:
    rows = math.ceil(len(sheet.images) / _COLUMNS)
    figure = matplotlib.figure.Figure(figsize=(9.6, 0.9 + 1.5 * rows), layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, image, text in zip(grid, sheet.images, sheet.captions, strict=False):
        shown = np.moveaxis(image, 0, -1) if len(image) in (3, 4) else image.mean(axis=0)
        axes.imshow(shown, cmap="gray_r")
        axes.set_title(text, fontsize=7)
    figure.suptitle(
        f"{name_text(sheet.data_name)}: the dearest labels (label, and what was expected; "
        "bits, number of the row)"
    )
    return figure
