"""Network and labels in one file: decoded from the inputs alone, on every machine alike."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.codec.architecture import Architecture
from minbits.codec.file_format import decode_network, encode_network
from minbits.codec.inference import predict_logits
from minbits.data import load
from minbits.errors import LabelCodeError
from minbits.label_codes.exact_logits import ExactNetwork, measured_ranges
from minbits.label_codes.two_part_archive import decode_two_part, encode_two_part
from minbits.layers.base import FloatArray, WeightedLayer
from tests.strategies import architectures, random_network

RECORD = Path(__file__).parents[2] / "records/digits-95.mbn"
DIGITS = load("digits")


def test_labels_come_back_from_the_inputs_alone() -> None:
    made = encode_two_part(RECORD.read_bytes(), DIGITS.train_inputs, DIGITS.train_labels)
    assert (decode_two_part(made.content, DIGITS.train_inputs) == DIGITS.train_labels).all()
    assert made.size_bits == 8 * len(made.content)
    assert made.network_bits == 8 * RECORD.stat().st_size
    assert made.size_bits < made.network_bits + made.labels_bits + 130
    # Far shorter than the labels by themselves, were there not the network.
    assert made.labels_bits < 0.05 * len(DIGITS.train_labels) * np.log2(10)


def test_rounding_changes_next_to_nothing() -> None:
    network = decode_network(RECORD.read_bytes())
    exact = ExactNetwork(network, measured_ranges(network, DIGITS.train_inputs))
    usual = predict_logits(network, DIGITS.test_inputs)
    found = exact.logits(DIGITS.test_inputs)
    assert found == pytest.approx(usual, abs=1e-3 * float(np.abs(usual).max()))


@settings(deadline=None, max_examples=30)
@given(architectures(), st.integers(0, 2**32 - 1))
def test_sums_are_exact_whatever_their_order(architecture: Architecture, seed: int) -> None:
    generator = np.random.default_rng(seed)
    network = random_network(architecture, seed)
    inputs = generator.integers(0, 256, (9, *architecture.input_shape)).astype(np.uint8)
    exact = ExactNetwork(network, measured_ranges(network, inputs))
    first = exact.logits(inputs)
    # Another machine: its sums have twice the digits, and are taken in another order.
    kinds = {type(step.layer) for step in exact._steps if isinstance(step.layer, WeightedLayer)}
    with pytest.MonkeyPatch.context() as patch:
        for kind in kinds:
            patch.setattr(kind, "sums", in_another_order(kind.sums))
        again = exact.logits(inputs)
    assert np.array_equal(first, again)
    assert np.array_equal(first[::-1], exact.logits(inputs[::-1]))


def in_another_order(sums):  # type: ignore[no-untyped-def]
    def other(self: WeightedLayer, x: FloatArray, weights: FloatArray) -> FloatArray:
        parts = []
        for places in (slice(0, None, 2), slice(1, None, 2)):
            masked = np.zeros_like(weights)
            masked.reshape(len(weights), -1)[:, places] = weights.reshape(len(weights), -1)[
                :, places
            ]
            parts.append(np.asarray(sums(self, x, masked), np.float64))
        return np.asarray(parts[1] + parts[0], np.float32)

    return other


def test_other_inputs_are_told() -> None:
    made = encode_two_part(RECORD.read_bytes(), DIGITS.train_inputs, DIGITS.train_labels)
    with pytest.raises(LabelCodeError, match="checksum"):
        decode_two_part(made.content, DIGITS.train_inputs[::-1])
    with pytest.raises(LabelCodeError, match="header"):
        decode_two_part(b"something else", DIGITS.train_inputs)


def test_a_fresh_process_with_other_threads_decodes(tmp_path: Path) -> None:
    made = encode_two_part(RECORD.read_bytes(), DIGITS.train_inputs, DIGITS.train_labels)
    (tmp_path / "labels.mbl").write_bytes(made.content)
    program = (
        "import sys, numpy as np\n"
        "from minbits.data import load\n"
        "from minbits.label_codes.two_part_archive import decode_two_part\n"
        "content = open(sys.argv[1], 'rb').read()\n"
        "data = load('digits')\n"
        "assert (decode_two_part(content, data.train_inputs) == data.train_labels).all()\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "labels.mbl")],
        check=True, env={"OPENBLAS_NUM_THREADS": "4", "PATH": "", "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip


def test_the_network_s_own_file_is_inside() -> None:
    content = RECORD.read_bytes()
    made = encode_two_part(content, DIGITS.train_inputs[:50], DIGITS.train_labels[:50])
    assert content in made.content
    assert encode_network(decode_network(content)) == content
