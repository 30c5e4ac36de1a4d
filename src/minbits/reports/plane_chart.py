"""The information plane of a study: what each layer says of input and label, epoch by epoch.

A result holds the measured epochs and, of each measure, the series ``NAME_input``, I(X;T), and
``NAME_label``, I(T;Y), in bits: a list of layers for each epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.reports import vega
from minbits.reports.blocks import PageChart, Section, page_table
from minbits.reports.facts import StudyFacts

_INPUT, _LABEL, _EPOCHS = "_input", "_label", "measured_epochs"
_MAX_CHARTS = 4

Series = npt.NDArray[np.float64]
Result = Mapping[str, Any]


def plane_section(item: StudyFacts) -> Section | None:
    """Return the planes of one choice of settings, means over seeds; None where it has none."""
    results = [one for one in item.results.values() if "failed" not in one]
    epochs = _series([one.get(_EPOCHS) for one in results], 1)
    if epochs is None or (epochs != epochs[0]).any():
        return None
    names = {key.removesuffix(_INPUT) for one in results for key in one if key.endswith(_INPUT)}
    charts = []
    for name in sorted(names):
        about_input = _series([one.get(name + _INPUT) for one in results], 2)
        about_label = _series([one.get(name + _LABEL) for one in results], 2)
        if about_input is None or about_label is None or about_input.shape != about_label.shape:
            continue
        if about_input.shape[1] == epochs.shape[1]:
            charts.append(_chart(name, epochs[0], about_input, about_label))
    if not charts:
        return None
    failed = len(item.results) - len(results)
    settings = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in item.settings.items())
    text = f"Means over {len(results):,} trainings" + (
        f", {failed:,} more failed" if failed else ""
    )
    left = len(charts) - _MAX_CHARTS
    more = f" {left} further measures are in the ledger." if left > 0 else ""
    return Section(
        "Information plane", (f"{text}: {settings}.{more}",), tuple(charts[:_MAX_CHARTS])
    )


def _series(values: Sequence[Any], axes: int) -> Series | None:
    """Return series of all seeds, shape ``(seeds, epochs, …)``; None where they are no such thing.

    Another ledger may have brought them.
    """
    try:
        found = np.array(values, np.float64)
    except (TypeError, ValueError):
        return None
    is_good = found.ndim == axes + 1 and found.size > 0 and bool(np.isfinite(found).all())
    return found if is_good else None


def _chart(name: str, epochs: Series, about_input: Series, about_label: Series) -> PageChart:
    means = zip(about_input.mean(axis=0), about_label.mean(axis=0), strict=True)
    deviations = zip(about_input.std(axis=0), about_label.std(axis=0), strict=True)
    rows, cells = [], []
    for epoch, (xs, ys), (x_spread, y_spread) in zip(epochs, means, deviations, strict=True):
        for layer, (x, y) in enumerate(zip(xs, ys, strict=True), 1):
            group = f"layer {layer}"
            label = f"{group}, epoch {epoch:,.0f}: I(X;T) {x:.3f}, I(T;Y) {y:.3f} bits"
            rows.append({"x": x, "y": y, "group": group, "order": epoch, "label": label})
            cells.append(
                (f"{epoch:,.0f}", str(layer), f"{x:.4f}", f"{x_spread[layer - 1]:.4f}",
                 f"{y:.4f}", f"{y_spread[layer - 1]:.4f}")
            )  # fmt: skip
    title = f"Plane, measured by {name.replace('_', ' ')}"
    table = page_table(
        title,
        ("epoch|", "layer|", "I(X;T), bits|", "its deviation|", "I(T;Y), bits|", "its deviation|"),
        cells,
    )
    text = "Each line is a layer, from the first epoch measured to the last."
    spec = vega.pairs(
        rows, "I(X;T), what the layer says of the input [bits]",
        "I(T;Y), what it says of the label [bits]", is_path=True,
    )  # fmt: skip
    return PageChart(title, text, spec, table)
