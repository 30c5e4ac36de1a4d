"""Records say in a line what they are; in notebooks they are tables, in which no name is markup."""

from __future__ import annotations

from pathlib import Path

import minbits
from minbits.data import from_arrays, load
from minbits.notebook import Shown, html_picture
from minbits.types import DataSet

RECORD = Path(__file__).parents[1] / "records/digits-95.mbn"


def rich(record: Shown) -> str:
    return record._repr_html_()


def iris() -> DataSet:
    return load("iris")


def test_a_data_set_says_what_is_in_it() -> None:
    text = repr(iris())
    assert (
        text == "<DataSet: iris, 120 training and 30 test examples of 4 x 1 x 1 float32, 3 classes>"
    )
    assert "setosa: 40, versicolor: 40, virginica: 40" in rich(iris())


def test_names_from_outside_are_no_markup() -> None:
    data = iris()
    named = DataSet(**{**vars(data), "name": "<script>x</script>", "origin": "a & <b>"})
    assert "<script>" not in rich(named)
    assert "a &amp; &lt;b&gt;" in rich(named)


def test_a_table_of_entropies_has_a_row_a_figure() -> None:
    from minbits.information.ladder import entropy_table

    table = entropy_table(iris())
    assert repr(table) == f"<EntropyTable: {len(table.figures)} figures of iris>"
    assert rich(table).count("<tr>") == 1 + len(table.figures)
    figure = table.figure("label_entropy")
    assert repr(figure) == "<Figure: label_entropy = 1.58496 bits/label, estimate of Y>"
    assert "bits/label" in rich(figure)


def test_a_network_says_its_size() -> None:
    network = minbits.read(RECORD)
    assert f"{8 * RECORD.stat().st_size:,} bits" in repr(network)
    assert rich(network).count("<tr>") == len(network.architecture.layers)


def test_a_picture_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    assert html_picture(picture) == html_picture(None) == ""
    picture.write_bytes(b"\x89PNG")
    assert html_picture(picture).startswith('<img src="data:image/png;base64,iVBORw==')


def test_a_small_set_of_many_classes_stays_short() -> None:
    import numpy as np

    data = from_arrays(np.zeros((60, 1)) + np.arange(60)[:, None], np.arange(60) % 30)
    assert len(repr(data)) < 150
    assert ", …" in rich(data)
