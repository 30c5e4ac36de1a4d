from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from minbits.errors import ArgumentError
from minbits.studies.trainability_statistics import (
    WidthRow,
    brown_forsythe,
    compare_spreads,
    correlation_interval,
    holm,
    index_is_below,
    mean_interval,
    statements,
    width_row,
)

WIDTHS = (10, 20, 40, 80)


def row(width: int, train: np.ndarray, test: np.ndarray) -> WidthRow:
    results = [
        {
            "train_loss_nats": one, "test_loss_nats": two, "test_correct": 9, "test_examples": 10,
            "seconds": 1.0, "curve": [[1, 2 * one], [2, one]],
        }
        for one, two in zip(train.tolist(), test.tolist(), strict=True)
    ]  # fmt: skip
    return width_row(width, width, results)


def drawn(seed: int, falls: bool, seeds: int = 60) -> list[WidthRow]:
    """Return losses of which mean, spread and correlation fall with the width, or none of them."""
    generator = np.random.default_rng(seed)
    rows = []
    for place, width in enumerate(WIDTHS):
        share = place / 3 if falls else 0.5
        train = generator.normal(size=seeds)
        own = generator.normal(size=seeds)
        deviation = 0.3 - 0.2 * share
        test = 3 - share + deviation * ((1 - share) * train + share * own)
        rows.append(row(width, 2 + 0.1 * train, test))
    return rows


def test_what_falls_is_seen_to_fall() -> None:
    found = statements(drawn(0, falls=True))
    assert [item.key for item in found] == ["mean_falls", "spread_falls", "correlation_falls"]
    assert [item.verdict for item in found] == ["yes", "yes", "yes"]
    assert brown_forsythe(drawn(0, falls=True)) < 1e-3


def test_where_nothing_falls_each_answer_is_wrong_at_most_at_the_level() -> None:
    draws = 120
    verdicts = [
        [item.verdict for item in statements(drawn(seed, falls=False))] for seed in range(draws)
    ]
    for answers in zip(*verdicts, strict=True):
        # One-sided at 5 %, each way: binomial limits that hold but once in ten thousand.
        assert answers.count("yes") <= stats.binom.ppf(1 - 1e-4, draws, 0.05)
        assert answers.count("no") <= stats.binom.ppf(1 - 1e-4, draws, 0.05)


def test_the_interval_of_a_correlation_is_that_of_scipy() -> None:
    generator = np.random.default_rng(1)
    one = generator.normal(size=50)
    two = one + generator.normal(size=50)
    found = correlation_interval(one, two)
    expected = stats.pearsonr(one, two).confidence_interval()
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-6)
    assert correlation_interval(one[:3], two[:3]) is None
    assert correlation_interval(one, np.ones(50)) is None


def test_a_row_holds_intervals_and_what_was_still_falling() -> None:
    generator = np.random.default_rng(2)
    test = generator.normal(1.0, 0.1, 400)
    found = row(25, generator.normal(1.0, 0.1, 400), test)
    assert found.test_loss.value == pytest.approx(test.mean())
    half = 1.96 * test.std(ddof=1) / 20
    assert found.test_loss.high - found.test_loss.low == pytest.approx(2 * half, rel=0.1)
    assert found.test_loss_deviation.low < 0.1 < found.test_loss_deviation.high
    assert found.last_fall == pytest.approx(0.5)


def test_failed_trainings_are_counted_apart_and_two_are_needed() -> None:
    good = {
        "train_loss_nats": 1.0, "test_loss_nats": 1.0, "test_correct": 1, "test_examples": 2,
        "seconds": 0.1,
    }  # fmt: skip
    bad = {"failed": "FloatingPointError: the loss", "seconds": 0.0}
    assert width_row(5, 5, [good, bad, good]).failed == 1
    with pytest.raises(
        ArgumentError, match="width 5: got 1 of 2 trainings ended well, one with Floating"
    ):
        width_row(5, 5, [good, bad])


@pytest.mark.parametrize("count", [1, 4, 5, 12, 30])
def test_the_index_is_tested_against_a_limit_by_signs(count: int) -> None:
    for below in range(count + 1):
        shares = np.where(np.arange(count) < below, 0.004, 0.05)
        found = index_is_below(shares, 0.01, "all")
        greater = stats.binomtest(below, count, alternative="greater").pvalue
        less = stats.binomtest(below, count, alternative="less").pvalue
        assert found.p_value == pytest.approx(float(greater))
        assert found.verdict == ("yes" if greater < 0.05 else "no" if less < 0.05 else "open")
        assert found.statistic == pytest.approx(shares.mean())


def test_indices_that_are_all_zero_prove_no_more_than_their_number() -> None:
    found = index_is_below(np.zeros(6), 0.01, "all")
    assert (found.verdict, found.p_value) == ("yes", pytest.approx(2.0**-6))
    assert index_is_below(np.zeros(4), 0.01, "all").verdict == "open"
    assert index_is_below(np.full(6, 0.01), 0.01, "all").verdict == "yes"  # at most, not below


def test_the_interval_of_a_mean_is_students() -> None:
    values = np.array([1.0, 2.0, 4.0])
    found = mean_interval(values)
    low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_spreads_are_compared_with_scipy_and_an_interval() -> None:
    generator = np.random.default_rng(3)
    plain = generator.normal(1.0, 0.2, 200)
    found = compare_spreads(3 + (generator.normal(1.0, 0.1, 200)), plain)
    assert found.ratio.low < 0.5 < found.ratio.high
    assert found.ratio.high < 0.8
    assert found.p_value < 1e-6
    other = generator.normal(5.0, 0.2, 200)
    expected = stats.levene(other, plain, center="median").pvalue
    same = compare_spreads(other, plain)
    assert same.p_value == pytest.approx(float(expected))
    assert same.ratio.low < 1 < same.ratio.high
    assert same.ratio.value == pytest.approx(other.std(ddof=1) / plain.std(ddof=1))


def test_holms_method_adjusts_a_family() -> None:
    # Worked by hand: 4 x 0.01, 3 x 0.02, then no less than that, and at most 1.
    assert holm([0.02, 0.9, 0.01, 0.025]) == pytest.approx([0.06, 0.9, 0.04, 0.06])
    assert holm([0.4, 0.6]) == pytest.approx([0.8, 0.8])
    assert holm([]) == []
