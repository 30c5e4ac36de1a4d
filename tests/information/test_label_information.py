"""Bounds of I(X;Y) and H(Y|X) against sources whose truth is known."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from minbits import distributions
from minbits.data import from_arrays, load, sample
from minbits.data.assemble import assemble
from minbits.errors import ArgumentError
from minbits.information.classifiers import best_classifier
from minbits.information.contingency import InformationTables
from minbits.information.counted import counted_information, distinct_codes
from minbits.information.features import feature_information, quantile_bins
from minbits.information.held_out_bounds import held_out_bounds
from minbits.information.label_information import label_fingerprint, label_information
from minbits.types import DataSet, Quantity
from minbits.units import BITS_PER_NAT

DRAWS = 200


def information_of_counts(joint: np.ndarray) -> float:
    """Return I of a table of joint counts in bits: plug-in, less its bias."""
    return InformationTables(joint.sum(axis=0)).value(joint) * BITS_PER_NAT


def truth_of(source: distributions.Source) -> dict[str, float]:
    return {figure.key: figure.value for figure in source.truth()}


def figures_of(data: DataSet) -> dict[str, Quantity]:
    return {figure.key: figure for figure in label_information(data).figures}


@pytest.mark.parametrize(
    "source",
    [
        distributions.NoisyLabels(3, 0.2, 2),
        distributions.xor(6, 0.1),
        distributions.majority(7),
        distributions.RandomLabels(12),
        distributions.BarsAndStripes(6),
        distributions.GaussianMixture((-1.0, 1.0), dimensions=2),
    ],
    ids=lambda source: source.name,
)
def test_every_bound_is_on_its_side_of_the_truth(source: distributions.Source) -> None:
    found = figures_of(sample(source, 800, 400, seed=2))
    truth = {key: figure.value for key, figure in found.items() if figure.kind == "exact"}
    exact = {
        "Y": truth["true_label_entropy"],
        "X and Y": truth["true_mutual_information"],
        "Y given X": truth["true_conditional_label_entropy"],
    }
    for figure in found.values():
        if figure.low is None or figure.high is None or figure.scope != "example":
            continue
        if figure.kind == "lower bound":
            assert figure.low <= exact[figure.of] + 1e-6, figure.key
        if figure.kind == "upper bound":
            assert figure.high >= exact[figure.of] - 1e-6, figure.key
        if figure.kind == "estimate" and figure.warning is None:
            assert figure.low - 0.01 <= exact[figure.of] <= figure.high + 0.01, figure.key


def posterior(source: distributions.GaussianMixture, x: np.ndarray, sharpness: float) -> np.ndarray:
    """Return class probabilities of a classifier that is not quite right."""
    logits = np.log(source.weights) - 0.5 * sharpness * (x[:, :1] - np.array(source.means)) ** 2
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return 0.999 * p + 0.001 / len(source.means)


@pytest.mark.parametrize("examples", [100, 1000])
@pytest.mark.parametrize(
    ("source", "sharpness"),
    [
        (distributions.GaussianMixture(), 1.5),
        (distributions.GaussianMixture((-3.0, 3.0)), 1.3),
        (distributions.GaussianMixture((-4.0, 0.0, 4.0), (0.2, 0.3, 0.5)), 0.7),
        (distributions.GaussianMixture((0.0, 0.1)), 1.0),
    ],
)
def test_held_out_intervals_cover_what_the_classifier_achieves(
    source: distributions.GaussianMixture, sharpness: float, examples: int
) -> None:
    generator = np.random.default_rng(5)
    truth = truth_of(source)
    x, y = source.draw(1_000_000, generator)
    p = posterior(source, x, sharpness)
    cross_entropy = float(-np.log2(p[np.arange(len(y)), y]).mean())
    bound = truth["true_label_entropy"] - cross_entropy
    covered = remaining = side = infonce_side = 0
    for _ in range(DRAWS):
        counts = np.bincount(source.draw(4 * examples, generator)[1], minlength=p.shape[1])
        prior = (counts + 0.5) / (counts + 0.5).sum()
        x, y = source.draw(examples, generator)
        found = held_out_bounds(posterior(source, x, sharpness), prior, y, 4 * examples)
        covered += found.information.low_bits - 1e-3 <= bound <= found.information.high_bits + 1e-3
        remaining += found.remaining.low_bits <= cross_entropy + 1e-3
        side += found.information.low_bits <= truth["true_mutual_information"]
        infonce_side += found.infonce.low_bits <= truth["true_mutual_information"]
    assert covered >= 0.9 * DRAWS
    assert remaining >= 0.95 * DRAWS
    assert side >= 0.95 * DRAWS
    assert infonce_side >= 0.95 * DRAWS


def test_bounds_tighten_with_examples() -> None:
    source = distributions.xor(6, 0.1)
    truth = truth_of(source)["true_mutual_information"]
    gaps = []
    for n in (60, 2000):
        found = figures_of(sample(source, n, 4000, 3))["mutual_information_classifier"]
        gaps.append(abs(truth - found.value))
    assert gaps[1] < 0.08
    assert gaps[1] < 0.5 * gaps[0]


def test_few_test_examples_and_a_full_infonce_give_a_warning() -> None:
    iris = figures_of(load("iris"))
    assert "30 test examples" in str(iris["mutual_information_classifier"].warning)
    assert iris["mutual_information_classifier"].value > 1
    classes = 64
    p = np.full((256, classes), 1e-6)
    labels = np.arange(256) % classes
    p[np.arange(256), labels] = 1 - 1e-6 * (classes - 1)
    found = held_out_bounds(p, np.full(classes, 1 / classes), labels, 1000)
    assert "ceiling" in str(found.infonce.warning)
    assert found.infonce.value_bits <= 6


def test_impossible_predictions_are_refused() -> None:
    with pytest.raises(ArgumentError):
        held_out_bounds(np.array([[0.0, 1.0]] * 3), np.array([0.5, 0.5]), np.zeros(3, int), 5)
    with pytest.raises(ArgumentError):
        held_out_bounds(np.full((3, 2), 0.5), np.array([0.5, 0.5]), np.zeros(4, int), 5)


def test_the_choice_of_a_classifier_never_sees_test_labels() -> None:
    data = load("wine")
    other = dataclasses.replace(data, test_labels=data.test_labels[::-1].copy())
    first, second = best_classifier(data), best_classifier(other)
    assert first.validation_bits == pytest.approx(second.validation_bits)
    assert np.allclose(first.probabilities, second.probabilities)
    assert len(first.considered) == 1 + 3 + 3  # columns are also tried as normal scores


def test_counting_equals_a_full_table_and_covers_the_truth() -> None:
    source = distributions.xor(4, 0.1)
    truth = truth_of(source)["true_mutual_information"]
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(DRAWS):
        inputs, labels = source.draw(400, generator)
        codes = distinct_codes(inputs)
        found = counted_information(codes, labels)
        joint = np.zeros((codes.max() + 1, 2), int)
        np.add.at(joint, (codes, labels), 1)
        assert found.value_bits == pytest.approx(information_of_counts(joint))
        covered += found.low_bits <= truth <= found.high_bits
    assert covered >= 0.9 * DRAWS
    many, labels = distributions.RandomLabels(20).draw(300, generator)
    assert counted_information(distinct_codes(many), labels).warning is not None


def test_no_information_counts_as_none_and_all_as_all() -> None:
    generator = np.random.default_rng(0)
    values = [
        information_of_counts(generator.multinomial(2000, np.full(40, 1 / 40)).reshape(8, 5))
        for _ in range(100)
    ]
    assert np.mean(values) == pytest.approx(0, abs=0.002)  # the plug-in alone would give 0.01
    assert information_of_counts(np.diag([1000, 1000, 1000, 1000])) == pytest.approx(2, abs=0.002)


@pytest.mark.parametrize("bins", [2, 5, 16])
def test_bins_hold_about_as_many_and_keep_equals_together(bins: int) -> None:
    values = np.random.default_rng(0).normal(size=1000)
    counts = np.bincount(quantile_bins(values, bins))[1:]
    assert len(counts) == bins
    assert counts.max() - counts.min() <= 2
    assert quantile_bins(np.array([3.0, 1, 1, np.nan, 3]), bins).tolist() == [2, 1, 1, 0, 2]


def test_inputs_that_tell_are_found_and_copies_add_nothing() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 4000)
    told = labels ^ (generator.random(4000) < 0.1)
    again = told ^ (generator.random(4000) < 0.001)
    other = labels ^ (generator.random(4000) < 0.2)
    noise = generator.integers(0, 2, 4000)
    data = from_arrays(np.column_stack([noise, other, again, told]), labels)
    found = feature_information(data)
    assert found.ranked()[3] == 0
    assert set(found.ranked()[:2]) == {2, 3}
    h = -(0.1 * math.log2(0.1) + 0.9 * math.log2(0.9))
    assert found.information_bits[3] == pytest.approx(1 - h, abs=0.03)
    copy = 3 if found.ranked()[0] == 2 else 2
    assert found.added_bits[copy] < 0.02
    assert found.added_bits[1] > 0.08
    assert found.added_bits[0] < 0.01


def test_exclusive_or_tells_nothing_alone_and_all_beside_the_other() -> None:
    data = sample(distributions.xor(2, 0.0), 4000, 100)
    found = feature_information(data)
    assert found.information_bits.max() < 0.01
    assert found.added_bits.max() > 0.98


def test_pixels_that_tell(mnist: DataSet) -> None:
    found = feature_information(mnist)
    assert found.shape == (1, 28, 28)
    row, column = divmod(found.ranked()[0], 28)
    assert 8 <= row <= 20
    assert 8 <= column <= 20
    assert found.information_bits.reshape(28, 28)[0].max() < 0.001
    assert found.information_bits.max() < found.label_entropy_bits


@pytest.mark.parametrize("kind", ["heavy tails", "far from zero"])
def test_no_scale_of_a_column_hides_what_it_tells(kind: str) -> None:
    """What one column alone shows, the classifiers find as well."""
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 2, 900)
    values = generator.standard_cauchy((900, 2)) if kind == "heavy tails" else None
    if values is None:
        values = 1e4 + 0.01 * generator.normal(size=(900, 2))
        values[:, 0] += 0.02 * labels
    else:
        values[:, 0] += 4 * labels
    data = from_arrays(values, labels)
    found = figures_of(data)
    best = found["best_input_information"]
    assert best.bound is not None
    assert best.bound > 0.2
    assert found["mutual_information_classifier"].value > 0.8 * best.value
    assert "ranks" in found["mutual_information_classifier"].method


def test_classes_that_occur_once_let_others_be_expected() -> None:
    counts = np.array([60, 30, 1, 1, 1])
    labels = np.repeat(np.arange(5), counts)
    inputs = np.arange(93.0)[:, None] % 7
    data = assemble("rare", (inputs, labels), (inputs[:5], labels[:5]), "t", "t")
    seen = label_fingerprint(data)
    assert seen.possible_states is None
    assert label_fingerprint(load("iris")).possible_states == 3
    figure = figures_of(data)["label_entropy_nsb"]
    p = counts / counts.sum()
    assert figure.high is not None
    assert figure.high > float(-(p * np.log2(p)).sum()) + 0.1
