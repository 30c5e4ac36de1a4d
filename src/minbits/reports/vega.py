"""Vega-Lite specifications: the few forms of chart that the page has.

Names from outside are values of the data, never part of an expression or a key. Colours are
variables of the page's style, so that light, dark and print need no second chart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minbits.reports.blocks import Spec

Rows = Sequence[Mapping[str, Any]]

# Variables of the page's style.
_FOUND, _NEED, _SPEND, _OTHER, _INK, _MUTED, _PAPER = (
    f"var(--{name})" for name in ("found", "need", "spend", "other", "ink", "muted", "paper")
)
ROW_HEIGHT = 30
_HEIGHT = 320
# Kinds of values: each has a colour and a shape of its own, so that grey print tells them, too.
KINDS = {
    "found": (_FOUND, "diamond"),
    "need": (_NEED, "circle"),
    "spend": (_SPEND, "square"),
    "other": (_OTHER, "triangle-up"),
}
_VALUE = {"description": {"field": "label"}, "tooltip": {"field": "label", "type": "nominal"}}
_NUMBER = {"format": ",~r", "tickCount": 6}
# Over more decades than that, a logarithmic axis has lines at powers of ten alone.
_LOGARITHMIC = {"format": ",~r", "tickCount": 4}


def _kinds(rows: Rows, names: Mapping[str, str]) -> tuple[Spec, Spec]:
    """Return colour and shape of the kinds that rows have, with one legend."""
    used = [kind for kind in names if any(row["kind"] == names[kind] for row in rows)]
    domain = [names[kind] for kind in used]
    legend = {"title": None, "orient": "top"}
    shown = legend if len(used) > 1 else None
    field: Spec = {"field": "kind", "type": "nominal", "legend": shown}
    colours = {"domain": domain, "range": [KINDS[kind][0] for kind in used]}
    shapes = {"domain": domain, "range": [KINDS[kind][1] for kind in used]}
    return {**field, "scale": colours}, {**field, "scale": shapes}


def _chart(rows: Rows, height: int, **parts: Any) -> Spec:
    return {"width": "container", "height": height, "data": {"values": list(rows)}, **parts}


def dots(rows: Rows, title: str, names: Mapping[str, str]) -> Spec:
    """Return bits on a logarithmic axis, one line a name.

    Args:
        rows: ``name``, ``bits``, ``kind`` and ``label`` each.
        title: of the axis.
        names: what kinds of values are called, by the keys of `KINDS`.
    """
    lines = len({row["name"] for row in rows})
    colour, shape = _kinds(rows, names)
    y = {
        "field": "name", "type": "nominal", "sort": None, "title": None,
        "axis": {"grid": True, "gridDash": [2, 3], "ticks": False, "domain": False},
    }  # fmt: skip
    x = {
        "field": "bits", "type": "quantitative", "title": title, "axis": _LOGARITHMIC,
        "scale": {"type": "log", "nice": False, "padding": 16},
    }  # fmt: skip
    return _chart(
        rows, max(90, ROW_HEIGHT * lines),
        mark={"type": "point", "filled": True, "size": 110, "opacity": 1},
        encoding={"y": y, "x": x, "color": colour, "shape": shape, **_VALUE},
    )  # fmt: skip


def bars(rows: Rows, title: str, parts: Sequence[str], marks: Rows = ()) -> Spec:
    """Return stacked bars, one a name, with intervals, and marks of others.

    Args:
        rows: ``name``, ``value``, ``part`` and ``label`` each; ``low`` and ``high`` where there is
            an interval.
        title: of the axis.
        parts: of a bar, in order.
        marks: ``name``, ``value`` and ``label`` each.
    """
    order = list(dict.fromkeys(row["name"] for row in (*rows, *marks)))
    y = {
        "field": "name", "type": "nominal", "sort": order, "title": None,
        "axis": {"ticks": False},
    }  # fmt: skip
    x = {"field": "value", "type": "quantitative", "title": title, "axis": _NUMBER, "stack": "zero"}
    colours = [_NEED, _OTHER, _SPEND]
    colour = {
        "field": "part", "type": "nominal",
        "scale": {"domain": list(parts), "range": colours[: len(parts)]},
        "legend": {"title": None, "orient": "top"} if len(parts) > 1 else None,
    }  # fmt: skip
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "height": {"band": 0.65}},
            "encoding": {
                "y": y, "x": x, "color": colour, "order": {"field": "rank"}, **_VALUE,
            },
        },
    ]  # fmt: skip
    if any("low" in row for row in rows):
        layers.append(
            {
                "transform": [{"filter": "isValid(datum.low)"}],
                "mark": {"type": "rule", "strokeWidth": 2, "color": _INK, "aria": False},
                "encoding": {
                    "y": y, "x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"},
                },
            }
        )  # fmt: skip
    if marks:
        layers.append(
            {
                "data": {"values": list(marks)},
                "mark": {"type": "point", "filled": True, "shape": "square", "size": 70,
                         "opacity": 1, "color": _OTHER},
                "encoding": {"y": y, "x": {**x, "stack": None}, **_VALUE},
            }
        )  # fmt: skip
    return _chart(rows, ROW_HEIGHT * len(order), layer=layers)


def line(rows: Rows, x_title: str, y_title: str) -> Spec:
    """Return a line with a point at each value: ``x``, ``y`` and ``label`` each."""
    encoding = {
        "x": {"field": "x", "type": "quantitative", "title": x_title, "axis": _NUMBER},
        "y": {"field": "y", "type": "quantitative", "title": y_title, "axis": _NUMBER},
    }
    layers = [
        {"mark": {"type": "line", "color": _NEED, "aria": False}, "encoding": encoding},
        {
            "mark": {
                "type": "point",
                "filled": True,
                "size": 60,
                "opacity": 1,
                "color": _NEED,
            },
            "encoding": {**encoding, **_VALUE},
        },
    ]
    return _chart(rows, _HEIGHT, layer=layers)


def front(rows: Rows, names: Mapping[str, str]) -> Spec:
    """Return accuracies against bits: ``error``, ``bits``, ``kind`` and ``label`` each.

    The axis of accuracies is that of the errors, logarithmic and turned round.
    """
    colour, shape = _kinds(rows, names)
    x = {
        "field": "error", "type": "quantitative", "title": "accuracy that can be claimed",
        "scale": {"type": "log", "reverse": True, "nice": False, "padding": 16},
        "axis": {"labelExpr": "format(100 * (1 - datum.value), '.4~r') + ' %'",
                 "labelOverlap": "greedy", "tickCount": 8},
    }  # fmt: skip
    y = {
        "field": "bits", "type": "quantitative", "title": "bits of the network",
        "axis": _LOGARITHMIC, "scale": {"type": "log", "nice": False, "padding": 16},
    }  # fmt: skip
    layers = [
        {
            "transform": [{"filter": {"field": "kind", "equal": names["found"]}}],
            "mark": {"type": "line", "color": _FOUND, "aria": False},
            "encoding": {"x": x, "y": y},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": colour, "shape": shape, **_VALUE},
        },
    ]
    return _chart(rows, _HEIGHT, layer=layers)


def strips(rows: Rows, x_title: str, y_title: str, means: Rows = ()) -> Spec:
    """Return values in columns: ``group``, ``value`` and ``label`` each, with means over them.

    Args:
        rows: one a value.
        x_title: of the groups.
        y_title: of the values.
        means: ``group``, ``value``, ``low``, ``high`` and ``label`` each.
    """
    order = list(dict.fromkeys(row["group"] for row in rows))
    x = {
        "field": "group", "type": "nominal", "sort": order, "title": x_title,
        "axis": {"labelAngle": 0},
    }  # fmt: skip
    y = {
        "field": "value", "type": "quantitative", "title": y_title, "scale": {"zero": False},
    }  # fmt: skip
    layers: list[Spec] = [
        {
            "mark": {"type": "tick", "thickness": 2, "opacity": 0.6, "color": _NEED},
            "encoding": {"x": x, "y": y, **_VALUE},
        },
    ]
    if means:
        layers += [
            {
                "data": {"values": list(means)},
                "mark": {"type": "rule", "strokeWidth": 2, "color": _FOUND, "aria": False},
                "encoding": {
                    "x": x, "y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"},
                },
            },
            {
                "data": {"values": list(means)},
                "mark": {"type": "point", "filled": True, "size": 90, "shape": "diamond",
                         "opacity": 1, "color": _FOUND},
                "encoding": {"x": x, "y": y, **_VALUE},
            },
        ]  # fmt: skip
    return _chart(rows, _HEIGHT, layer=layers)


# By group; more groups than these begin again, with another shape.
_COLOURS = (_NEED, _FOUND, _SPEND, _OTHER)
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke")


def pairs(rows: Rows, x_title: str, y_title: str, is_path: bool = False) -> Spec:
    """Return pairs of values: ``x``, ``y``, ``group`` and ``label`` each.

    Args:
        rows: one a pair; of a path with ``order``, too.
        x_title: with the unit.
        y_title: with the unit.
        is_path: whether a line leads through the pairs of each group.
    """
    groups = list(dict.fromkeys(row["group"] for row in rows))
    field: Spec = {"field": "group", "type": "nominal"}
    field["legend"] = {"title": None, "orient": "top"}
    colours = [_COLOURS[index % len(_COLOURS)] for index in range(len(groups))]
    shapes = [_SHAPES[index % len(_SHAPES)] for index in range(len(groups))]
    axis = {"type": "quantitative", "scale": {"zero": False, "padding": 10}}
    places: Spec = {
        "x": {"field": "x", "title": x_title, **axis},
        "y": {"field": "y", "title": y_title, **axis},
        "color": {**field, "scale": {"domain": groups, "range": colours}},
    }
    shape = {**field, "scale": {"domain": groups, "range": shapes}}
    points: Spec = {
        "mark": {"type": "point", "filled": True, "opacity": 0.75, "size": 50},
        "encoding": {**places, "shape": shape, **_VALUE},
    }
    if not is_path:
        return _chart(rows, _HEIGHT, **points)
    path = {
        "mark": {"type": "line", "opacity": 0.7, "aria": False},
        "encoding": {**places, "order": {"field": "order"}},
    }
    return _chart(rows, _HEIGHT, layer=[path, points])


def scatter(rows: Rows, ends: Sequence[float], x_title: str, y_title: str) -> Spec:
    """Return the diagram: one point a data set, on logarithmic axes, with the line y = x.

    Args:
        rows: ``x``, ``y``, ``shown`` (``yes`` or ``no``), ``name`` and ``label`` each; ``first``,
            the size of the first file; ``low`` and ``high``, the range of sizes; ``x_low`` and
            ``x_high`` where the measure has an interval.
        ends: of the line y = x; none where the axes have different units.
        x_title: with the unit.
        y_title: with the unit.
    """
    scale = {"type": "log", "nice": False, "padding": 24}
    number: Spec = {"type": "quantitative", "axis": _LOGARITHMIC, "scale": scale}
    x, y = {"field": "x", "title": x_title, **number}, {"field": "y", "title": y_title, **number}
    rule = {"type": "rule", "color": _SPEND, "aria": False}
    layers: list[Spec] = [
        {"mark": rule, "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}},
        {
            "mark": {**rule, "strokeDash": [2, 3]},
            "encoding": {"x": x, "y": {**y, "field": "first"}, "y2": {"field": "y"}},
        },
        {
            "mark": {"type": "point", "size": 100, "strokeWidth": 2, "opacity": 1,
                     "stroke": _FOUND, "shape": "diamond"},
            "encoding": {
                "x": x, "y": y, **_VALUE,
                "fill": {
                    "field": "shown", "type": "nominal", "legend": None,
                    "scale": {"domain": ["yes", "no"], "range": [_FOUND, _PAPER]},
                },
            },
        },
        {
            "mark": {"type": "text", "dy": -13, "fontSize": 11, "color": _MUTED,
                     "aria": False, "limit": 110},
            "encoding": {"x": x, "y": y, "text": {"field": "name"}},
        },
    ]  # fmt: skip
    if any("x_low" in row for row in rows):
        layers.insert(
            0,
            {
                "transform": [{"filter": "isValid(datum.x_low)"}],
                "mark": rule,
                "encoding": {"x": {**x, "field": "x_low"}, "x2": {"field": "x_high"}, "y": y},
            },
        )
    if ends:
        line_rows = [{"x": end, "y": end} for end in ends]
        layers.insert(
            0,
            {
                "data": {"values": line_rows},
                "mark": {"type": "line", "color": _NEED, "strokeDash": [6, 4],
                         "aria": False, "clip": True},
                "encoding": {"x": x, "y": y},
            },
        )  # fmt: skip
    return _chart(rows, 460, layer=layers)
