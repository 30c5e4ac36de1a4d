"""Names of any kind in charts: drawn as they are, without a warning, as well-formed XML."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from PIL import Image

from minbits.charts.audit_chart import LayerBits, draw_layer_bits
from minbits.charts.chart import Chart, drawing, name_text
from minbits.charts.curve import curve_data, draw_curve
from minbits.charts.feature_chart import FeatureNumbers, draw_feature_chart
from minbits.data import from_arrays
from minbits.errors import ArgumentError
from minbits.information.features import feature_information
from tests.test_plain_text import NAMES

# All at once, and one that is long.
WORST = ["".join(NAMES), "$x$ $" + 300 * "w" + "--$", "--><script>]]>&amp;\x00\x0b"]


@pytest.mark.parametrize("name", WORST)
def test_an_svg_is_well_formed_whatever_it_is_called(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chart = draw_curve(curve_data(name, [(0.9, 0.95, 800)]))
        pictures = {kind: chart.picture(kind) for kind in ("png", "svg")}
    root = ElementTree.fromstring(pictures["svg"])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert Image.open(io.BytesIO(pictures["png"])).size[0] > 800


def test_names_of_layers_and_columns_are_drawn() -> None:
    names = tuple(name or " " for name in [*NAMES, *WORST])
    layers = [LayerBits(name, 100 + i, 90, 50) for i, name in enumerate(names)]
    numbers = FeatureNumbers(names, np.ones(len(names)), np.ones(len(names)), 3, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw_layer_bits(WORST[1], layers).picture().startswith(b"\x89PNG")
        assert draw_feature_chart(numbers, WORST[0]).picture().startswith(b"\x89PNG")


def test_dollars_are_drawn_as_dollars() -> None:
    name = r"$x_2$ \$ b"
    with drawing():
        drawn = picture_of(name_text(name))
        assert drawn == picture_of(name, parse_math=False)
        assert drawn != picture_of(name)


def picture_of(text: str, **options: bool) -> bytes:
    figure = matplotlib.figure.Figure(figsize=(3, 1))
    figure.text(0, 0, text, **options)  # type: ignore[arg-type]
    return Chart(text, lambda _: figure).picture()


def test_a_users_own_settings_change_nothing() -> None:
    data = from_arrays(np.arange(80).reshape(40, 2) % 7, np.arange(40) % 2)
    features = feature_information(data)
    numbers = FeatureNumbers(
        ("a", "b"), features.information_bits, features.added_bits, 0, features.label_entropy_bits
    )
    plain = draw_feature_chart(numbers, "data").picture()
    with matplotlib.rc_context({"text.usetex": True, "font.family": "serif"}):
        assert draw_feature_chart(numbers, "data").picture() == plain


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".PNG"])
def test_a_path_says_which_kind_is_saved_and_numbers_say_the_bytes(
    tmp_path: Path, suffix: str
) -> None:
    chart = draw_curve(curve_data("mnist", [(0.9, 0.95, 800)]))
    one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
    chart.save(one)
    draw_curve(chart.numbers).save(other)
    assert one.read_bytes() == other.read_bytes()
    start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix.lower()]
    assert one.read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["chart", "chart.jpg", ".png"])
def test_other_paths_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArgumentError, match=r"ends in \.png or \.svg or \.pdf"):
        draw_curve(curve_data("mnist", [(0.9, 0.95, 800)])).save(tmp_path / name)
