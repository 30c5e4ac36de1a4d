"""Where names of points go, so that none lies over another one or over a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

_DIRECTIONS = 24
_RINGS = 120
_FIRST_RING = 7.0  # points of typography
_RING = 6.0
_MARGIN = 1.5
_LEADER_FROM = 9.0
_HALF_MARKER = 4.5
_HALF_LINE = 1.5
# A line that runs through a name is cut by it.
_ON_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85}


@dataclass(frozen=True)
class Box:
    """A rectangle on the picture, in its own units, x to the right and y upwards."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Box) -> bool:
        """Return whether two rectangles have more than an edge in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def lies_in(self, other: Box) -> bool:
        """Return whether it is a part of another one."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.bottom >= other.bottom
            and self.top <= other.top
        )


def place_boxes(
    anchors: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    taken: Sequence[Box],
    within: Box,
    unit: float,
) -> list[Box]:
    """Return a rectangle beside each anchor, clear of the others, as near as is possible.

    Anchors are served from the most crowded to the loneliest. Each takes the nearest of some
    thousand places around it that is free.

    Args:
        anchors: where points are.
        sizes: width and height of each rectangle.
        taken: rectangles that must stay free.
        within: where all must be.
        unit: of the distances that are tried.
    """
    crowd = [sum(math.dist(one, other) < 12 * _RING * unit for other in anchors) for one in anchors]
    placed: dict[int, Box] = {}
    for index in sorted(range(len(anchors)), key=lambda index: (-crowd[index], index)):
        busy = [*taken, *placed.values()]
        placed[index] = _free(anchors[index], sizes[index], busy, within, unit)
    return [placed[index] for index in range(len(anchors))]


def _free(
    anchor: tuple[float, float],
    size: tuple[float, float],
    busy: Sequence[Box],
    within: Box,
    unit: float,
) -> Box:
    width, height = size[0] + 2 * _MARGIN * unit, size[1] + 2 * _MARGIN * unit
    for ring in range(_RINGS):
        distance = (_FIRST_RING + ring * _RING) * unit
        for step in range(_DIRECTIONS):
            angle = 2 * math.pi * step / _DIRECTIONS
            # The rectangle's nearest edge is at the distance, not its middle.
            x = anchor[0] + math.cos(angle) * (distance + width / 2)
            y = anchor[1] + math.sin(angle) * (distance + height / 2)
            box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            if box.lies_in(within) and not any(box.overlaps(other) for other in busy):
                return box
    return box  # nothing is free: the last place that was tried


def place_names(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    others: Sequence[tuple[float, float]] = (),
    uprights: Sequence[tuple[float, float, float]] = (),
    size: float = 8.0,
) -> None:
    """Write a name beside each point of the axes, with a line to it where it is not close.

    The limits and the layout of the figure must not change afterwards.

    Args:
        axes: with points drawn, in a figure that is laid out.
        points: in the units of the axes.
        names: of the points.
        others: further points that no name may cover.
        uprights: lines that no name may cover, each as x, and y of both ends.
        size: of the letters, in points.
    """
    figure = axes.figure.get_figure(root=True)
    assert figure is not None
    canvas: Any = FigureCanvasAgg(figure)
    renderer = canvas.get_renderer()
    unit = figure.dpi / 72

    def pixels(x: float, y: float) -> tuple[float, float]:
        across, up = axes.transData.transform((x, y))
        return float(across), float(up)

    anchors = [pixels(*point) for point in points]
    texts = [
        axes.text(
            x,
            y,
            name,
            fontsize=size,
            ha="center",
            va="center",
            zorder=6,
            color="#222222",
            bbox=_ON_PAPER,
        )
        for (x, y), name in zip(points, names, strict=True)
    ]
    extents = [text.get_window_extent(renderer) for text in texts]
    window = axes.get_window_extent(renderer)
    taken = [_around(*pixels(*point), *pixels(*point), _HALF_MARKER * unit) for point in
             (*points, *others)]  # fmt: skip
    taken += [
        _around(*pixels(x, low), *pixels(x, high), _HALF_LINE * unit) for x, low, high in uprights
    ]
    boxes = place_boxes(
        anchors,
        [(extent.width, extent.height) for extent in extents],
        taken,
        Box(window.x0, window.y0, window.x1, window.y1),
        unit,
    )
    for text, box, anchor in zip(texts, boxes, anchors, strict=True):
        middle = ((box.left + box.right) / 2, (box.bottom + box.top) / 2)
        x, y = axes.transData.inverted().transform(middle)
        text.set_position((x, y))
        edge = (
            min(max(anchor[0], box.left), box.right), min(max(anchor[1], box.bottom), box.top),
        )  # fmt: skip
        if math.dist(edge, anchor) > _LEADER_FROM * unit:
            ends = axes.transData.inverted().transform([anchor, edge])
            axes.plot(ends[:, 0], ends[:, 1], color="#555555", lw=0.6, zorder=2.5)


def _around(left: float, bottom: float, right: float, top: float, half: float) -> Box:
    return Box(left - half, min(bottom, top) - half, right + half, max(bottom, top) + half)
