from __future__ import annotations

import dataclasses
import importlib
import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minbits.capacity.linear_separability import measure_separability
from minbits.charts.answer import (
    claim_sentences,
    missed_answer,
    nearest_answer,
    not_taken_sentence,
    passing_chance,
    shown_sentence,
    size_answer,
)
from minbits.charts.audit_chart import LayerBits, draw_layer_bits, fold_layers
from minbits.charts.cover_chart import cover_curves, draw_cover_curves
from minbits.charts.diagram import diagram_data, draw_diagram
from minbits.charts.heat_map import draw_heat_map
from minbits.charts.published import PUBLISHED, published_networks
from minbits.data import load
from minbits.data.encoding import encoding_bits
from minbits.errors import ArgumentError
from minbits.information.baselines import _tree_bits, baselines
from minbits.information.binary_pixels import count_pixels
from minbits.information.entropy_table import entropy_table
from minbits.intervals import anytime_lower_limit
from minbits.types import DataSet, ShownFile, Verification


def test_the_numbers_of_the_diagram(mnist: DataSet) -> None:
    data = diagram_data(entropy_table(mnist), 0.99, 8560)
    assert data.chosen.key == "label_entropy_total"
    assert round(data.chosen.bits) == 199_192
    assert {mark.key for mark in data.marks} >= {"independent_pixels", "label_entropy"}
    assert (data.question_neurons, round(data.question_bits or 0, 2)) == (95, 190.79)
    sizes = [item.size_bits for item in data.references]
    assert 698_880 in sizes
    assert 12_160 in sizes


def test_another_entropy_can_be_chosen(mnist: DataSet) -> None:
    table = entropy_table(mnist)
    assert diagram_data(table, 0.99, 1, "independent_pixels").chosen.bits == pytest.approx(342.407)
    with pytest.raises(ArgumentError):
        diagram_data(table, 0.99, 1, "none")


def test_references_reach_the_accuracy_and_belong_to_the_data() -> None:
    assert {item.name for item in published_networks("mnist", 0.991)} < {
        item.name for item in PUBLISHED
    }
    assert published_networks("digits", 0.5) == ()
    assert all(item.source and item.counting for item in PUBLISHED)


@pytest.mark.parametrize("found_bits", [100, 8560, 10_000_000])
def test_the_same_numbers_give_the_same_pictures(tiny: DataSet, found_bits: int) -> None:
    data = diagram_data(entropy_table(tiny), 0.9, found_bits)
    first, second = (
        {kind: draw_diagram(data).picture(kind) for kind in ("png", "svg")} for _ in range(2)
    )
    assert first == second
    assert f"{found_bits:,} bits" in first["svg"].decode() or "<svg" in first["svg"].decode()
    assert first["png"].startswith(b"\x89PNG")


def test_the_heat_map_is_a_picture() -> None:
    data = load("digits")
    pixels = entropy_table(data).pixels
    assert pixels is not None
    assert draw_heat_map(pixels, data.name).picture().startswith(b"\x89PNG")


@pytest.mark.parametrize("channels", [1, 3, 5, 40])
def test_heat_maps_of_many_channels_stay_pictures_of_a_size_to_look_at(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 2, (20, channels, 3, 4)).astype(np.uint8)
    picture = draw_heat_map(count_pixels(images, 0), "many").picture()
    width, height = Image.open(io.BytesIO(picture)).size
    assert max(width, height) < 4000
    assert width > 500


def test_the_answer_compares_need_and_spend(mnist: DataSet) -> None:
    found = Verification("f.mbn", "0" * 64, 1070, 8560, 10_000, 9910, 0.991, 0.989, 0.9927, 3.0)
    text = size_answer(entropy_table(mnist), 0.99, found, 0.6, 1)
    assert "8,560 bits (1,070 bytes)" in text
    assert "9,910 of 10,000" in text
    assert "698,880 bits, 82 times as much" in text


@pytest.mark.parametrize(
    ("size_bits", "words"),
    [
        (8560, "the file holds 23.3 times less."),
        (190_000, "the file holds 4.6 % less."),
        (199_192, "the file holds as much."),
        (199_230, "the file holds as much."),
        (199_400, "the file holds 0.1 % more."),
        (210_000, "the file holds 5.4 % more."),
        (398_384, "the file holds 2.0 times as much."),
    ],
)
def test_a_file_is_compared_with_the_labels_in_words(
    mnist: DataSet, size_bits: int, words: str
) -> None:
    found = Verification("f.mbn", "0" * 64, 1, size_bits, 10, 10, 1.0, 0.7, 1.0, 3.0)
    text = size_answer(entropy_table(mnist), 0.99, found, 0.6, 1)
    assert words in text
    assert "Beside the file" not in text


def test_labels_of_one_class_carry_nothing(tiny: DataSet) -> None:
    alone = dataclasses.replace(tiny, train_labels=np.zeros_like(tiny.train_labels))
    found = Verification("f.mbn", "0" * 64, 1, 80, 10, 10, 1.0, 0.7, 1.0, 3.0)
    assert "the file holds more." in size_answer(entropy_table(alone), 0.5, found, 0.6, 1)


def test_the_answer_on_a_table_says_what_the_file_leaves_out() -> None:
    data = load("iris")
    assert data.table is not None
    bits = encoding_bits(data.table.columns)
    found = Verification("f.mbn", "0" * 64, 50, 400, 30, 29, 0.967, 0.83, 0.99, 3.0)
    text = size_answer(entropy_table(data), 0.95, found, 0.8, 1, bits)
    assert f"they would take {bits:,} bits more, {400 + bits:,} in all" in text


def test_a_missed_target_is_said_plainly() -> None:
    found = Verification("f.mbn", "0" * 64, 1070, 8560, 10_000, 9890, 0.989, 0.987, 0.991, 3.0)
    assert "only 98.90 % of the test set" in missed_answer(0.99, found, 0.991, 3)
    assert "the best had 98.10 %" in missed_answer(0.99, None, 0.981, 0)
    assert "No trial of this run ended" in missed_answer(0.99, None, None, 0)
    said = missed_answer(0.97, None, 1.0, 45)
    assert "45 reached 97 % on validation" in said
    assert "No file" not in said


def test_what_a_pass_shows_is_said() -> None:
    many = Verification("f.mbn", "0" * 64, 1, 8, 10_000, 9905, 0.9905, 0.98, 0.99, 3.0)
    limit = anytime_lower_limit(9905, 10_000, 12)
    [sentence] = claim_sentences(0.99, many, limit, 12)
    assert f"at least {100 * limit:.2f} %" in sentence
    assert "after 12 looks" in sentence
    assert "may be below the target of 99 %" in sentence
    sure = dataclasses.replace(many, correct=9990, test_accuracy=0.999)
    [sentence] = claim_sentences(0.99, sure, anytime_lower_limit(9990, 10_000, 1), 1)
    assert "after one look" in sentence
    assert "may be below" not in sentence
    few = Verification("f.mbn", "0" * 64, 1, 8, 360, 355, 0.986, 0.9, 1.0, 3.0)
    _, weak = claim_sentences(0.97, few, anytime_lower_limit(355, 360, 1), 1)
    # 350 of 360 are needed; a sum of the binomial probabilities, term by term.
    chance = sum(math.comb(360, k) * 0.96**k * 0.04 ** (360 - k) for k in range(350, 361))
    assert passing_chance(0.96, 0.97, 360) == pytest.approx(chance)
    assert f"chance of {100 * chance:.0f} %" in weak
    assert passing_chance(0.2, 0.0, 10) == 1.0


def test_files_that_are_shown_and_not_claimed_say_why() -> None:
    shown = ShownFile(3, 2472, 9805, 10_000, 0.97, 0.97516)
    text = shown_sentence(shown)
    for part in ("2,472 bits", "chosen for 97 %", "97.52 % on validation", "reached 98.05 %"):
        assert part in text
    assert "no validation result" in shown_sentence(
        dataclasses.replace(shown, validation_accuracy=None)
    )
    counts = {"missed on the test set": 3, "seem lucky on validation": 1}
    assert "3 missed on the test set, 1 seem lucky on validation" in not_taken_sentence(counts)
    near = Verification("f.mbn", "0" * 64, 256, 2048, 900, 803, 0.89222, 0.87, 0.91, 3.0)
    said = nearest_answer("satellite", 0.901, near, 0.87, 1)
    assert "2,048 bits (256 bytes)" in said
    assert "0.88 points below the target" in said


def test_capacity_charts_are_pictures_of_their_numbers() -> None:
    curves = cover_curves([5, 20_000])
    assert curves[0].probabilities[9] == pytest.approx(0.5)
    assert curves[0].loads[9] == 2.0
    point = measure_separability(8, 5, 20, 0)
    assert draw_cover_curves(curves, [point]).picture().startswith(b"\x89PNG")


def test_charts_of_the_recipes_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "recipes")
    memory = importlib.import_module("memorisation_chart")
    series = memory.MemorySeries("a", (10, 100), (1.5, 1.9), (1.2, 1.8), (1.8, 2.0))
    assert memory.draw_memorisation([series]).picture().startswith(b"\x89PNG")
    labels = importlib.import_module("random_labels_chart")
    curve = labels.LabelCurve(0.5, (0, 50), (3.3, 1.0), 0.4)
    assert labels.draw_random_labels([curve], 3.3).picture().startswith(b"\x89PNG")


def test_small_layers_are_folded_and_none_is_lost() -> None:
    layers = [LayerBits(f"l{index}", 1000 - index, 900, 10) for index in range(60)]
    rows = fold_layers(layers)
    assert len(rows) == 24
    assert rows[-1].name == "37 smaller layers"
    assert sum(row.stored for row in rows) == sum(layer.stored for layer in layers)
    assert sum(row.quantised or 0 for row in rows) == 600
    assert draw_layer_bits("model", layers, 500).picture().startswith(b"\x89PNG")
    assert fold_layers(layers[:3]) == tuple(layers[:3])


def test_a_table_has_its_usual_classifiers_and_a_plane_that_fits() -> None:
    wine = load("wine")
    usual = baselines(wine)
    assert [item.size_bits for item in usual] == sorted(item.size_bits for item in usual)
    sizes = {item.name: item.size_bits for item in usual}
    assert sizes["logistic regression"] == 32 * 14 * 3
    assert sizes["network of 128 hidden units"] == 32 * (14 * 128 + 129 * 3)
    assert all(0.5 < item.accuracy <= 1 for item in usual)
    data = diagram_data(entropy_table(wine), 0.952, 208, usual=usual)
    axes = draw_diagram(data).draw(data).axes[0]
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert left < min(mark.bits for mark in data.marks)
    assert right / left < 1e7
    assert bottom < 208 < max(sizes.values()) < top < 10 * max(sizes.values())
    texts = " ".join(text.get_text() for text in axes.texts)
    assert "logistic regression · 1,344 bits" in texts


def test_the_size_of_a_tree_is_that_of_its_nodes() -> None:
    # Two inner nodes of a threshold and two bits for one of four inputs, three leaves of two bits
    # for one of three classes, and five bits of structure.
    assert _tree_bits(3, 4, 3) == 2 * (32 + 2) + 3 * 2 + 5
