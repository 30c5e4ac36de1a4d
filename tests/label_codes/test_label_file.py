"""Files of labels: every code, in an order of its own, read back; and what is no such file."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.data import load
from minbits.errors import LabelCodeError, MinbitsError
from minbits.label_codes.label_file import NUMBERED, code_of, read_labels, written
from minbits.label_codes.protocol import Known
from minbits.label_codes.registry import LABEL_CODES

IRIS = load("iris")
KNOWN = Known(IRIS.train_inputs, IRIS.input_exponent, IRIS.class_count)
SIMPLE = ("uniform", "empirical")


@given(st.sampled_from(SIMPLE), st.integers(0, 255), st.integers(0, 2**32 - 1))
def test_labels_come_back(key: str, seed: int, drawn: int) -> None:
    labels = np.random.default_rng(drawn).integers(0, 3, KNOWN.examples)
    content = written(LABEL_CODES[key], KNOWN, labels, seed)
    assert code_of(content).key == key
    assert (read_labels(content, KNOWN) == labels).all()


def test_the_order_of_collection_tells_nothing() -> None:
    """All examples of a class stand together in iris: written in that order, labels are cheap."""
    sorted_labels = np.sort(IRIS.train_labels)
    content = written(LABEL_CODES["empirical"], KNOWN, sorted_labels)
    counts = np.bincount(sorted_labels)
    ways = math.lgamma(counts.sum() + 1) - sum(math.lgamma(count + 1) for count in counts)
    assert 8 * len(content) >= ways / math.log(2) + 16


def test_every_code_of_the_registry_has_a_number() -> None:
    assert set(NUMBERED) == set(LABEL_CODES)


@pytest.mark.parametrize(
    "content",
    [b"", b"ML", b"ML\x09\x00abc", b"MB\x00\x00abc", b"ML\x02\x00\xff\xff"],
)
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(MinbitsError):
        read_labels(content, KNOWN)


def test_a_code_from_outside_has_no_number() -> None:
    class Other:
        key, method, source = "other", "", ""

        def encode(self, known: Known, labels: np.ndarray) -> bytes:
            return b""

        def decode(self, known: Known, code: bytes) -> np.ndarray:
            return np.zeros(known.examples, np.int64)

    with pytest.raises(LabelCodeError, match="other"):
        written(Other(), KNOWN, IRIS.train_labels)
    with pytest.raises(LabelCodeError, match="seed 256"):
        written(LABEL_CODES["uniform"], KNOWN, IRIS.train_labels, 256)
