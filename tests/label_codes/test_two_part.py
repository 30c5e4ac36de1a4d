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
from minbits.codec.file_format import decode_network
from minbits.codec.inference import predict_logits
from minbits.data import load
from minbits.errors import LabelCodeError
from minbits.label_codes.exact_logits import ExactNetwork, measured_ranges
from minbits.label_codes.protocol import Known
from minbits.label_codes.two_part import TwoPartCode
from minbits.layers.base import FloatArray, WeightedLayer
from tests.strategies import architectures, random_network

RECORD = Path(__file__).parents[2] / "records/digits-95.mbn"
DIGITS = load("digits")


KNOWN = Known(DIGITS.train_inputs, DIGITS.input_exponent, DIGITS.class_count)
CODE = TwoPartCode(RECORD.read_bytes())


def test_labels_come_back_from_the_inputs_alone() -> None:
    content = CODE.encode(KNOWN, DIGITS.train_labels)
    assert (TwoPartCode().decode(KNOWN, content) == DIGITS.train_labels).all()
    network_bits = 8 * RECORD.stat().st_size
    # Beyond the network, far shorter than the labels by themselves.
    labels_alone = len(DIGITS.train_labels) * np.log2(10)
    assert network_bits < 8 * len(content) < network_bits + 0.06 * labels_alone


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
    content = CODE.encode(KNOWN, DIGITS.train_labels)
    others = Known(DIGITS.train_inputs[::-1], KNOWN.input_exponent, KNOWN.classes)
    with pytest.raises(LabelCodeError, match="checksum"):
        CODE.decode(others, content)
    with pytest.raises(LabelCodeError, match="bytes"):
        CODE.decode(KNOWN, content[:100])
    with pytest.raises(LabelCodeError, match="no network"):
        TwoPartCode().encode(KNOWN, DIGITS.train_labels)


def test_a_fresh_process_with_other_threads_decodes(tmp_path: Path) -> None:
    (tmp_path / "labels").write_bytes(CODE.encode(KNOWN, DIGITS.train_labels))
    program = (
        "import sys\n"
        "from minbits.data import load\n"
        "from minbits.label_codes.protocol import Known\n"
        "from minbits.label_codes.two_part import TwoPartCode\n"
        "data = load('digits')\n"
        "known = Known(data.train_inputs, data.input_exponent, data.class_count)\n"
        "found = TwoPartCode().decode(known, open(sys.argv[1], 'rb').read())\n"
        "assert (found == data.train_labels).all()\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "labels")],
        check=True, env={"OPENBLAS_NUM_THREADS": "4", "PATH": "", "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip


def test_the_network_s_own_file_is_inside() -> None:
    few = Known(DIGITS.train_inputs[:50], KNOWN.input_exponent, KNOWN.classes)
    content = CODE.encode(few, DIGITS.train_labels[:50])
    assert RECORD.read_bytes() in content
