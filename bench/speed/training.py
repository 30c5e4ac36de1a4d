"""The benchmark of training: lanes beside PyTorch, taking turns in one run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from speed.cases import CASES, MAX_STEPS, SGEMM_FLOPS, useful_flops
from speed.processes import Stopwatch

_TRIAL_STEPS = 3
_SECONDS_A_TURN = 0.35
LANES, PASSES, SGEMM = "lanes", "lanes passes", "sgemm"


@dataclass(frozen=True)
class Entrant:
    """A subject in one of the processes."""

    process: str
    subject: str

    @property
    def name(self) -> str:
        """The subject, and the allocator where it is PyTorch."""
        return (
            self.subject
            if self.subject in (LANES, PASSES, SGEMM)
            else (f"{self.subject}, {self.process}")
        )


def entrants(case: str, compiles: bool) -> list[Entrant]:
    """Return who takes turns in a case."""
    found = [Entrant("tuned allocator", subject) for subject in (LANES, PASSES, SGEMM)]
    if CASES[case].networks > 1:
        found = [found[0], found[2]]
    is_image = "conv" in CASES[case].network
    subjects = ["eager nchw"]
    subjects += ["eager channels_last"] if is_image else []
    subjects += ["eager nchw, grid_sample"] if CASES[case].augmentation else []
    if compiles and CASES[case].networks == 1:
        subjects += ["compile nchw"]
        subjects += ["compile channels_last"] if is_image else []
    for process in ("system allocator", "tuned allocator"):
        found += [Entrant(process, subject) for subject in subjects]
    return found


@dataclass(frozen=True)
class CaseResult:
    """Median seconds of processor time a step of every entrant, and what follows.

    Attributes:
        case: key of the case.
        seconds: median seconds a step by entrant; a step of ``sgemm`` is one product.
        flops: useful operations of a step, forward and backward.
    """

    case: str
    seconds: dict[str, float]
    flops: int

    def _best(self, kind: str, process: str) -> float | None:
        found = [
            seconds
            for name, seconds in self.seconds.items()
            if name.startswith(kind) and name.endswith(process)
        ]
        return min(found, default=None)

    def ratio(self, kind: str, process: str) -> float | None:
        """Return how many times as long PyTorch takes, by its best layout; None if not timed."""
        best = self._best(kind, process)
        return None if best is None else best / self.seconds[LANES]

    @property
    def sgemm_flops_per_second(self) -> float:
        """The peak: a large matrix product on one thread, in the same run."""
        return SGEMM_FLOPS / self.seconds[SGEMM]

    def fraction_of_peak(self, entrant: str) -> float | None:
        """Return useful operations a second over those of SGEMM."""
        if entrant not in self.seconds:
            return None
        return self.flops / self.seconds[entrant] / self.sgemm_flops_per_second

    def as_json(self) -> dict[str, object]:
        """Return everything with stable keys; ratios are against the best layout of PyTorch."""
        case = CASES[self.case]
        return {
            "description": case.description,
            "network": case.network,
            "batch_size": case.batch_size,
            "augmentation": case.augmentation,
            "networks": case.networks,
            "ratio_vs_torch_eager": self.ratio("eager", "system allocator"),
            "ratio_vs_torch_compile": self.ratio("compile", "system allocator"),
            "ratio_vs_torch_eager_tuned_allocator": self.ratio("eager", "tuned allocator"),
            "ratio_vs_torch_compile_tuned_allocator": self.ratio("compile", "tuned allocator"),
            "fraction_of_sgemm_peak": self.fraction_of_peak(PASSES),
            "fraction_of_sgemm_peak_whole_step": self.fraction_of_peak(LANES),
            "sgemm_gflops_per_second": self.sgemm_flops_per_second / 1e9,
            "useful_flops_a_step": self.flops,
            "milliseconds_a_step": {name: 1e3 * s for name, s in self.seconds.items()},
        }


def measure(
    cases: Sequence[str], rounds: int, compiles: bool, report: Callable[[str], None]
) -> list[CaseResult]:
    """Time all cases; entrants of a case take turns, and medians are over the rounds.

    Args:
        cases: keys of `CASES`.
        rounds: turns of each entrant, after one that warms it up.
        compiles: whether ``torch.compile`` takes part; its first run on a machine takes minutes.
        report: told what is being done.
    """
    results = []
    with ExitStack() as stack:
        stopwatches = {
            name: stack.enter_context(Stopwatch(name))
            for name in ("system allocator", "tuned allocator")
        }
        for case in cases:
            results.append(_measure_case(case, rounds, compiles, stopwatches, report))
    return results


def _measure_case(
    case: str, rounds: int, compiles: bool, stopwatches: dict[str, Stopwatch],
    report: Callable[[str], None],
) -> CaseResult:  # fmt: skip
    takes_part = entrants(case, compiles)
    steps: dict[Entrant, int] = {}
    for entrant in takes_part:
        report(f"{case}: setting up {entrant.name}")
        stopwatch = stopwatches[entrant.process]
        stopwatch.seconds(case, entrant.subject, _TRIAL_STEPS)
        trial = stopwatch.seconds(case, entrant.subject, _TRIAL_STEPS) / _TRIAL_STEPS
        steps[entrant] = min(MAX_STEPS, max(_TRIAL_STEPS, round(_SECONDS_A_TURN / trial)))
    seconds: dict[str, list[float]] = {entrant.name: [] for entrant in takes_part}
    for number in range(rounds):
        report(f"{case}: round {number + 1} of {rounds}")
        for entrant in takes_part:
            count = steps[entrant]
            found = stopwatches[entrant.process].seconds(case, entrant.subject, count)
            seconds[entrant.name].append(found / count)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    architecture, _ = CASES[case].training()
    flops = useful_flops(architecture) * CASES[case].batch_size * CASES[case].networks
    return CaseResult(case, medians, flops)
