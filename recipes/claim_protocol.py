"""The whole claim protocol, simulated: how often it claims, and whether its limits hold.

Files of one true accuracy are validated; each that passes gets a look at the test set. The search
ends at the first that passes there as well, or after k looks, when the limit of one that missed is
printed. In the other protocol all k files are looked at, and the best is reported.

A limit is wrong where it is above the true accuracy. Coverage is the part of all runs that print no
wrong limit; it is also computed exactly, from the binomial distribution.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from minbits.evaluation.accuracy import reaches
from minbits.intervals import anytime_lower_limit, claim_lower_limit

Counts = npt.NDArray[np.int64]
Rule = Callable[[int, int, int], float]  # correct, examples and looks to a lower limit

TARGETS = (0.97, 0.99)
OFFSETS = (-0.002, 0.0, 0.002)
SIZES = (360, 1_000, 10_000)
LOOKS = (1, 2, 5, 10, 16)
RUNS = 20_000


@dataclass(frozen=True)
class Setting:
    """What is claimed, and of what files.

    Attributes:
        target: the accuracy asked for.
        truth: the true accuracy of every file.
        examples: of the test set, and of the validation set.
    """

    target: float
    truth: float
    examples: int

    @property
    def enough(self) -> int:
        """The least number of right answers that reaches the target."""
        return next(
            count
            for count in range(int(self.target * self.examples) - 1, self.examples + 2)
            if reaches(count, self.examples, self.target)
        )

    @property
    def passing(self) -> float:
        """The chance that a file reaches the target on one set."""
        return float(binom.sf(self.enough - 1, self.examples, self.truth))


def least_wrong_count(setting: Setting, rule: Rule, looks: int) -> int:
    """Return the least number of right answers whose limit is above the truth."""
    low, high = 0, setting.examples + 1
    while low < high:
        middle = (low + high) // 2
        if middle > setting.examples or rule(middle, setting.examples, looks) > setting.truth:
            high = middle
        else:
            low = middle + 1
    return low


def draw_test_counts(
    setting: Setting, looks: int, runs: int, generator: np.random.Generator
) -> tuple[Counts, float]:
    """Return right answers of each look, shape ``(runs, looks)``, and files validated a look.

    A file that validation refuses is never looked at; the next one is tried.
    """
    waiting = runs * looks
    validated = 0
    while waiting:
        right = generator.binomial(setting.examples, setting.truth, waiting)
        validated += waiting
        waiting -= int((right >= setting.enough).sum())
    counts = generator.binomial(setting.examples, setting.truth, (runs, looks))
    return counts, validated / (runs * looks)


def limits_of(counts: Counts, looks: Counts, examples: int, rule: Rule) -> npt.NDArray[np.float64]:
    """Return the printed limit of every pair of right answers and looks."""
    pairs, places = np.unique(np.stack([counts, looks]), axis=1, return_inverse=True)
    limits = [rule(int(count), examples, int(look)) for count, look in pairs.T]
    found: npt.NDArray[np.float64] = np.array(limits)[places.ravel()]
    return found


def first_pass(counts: Counts, setting: Setting, rule: Rule) -> tuple[float, float, float]:
    """Return how often a claim is made, coverage, and coverage among the runs that claim.

    Each row of ``counts`` is a run; its columns are looks, until one reaches the target.
    """
    passed = counts >= setting.enough
    claims = passed.any(1)
    # Where nothing passes, the limit of one of the files is printed, after all looks.
    looks = np.where(claims, passed.argmax(1) + 1, counts.shape[1])
    shown = np.where(claims, looks - 1, 0)
    limits = limits_of(counts[np.arange(len(counts)), shown], looks, setting.examples, rule)
    holds = limits <= setting.truth
    among = float(holds[claims].mean()) if claims.any() else np.nan
    return float(claims.mean()), float(holds.mean()), among


def first_pass_exactly(setting: Setting, looks: int, rule: Rule) -> float:
    """Return the coverage of `first_pass` from the binomial distribution."""
    wrong, going_on = 0.0, 1.0
    for look in range(1, looks + 1):
        least = least_wrong_count(setting, rule, look)
        wrong += going_on * binom.sf(
            max(least, setting.enough) - 1, setting.examples, setting.truth
        )
        going_on *= 1.0 - setting.passing
    # `least` is of the last look: all missed, and yet the limit of the first is above the truth.
    missed = binom.cdf(setting.enough - 1, setting.examples, setting.truth)
    both = missed - binom.cdf(min(least, setting.enough) - 1, setting.examples, setting.truth)
    return float(1.0 - wrong - both * missed ** (looks - 1))


def best_of_all(counts: Counts, setting: Setting, rule: Rule) -> tuple[float, float]:
    """Return how often the best of all looks reaches the target, and the coverage of its limit."""
    best = counts.max(1)
    looks = np.full(len(best), counts.shape[1])
    limits = limits_of(best, looks, setting.examples, rule)
    return float((best >= setting.enough).mean()), float((limits <= setting.truth).mean())


def best_of_all_exactly(setting: Setting, looks: int, rule: Rule) -> float:
    """Return the coverage of `best_of_all` from the binomial distribution."""
    least = least_wrong_count(setting, rule, looks)
    return float(binom.cdf(least - 1, setting.examples, setting.truth) ** looks)


def print_setting(setting: Setting, runs: int, generator: np.random.Generator) -> list[float]:
    """Print one table, and return the exact coverages that must be 0.95 or more."""
    counts, files = draw_test_counts(setting, max(LOOKS), runs, generator)
    print(
        f"\ntarget {100 * setting.target:g} %, true accuracy {100 * setting.truth:.1f} %, "
        f"{setting.examples:,} test and as many validation examples: a file passes one set with "
        f"probability {setting.passing:.3f}, {files:.1f} files validated a look"
    )
    print(
        "      ends at the first that passes                             all looked at, best shown"
    )
    print(
        f"{'k':>4}{'claims':>9}{'0.05/looks':>19}{'anytime':>18}{'of claims':>11}"
        f"{'claims':>12}{'0.05/k':>17}"
    )
    held = []
    for looks in LOOKS:
        part = counts[:, :looks]
        claims, plain, _ = first_pass(part, setting, claim_lower_limit)
        _, anytime, among = first_pass(part, setting, anytime_lower_limit)
        best_claims, best = best_of_all(part, setting, claim_lower_limit)
        exact = [
            first_pass_exactly(setting, looks, claim_lower_limit),
            first_pass_exactly(setting, looks, anytime_lower_limit),
            best_of_all_exactly(setting, looks, claim_lower_limit),
        ]
        print(
            f"{looks:>4}{claims:>9.3f}{plain:>11.4f} ({exact[0]:.4f}){anytime:>9.4f} "
            f"({exact[1]:.4f}){among:>10.3f}{best_claims:>13.3f}{best:>10.4f} ({exact[2]:.4f})",
            flush=True,
        )
        held += exact[1:]
    return held


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    start = time.perf_counter()
    generator = np.random.default_rng(0)
    print(f"{runs:,} runs a line; coverage simulated, and (exact). k: looks at most. Limits:")
    print("0.05/looks: level 1 - 0.05/looks, with the looks made when the run ended;")
    print(
        "anytime: level 1 - 0.05/(looks (looks + 1)); of claims: its coverage among the runs that"
    )
    print("claim; 0.05/k: level 1 - 0.05/k.")
    settings = [
        Setting(target, target + offset, examples)
        for target in TARGETS
        for examples in SIZES
        for offset in OFFSETS
    ]
    held = [value for setting in settings for value in print_setting(setting, runs, generator)]
    plain = {
        (setting, looks): first_pass_exactly(setting, looks, claim_lower_limit)
        for setting in settings
        for looks in LOOKS
    }
    (worst, looks), lowest = min(plain.items(), key=lambda item: item[1])
    print(
        f"\nSmallest exact coverage of the anytime limit, and of 0.05/k where all are looked at: "
        f"{min(held):.4f}, in {len(held)} cells."
    )
    print(
        f"Of 0.05/looks where the run ends at the first that passes: {lowest:.4f} (target "
        f"{100 * worst.target:g} %, true accuracy {100 * worst.truth:.1f} %, {worst.examples:,} "
        f"examples, {looks} looks); below 0.95 in {sum(v < 0.95 for v in plain.values())} of "
        f"{len(plain)} cells."
    )
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
