from __future__ import annotations

import dataclasses

import pytest

from minbits.errors import ArgumentError
from minbits.evaluation.known_network import FoundNetwork
from minbits.jobs.need_steps import NeedFigures, need_report
from minbits.label_codes.learned import CodedBlock, PrequentialLength

FIGURES = NeedFigures(
    data_name="flowers", inputs=4, examples=120, classes=3, label_entropy_bits=1.58,
    pixel_sum_bits=None, independent_bits=None, joint_bits=None, joint_method="",
)  # fmt: skip
# The last block costs 0.2 bits a label: 64 labels for 101 bits, of which 88.2 are excess.
CODE = PrequentialLength(
    (CodedBlock(0, 64, 101.0, 20), CodedBlock(64, 56, 11.2, 54)), 120, "trees", 152
)


def test_a_learner_may_take_more_than_labels_at_random_need() -> None:
    """Both figures are told as they are: no minimum makes them agree."""
    report = need_report(FIGURES, 0.8, CODE, None)
    points = report.reference_points
    assert points.learned_bits == pytest.approx(101 - 64 * 0.2)
    assert points.random_labels_bits < points.learned_bits
    assert "two reference points, no bounds: 88 bits" in report.verdict
    assert report.verdict.count("fewer than the learner took") == 1
    assert "between" not in report.verdict
    assert report.verdict.endswith("No network has been found yet.")


def test_a_learner_that_stays_short_or_learns_nothing_is_told_so() -> None:
    short = need_report(FIGURES, 0.99, CODE, None).reference_points
    assert short.reached_accuracy is False
    assert "short of this accuracy" in short.sentence
    harder = (CodedBlock(0, 64, 101.0, 20), CodedBlock(64, 56, 112.0, 54))
    worse = PrequentialLength(harder, 120, "trees", 248)
    nothing = need_report(FIGURES, 0.9, worse, None).reference_points
    assert nothing.learned_bits == pytest.approx(101 - 64 * 2)  # not clipped to 0
    assert "took nothing" in nothing.sentence
    few = PrequentialLength((CodedBlock(0, 24, 24.0, 23),), 24, "trees", 72)
    nobody = need_report(FIGURES, 0.9, few, None).reference_points
    assert (nobody.learned_bits, nobody.reached_accuracy) == (None, None)
    assert "24 labels are too few" in nobody.learner
    unmeasured = need_report(FIGURES, 0.9, None, None).reference_points
    assert unmeasured.learned_bits is None
    assert "a reference point, not a bound" in unmeasured.sentence


def test_the_first_block_is_predicted_by_nobody() -> None:
    # A constant guess of the first class would have had all of it right.
    blocks = (CodedBlock(0, 64, 64.0, 64), CodedBlock(64, 64, 12.8, 60))
    code = PrequentialLength(blocks, 128, "trees", 120)
    assert code.learned_bits(0.9) == pytest.approx(64 - 64 * 0.2)
    assert code.learned_bits(0.99) is None


def test_a_few_lucky_labels_are_no_accuracy() -> None:
    blocks = (
        CodedBlock(0, 8, 24.0, 2), CodedBlock(8, 4, 4.0, 4), CodedBlock(12, 60, 120.0, 30),
        CodedBlock(72, 28, 2.8, 28),
    )  # fmt: skip
    code = PrequentialLength(blocks, 100, "trees", 200)
    assert code.learned_bits(0.99) == pytest.approx(148 - 72 * 0.1)
    assert code.excess_bits == pytest.approx(148 - 72 * 0.1)


def test_labels_are_compared_with_the_code_that_pays_for_the_errors() -> None:
    found = FoundNetwork(80, 0.9, "a test", residual_bits=20.0)
    report = need_report(FIGURES, 0.8, CODE, found)
    assert report.labels_alone_bits == pytest.approx(120 * 1.58)
    assert report.times_less_than_labels == pytest.approx(120 * 1.58 / 100)
    assert "100 bits: 1.9 times less than the 190 bits of the labels alone" in report.verdict
    dear = dataclasses.replace(found, size_bits=400)
    assert (
        "420 bits: 2.2 times as much as the 190 bits"
        in need_report(FIGURES, 0.8, CODE, dear).verdict
    )
    unknown = dataclasses.replace(found, residual_bits=None)
    report = need_report(FIGURES, 0.8, CODE, unknown)
    assert report.times_less_than_labels is None
    assert "its errors were not coded" in report.verdict


def test_a_small_test_set_says_what_it_does_not_decide() -> None:
    found = FoundNetwork(80, 29 / 30, "a test", 20.0, test_correct=29, test_examples=30, looks=2)
    verdict = need_report(FIGURES, 0.9, CODE, found).verdict
    assert "29 of 30 test examples right" in verdict
    assert "after 2 looks" in verdict
    assert "may be below the target" in verdict
    large = dataclasses.replace(found, test_correct=2990, test_examples=3000, looks=1)
    verdict = need_report(FIGURES, 0.9, CODE, large).verdict
    assert "after one look" in verdict
    assert "may be below the target" not in verdict
    with pytest.raises(ArgumentError, match="`accuracy`"):
        need_report(FIGURES, 0.0, CODE, None)
