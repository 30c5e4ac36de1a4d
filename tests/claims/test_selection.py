from __future__ import annotations

import dataclasses
import math

from minbits.claims.selection import choose_claim, choose_second_claim
from minbits.types import TrainingRecipe, TrialConfig, TrialOutcome

CONFIG = TrialConfig("linear 10", TrainingRecipe(1, 1), 0)


def item(name: str, size_bits: int, correct: int) -> TrialOutcome:
    return TrialOutcome(
        CONFIG, "done", 1.0, validation_correct=correct, validation_examples=6000,
        size_bits=size_bits, sha256=name,
    )  # fmt: skip


# One standard error of 99 % of 6,000 is 0.13 %: 5,948 correct clear the target by it.
SAFE = item("safe", 9000, 5950)
SAFER = item("safer", 9500, 5970)
LUCKY = item("lucky", 5000, 5941)
BAD = item("bad", 100, 5900)


def test_the_smallest_file_with_a_margin_is_chosen() -> None:
    chosen = choose_claim([SAFER, SAFE, LUCKY, BAD], 0.99, math.inf)
    assert chosen is SAFE


def test_without_a_margin_the_most_accurate_is_chosen() -> None:
    assert choose_claim([LUCKY, item("luckier", 6000, 5943), BAD], 0.99, math.inf) is not LUCKY


def test_a_second_claim_is_of_the_smallest_with_more_right_in_training() -> None:
    doubtful, sure, surer = (
        dataclasses.replace(item, training_correct=correct, training_examples=1000)
        for item, correct in ((SAFE, 992), (SAFER, 996), (item("large", 9900, 5955), 999))
    )
    lucky = dataclasses.replace(LUCKY, training_correct=1000, training_examples=1000)
    files = [lucky, doubtful, sure, surer]
    assert choose_second_claim(files, 0.99, math.inf, 0.995) is sure
    assert choose_second_claim(files, 0.99, 9500, 0.995) is doubtful
    # None has as much: the one that has most.
    assert choose_second_claim(files, 0.99, math.inf, 1.0) is surer
    assert choose_second_claim([lucky], 0.99, math.inf, 0.995) is None


def test_nothing_that_is_larger_than_the_best_is_put_to_the_test() -> None:
    assert choose_claim([SAFE, SAFER], 0.99, 9000) is None
    assert choose_claim([SAFE, SAFER], 0.99, 9001) is SAFE


def test_nothing_that_failed_validation_is_put_to_the_test() -> None:
    assert choose_claim([BAD], 0.99, math.inf) is None


def test_a_target_of_one_hundred_percent_needs_no_margin() -> None:
    perfect = dataclasses.replace(item("perfect", 10, 50), validation_examples=50)
    assert choose_claim([perfect], 1.0, math.inf) is perfect
