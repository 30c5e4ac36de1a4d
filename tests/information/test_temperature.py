from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from minbits.errors import ArgumentError
from minbits.information.classifiers import _best_temper
from minbits.information.temperature import best_temperature, tempered_log_probabilities

Case = tuple[np.ndarray, np.ndarray]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Logits that tell more or less of some labels, and the labels."""
    examples, classes = draw(st.integers(1, 60)), draw(st.integers(2, 6))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = generator.integers(0, classes, examples)
    logits = generator.standard_normal((examples, classes)) * draw(st.sampled_from([0, 0.1, 1, 9]))
    logits[np.arange(examples), labels] += draw(st.sampled_from([-1, 0, 0.3, 2, 40]))
    if draw(st.booleans()):
        logits = np.round(logits, 1)  # ties
    return logits, labels


def code_nats(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    """Return the code length as it is written: the sum of -log softmax(logits / temperature)."""
    return -float(log_softmax(logits / temperature, 1)[np.arange(len(labels)), labels].sum())


def found_nats(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    rows = np.arange(len(labels))
    return -float(tempered_log_probabilities(logits, temperature)[rows, labels].sum())


@given(cases())
def test_no_temperature_on_a_fine_grid_is_better(case: Case) -> None:
    logits, labels = case
    temperature = best_temperature(logits, labels)
    best = found_nats(logits, labels, temperature)
    grid = [code_nats(logits, labels, float(t)) for t in np.geomspace(1e-4, 1e4, 321)]
    assert best <= min(grid) + 1e-9
    if 1e-4 < temperature < 1e4:
        assert best == pytest.approx(code_nats(logits, labels, temperature), rel=1e-9)


@given(cases(), st.floats(-12, 12))
def test_a_factor_on_the_logits_is_a_factor_on_the_temperature(case: Case, power: float) -> None:
    logits, labels = case
    best, scaled = best_temperature(logits, labels), best_temperature(logits * 10**power, labels)
    nats = found_nats(logits, labels, best)
    assert found_nats(logits * 10**power, labels, scaled) == pytest.approx(
        nats, rel=1e-9, abs=1e-12
    )
    if 0 < best < 1e6:
        assert scaled == pytest.approx(best * 10**power, rel=1e-6)


@pytest.mark.parametrize("exponent", [-1000, -500, 0, 500, 1000])
def test_any_scale_that_floats_have_gives_the_same_code(exponent: int) -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 200)
    logits = np.ldexp(np.rint(8 * generator.standard_normal((200, 3))), -3)
    logits[np.arange(200), labels] += 1
    wanted = found_nats(logits, labels, best_temperature(logits, labels))
    moved = np.ldexp(logits, exponent)
    assert found_nats(moved, labels, best_temperature(moved, labels)) == wanted


def test_the_limits_are_exact() -> None:
    right = np.array([[3.0, 1.0], [0.0, 5.0]])
    labels = np.array([0, 1])
    assert best_temperature(right, labels) == 0.0
    assert found_nats(right, labels, 0.0) == 0.0
    # A tie at the top costs one bit, and no finite temperature does better.
    tied = np.array([[3.0, 3.0, 1.0], [0.0, 5.0, 1.0]])
    assert best_temperature(tied, labels) == 0.0
    assert found_nats(tied, labels, 0.0) == pytest.approx(math.log(2), rel=1e-12)
    assert best_temperature(right, 1 - labels) == math.inf
    assert best_temperature(np.zeros((2, 2)), labels) == math.inf
    assert found_nats(right, labels, math.inf) == pytest.approx(2 * math.log(2), rel=1e-15)


def test_one_error_by_a_hair_takes_a_temperature_of_its_own_scale() -> None:
    logits = np.zeros((1000, 2))
    logits[:, 0] = 1.0
    logits[0] = [0.0, 1e-9]  # the only error
    labels = np.zeros(1000, np.int64)
    best = best_temperature(logits, labels)
    grid = np.geomspace(1e-13, 10, 3000)
    lengths = [code_nats(logits, labels, float(t)) for t in grid]
    assert found_nats(logits, labels, best) <= min(lengths) + 1e-9
    assert best == pytest.approx(grid[int(np.argmin(lengths))], rel=0.02)


@given(cases())
def test_with_doubt_the_temperature_is_that_of_the_examples_written_out(case: Case) -> None:
    logits, labels = case
    examples, classes = logits.shape
    # Weights instead of doubt: every example once, and with every label 1 / (N classes) times.
    rows = np.repeat(np.arange(examples), 1 + classes)
    shown = np.concatenate([[label, *range(classes)] for label in labels])
    weights = np.tile([1.0, *[1 / (examples * classes)] * classes], examples)

    def nats(temperature: float) -> float:
        logs = log_softmax(logits / temperature, 1)
        return -float((weights * logs[rows, shown]).sum())

    best = best_temperature(logits, labels, doubt=1.0)
    assert best > 0
    grid = np.geomspace(1e-3, 1e4, 211)
    lowest = min(nats(float(t)) for t in grid)
    own = nats(best) if best < 1e12 else (examples + 1) * math.log(classes)
    assert own <= lowest + 1e-9


def test_a_class_that_is_ruled_out_has_probability_0() -> None:
    logits = np.array([[-math.inf, 1.0, 0.0], [2.0, -math.inf, 0.0], [1.0, 0.0, -math.inf]])
    labels = np.array([1, 0, 1])
    best = best_temperature(logits, labels)
    grid = np.geomspace(1e-3, 1e3, 2001)
    finite = np.where(np.isinf(logits), -1e6, logits)
    lowest = min(code_nats(finite, labels, float(t)) for t in grid)
    assert found_nats(logits, labels, best) == pytest.approx(lowest, rel=1e-5)
    assert best_temperature(logits, np.array([0, 0, 0])) == math.inf


@pytest.mark.parametrize("confidence", [0.05, 1.0, 8.0])
def test_a_classifier_is_tempered_however_sure_of_itself_it_is(confidence: float) -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 2000)
    logits = 0.5 * generator.standard_normal((2000, 3))
    logits[np.arange(2000), labels] += 1.0
    prior = np.full(3, 1 / 3)
    honest = np.exp(tempered_log_probabilities(logits, best_temperature(logits, labels)))
    wanted, _, _ = _best_temper(honest, labels, prior)
    sure = np.exp(confidence * np.log(honest))
    found, _, _ = _best_temper(sure / sure.sum(1, keepdims=True), labels, prior)
    # Probabilities are held above 1e-12 first, which costs the surest classifier a little.
    assert found == pytest.approx(wanted, abs=0.02)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        (np.array([[math.nan, 1.0]]), np.array([0])),
        (np.array([[math.inf, 1.0]]), np.array([0])),
        (np.array([[-math.inf, -math.inf]]), np.array([0])),
        (np.zeros((2, 2)), np.array([0])),
        (np.zeros((2, 2)), np.array([0, 2])),
        (np.zeros((2, 2)), np.array([0, -1])),
        (np.zeros((0, 2)), np.zeros(0, np.int64)),
        (np.zeros(2), np.array([0, 1])),
    ],
)
def test_logits_that_are_none_are_refused(logits: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ArgumentError, match="; expected "):
        best_temperature(logits, labels)


@pytest.mark.parametrize("temperature", [-1.0, math.nan])
def test_a_temperature_that_is_none_is_refused(temperature: float) -> None:
    with pytest.raises(ArgumentError, match="temperature"):
        tempered_log_probabilities(np.zeros((1, 2)), temperature)
