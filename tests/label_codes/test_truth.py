"""Code lengths where the truth is known: chance, noise, a teacher; and causality."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from minbits.codec.file_format import decode_network
from minbits.codec.inference import predict_logits
from minbits.data import load
from minbits.label_codes.label_file import order_of
from minbits.label_codes.protocol import Known
from minbits.label_codes.two_part import TwoPartCode
from tests.label_codes.quick import ORDER, all_for_training, clusters, coded, take_only

RECORD = Path(__file__).parents[2] / "records/digits-95.mbn"


@pytest.fixture(autouse=True)
def _few_learners(monkeypatch: pytest.MonkeyPatch) -> None:
    take_only(monkeypatch, lambda learner: learner.key in ("frequencies", "neighbours", "logistic"))


def test_random_labels_cost_the_uniform_code() -> None:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(2500, 3)).astype(np.float32)
    data = all_for_training(inputs, generator.integers(0, 10, 2500), 10)
    content, blocks = coded(data, data.train_labels)
    uniform = 2500 * math.log2(10)
    assert sum(block.bits for block in blocks) == pytest.approx(uniform, rel=0.01)
    assert 8 * len(content) == pytest.approx(uniform, rel=0.01)


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_noise_costs_its_entropy(noise: float) -> None:
    # Three classes, since a linear learner can say that both others are equally likely.
    data = clusters(8000, 3, 0, noise)
    content, _ = coded(data, data.train_labels)
    drawn = noise * math.log2(2)
    entropy = -noise * math.log2(noise) - (1 - noise) * math.log2(1 - noise)
    assert 8 * len(content) == pytest.approx(8000 * (entropy + drawn), rel=0.05)


def test_a_teacher_s_labels_cost_the_teacher() -> None:
    digits = load("digits")
    teacher = RECORD.read_bytes()
    labels = predict_logits(decode_network(teacher), digits.train_inputs).argmax(1)
    known = Known(digits.train_inputs, digits.input_exponent, digits.class_count)
    content = TwoPartCode(teacher).encode(known, labels)
    # Beyond the network: ranges, temperature, checksum, and next to nothing a label.
    assert 0 < 8 * (len(content) - len(teacher)) < 150
    assert (TwoPartCode().decode(known, content) == labels).all()


def test_a_changed_label_leaves_all_earlier_lengths_as_they_are() -> None:
    data = clusters(60, 3, 1, 0.2)
    _, before = coded(data, data.train_labels)
    order = order_of(60, ORDER)
    lengths = np.concatenate([block.label_bits for block in before])
    for place in (20, 45, 59):
        changed = data.train_labels.copy()
        changed[order[place]] = (changed[order[place]] + 1) % 3
        _, after = coded(data, changed)
        found = np.concatenate([block.label_bits for block in after])
        assert found[:place].tobytes() == lengths[:place].tobytes()
        assert found[place] != lengths[place]
