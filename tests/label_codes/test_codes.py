"""Codes of labels are byte strings: they come back, and their lengths are what formulas say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.data import load
from minbits.errors import DataError
from minbits.label_codes.empirical import EmpiricalCode
from minbits.label_codes.protocol import Known, LabelCode, Labels, decodable_code
from minbits.label_codes.registry import LABEL_CODES
from minbits.label_codes.uniform import UniformCode


def known_of(examples: int, classes: int) -> Known:
    return Known(np.zeros((examples, 1, 1, 1), np.uint8), 8, classes)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Known, Labels]:
    classes = draw(st.integers(1, 20))
    labels = draw(st.lists(st.integers(0, classes - 1), max_size=150))
    return known_of(len(labels), classes), np.array(labels, np.int64)


# The codes that look at no input; the others have tests of their own.
BLIND = ("uniform", "empirical")


@pytest.mark.parametrize("code", [LABEL_CODES[key] for key in BLIND], ids=BLIND)
@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_labels_come_back(code: LabelCode, case: tuple[Known, Labels]) -> None:
    known, labels = case
    content = code.encode(known, labels)
    assert np.array_equal(code.decode(known, content), labels)
    assert decodable_code(code, known, labels) == content
    assert code.method
    assert code.source


@given(cases())
def test_the_uniform_code_has_the_length_of_its_formula(case: tuple[Known, Labels]) -> None:
    known, labels = case
    bits = (known.classes**known.examples - 1).bit_length()
    assert len(UniformCode().encode(known, labels)) == math.ceil(bits / 8)


def arrangement_bits(labels: Labels) -> float:
    counts = np.bincount(labels)
    nats = math.lgamma(len(labels) + 1) - sum(math.lgamma(n + 1) for n in counts.tolist())
    return nats / math.log(2)


@pytest.mark.parametrize(
    "p", [[0.5, 0.5], [0.97, 0.03], [0.999, 0.001], [0.7, 0.1, 0.1, 0.05, 0.05], [1.0, 0.0]]
)
def test_the_empirical_code_costs_its_counts_and_the_arrangement(p: list[float]) -> None:
    labels = np.random.default_rng(0).choice(len(p), 5000, p=p)
    known = known_of(len(labels), len(p))
    bits = 8 * len(decodable_code(EmpiricalCode(), known, labels))
    counts_bits = (len(p) - 1) * (5000).bit_length()
    # Probabilities of 16 bits, and the end of the last byte.
    assert arrangement_bits(labels) <= bits
    assert bits <= arrangement_bits(labels) + counts_bits + 16


def test_on_real_labels_the_empirical_code_is_near_the_plug_in_entropy() -> None:
    data = load("breast_cancer")
    labels = data.train_labels
    known = Known(data.train_inputs, data.input_exponent, data.class_count)
    p = np.bincount(labels) / len(labels)
    entropy_bits = -len(labels) * float((p * np.log2(p)).sum())
    bits = 8 * len(decodable_code(EmpiricalCode(), known, labels))
    assert abs(bits - entropy_bits) < 20
    assert bits < 8 * len(decodable_code(UniformCode(), known, labels))


@pytest.mark.parametrize("code", [LABEL_CODES[key] for key in BLIND], ids=BLIND)
@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=40))
def test_other_bytes_are_refused_or_are_the_code_of_other_labels(
    code: LabelCode, content: bytes
) -> None:
    known = known_of(40, 5)
    try:
        labels = code.decode(known, content)
    except DataError:
        return
    assert code.encode(known, labels) == content


@pytest.mark.parametrize("code", [LABEL_CODES[key] for key in BLIND], ids=BLIND)
def test_what_no_encoder_writes_is_refused(code: LabelCode) -> None:
    known, labels = known_of(40, 5), np.arange(40) % 5
    content = code.encode(known, labels)
    for wrong in (content + b"\1", b"\xff" * len(content)):
        with pytest.raises(DataError, match="code of labels"):
            code.decode(known, wrong)


@pytest.mark.parametrize("code", [LABEL_CODES[key] for key in BLIND], ids=BLIND)
def test_labels_that_do_not_fit_are_refused(code: LabelCode) -> None:
    for labels in (np.zeros(3, np.int64), np.array([0, 5]), np.array([-1, 0])):
        with pytest.raises(DataError, match="labels"):
            code.encode(known_of(2, 5), labels)
