"""The file of a planted network gives every label of its set."""

from __future__ import annotations

import numpy as np
import pytest

from minbits.codec.file_format import decode_network
from minbits.codec.inference import predict
from minbits.data import load
from minbits.distributions import PlantedNetwork
from minbits.errors import ArgumentError
from minbits.jobs.diagram_set import true_bits
from minbits.studies.planted_file import planted_file


@pytest.mark.parametrize(("bits", "hidden", "seed"), [(12, 2, 0), (16, 4, 3), (24, 8, 0)])
def test_the_planted_network_classifies_all_examples_right(
    bits: int, hidden: int, seed: int
) -> None:
    name = f"planted:{bits},{hidden}" + (f",seed={seed}" if seed else "")
    data, content = load(name), planted_file(PlantedNetwork(bits, hidden, seed))
    network = decode_network(content)
    for inputs, labels in (
        (data.train_inputs, data.train_labels), (data.test_inputs, data.test_labels),
    ):  # fmt: skip
        assert np.array_equal(predict(network, inputs), labels)
    assert true_bits(name) == 8 * len(content)
    assert 0.15 < data.train_labels.mean() < 0.85


def test_the_truth_of_a_planted_set_is_that_of_all_inputs() -> None:
    source = PlantedNetwork(10, 3)
    inputs, labels = source.draw(20_000, np.random.default_rng(0))
    share = labels.mean()
    truth = {item.key: item.value for item in source.truth()}
    entropy = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
    assert truth["true_label_entropy"] == pytest.approx(entropy, abs=0.01)
    assert truth["true_conditional_label_entropy"] == 0
    assert inputs.shape == (20_000, 10)


def test_other_sets_have_no_planted_network() -> None:
    assert true_bits("iris") is None
    assert true_bits("parity:4") is None
    with pytest.raises(ArgumentError, match="1 inputs"):
        PlantedNetwork(1, 1)
