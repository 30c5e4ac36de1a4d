"""The information plane, epoch by epoch: a GIF that moves, or a page with a slider."""

from __future__ import annotations

import base64
import html
import io
import json

import matplotlib.figure
from PIL import Image

from minbits.charts.chart import drawing
from minbits.charts.plane_chart import PlaneNumbers, colour, draw_limit

FILMS = (".gif", ".html")
_DOTS_PER_INCH = 80
_MILLISECONDS = 250
_LAST_MILLISECONDS = 2_000
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font-family:sans-serif;margin:1em}}img{{max-width:100%}}input{{width:60%}}</style>
</head><body><h1 style="font-size:1.1em">{title}</h1>
<p><label>Epoch <output id="epoch"></output><br>
<input id="slider" type="range" min="0" max="{last}" value="{last}"></label></p>
<img id="frame" alt="I(T;Y) of each layer against its I(X;T), one point a training">
<script>
const epochs = {epochs};
const frames = {frames};
const slider = document.getElementById("slider");
function show() {{
  document.getElementById("frame").src = "data:image/png;base64," + frames[slider.value];
  document.getElementById("epoch").value = epochs[slider.value].toLocaleString("en");
}}
slider.addEventListener("input", show);
show();
</script></body></html>
"""


def film(numbers: PlaneNumbers, suffix: str) -> bytes:
    """Return the bytes of a film of all trainings; ``suffix`` is one of `FILMS`."""
    with drawing():
        frames = [_picture(numbers, place) for place in range(len(numbers.epochs))]
    return _moving(frames) if suffix == ".gif" else _page(numbers, frames)


def _picture(numbers: PlaneNumbers, place: int) -> bytes:
    columns = len(numbers.measures)
    figure = matplotlib.figure.Figure(figsize=(max(3.0 * columns, 6.0), 3.9), layout="constrained")
    grid = figure.subplots(1, columns, squeeze=False)[0]
    for axes, measure in zip(grid, numbers.measures, strict=True):
        draw_limit(axes, numbers, measure)
        inputs = numbers.series(f"{measure}_input")[:, place]
        labels = numbers.series(f"{measure}_label")[:, place]
        for layer in range(inputs.shape[1]):
            axes.scatter(
                inputs[:, layer], labels[:, layer], s=16, color=colour(layer), alpha=0.7,
                linewidths=0, zorder=3, label=numbers.layer_name(layer),
            )  # fmt: skip
    grid[0].set_ylabel("I(T;Y) [bits]")
    figure.legend(
        *grid[0].get_legend_handles_labels(), loc="outside lower center", fontsize=8,
        ncols=min(2 * columns + 1, 8),
    )  # fmt: skip
    figure.suptitle(f"{numbers.title}, epoch {numbers.epochs[place]:,}", fontsize=10)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH)
    return buffer.getvalue()


def _moving(frames: list[bytes]) -> bytes:
    images = [
        Image.open(io.BytesIO(frame)).convert("P", palette=Image.Palette.ADAPTIVE)
        for frame in frames
    ]
    buffer = io.BytesIO()
    durations = [_MILLISECONDS] * (len(images) - 1) + [_LAST_MILLISECONDS]
    images[0].save(
        buffer, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0
    )
    return buffer.getvalue()


def _page(numbers: PlaneNumbers, frames: list[bytes]) -> bytes:
    page = _PAGE.format(
        title=html.escape(numbers.title.replace(r"\$", "$")),
        last=len(frames) - 1,
        epochs=json.dumps(numbers.epochs.tolist()),
        frames=json.dumps([base64.b64encode(frame).decode("ascii") for frame in frames]),
    )
    return page.encode("utf-8")
