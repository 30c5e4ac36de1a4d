"""A network for training examples alone: one trial after the other, here, without a ledger.

Nothing is claimed: there is no test set, and validation chooses the file.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from minbits.codec.architecture import multiply_accumulate_count
from minbits.codec.file_format import decode_network
from minbits.data.companion import Companion
from minbits.data.splits import validation_split
from minbits.errors import TargetNotReachedError
from minbits.evaluation.accuracy import passes
from minbits.evaluation.calibration import calibrated_companion
from minbits.evaluation.goal import Goal
from minbits.files import sha256_hex
from minbits.jobs.target import default_target
from minbits.search.options import SearchOptions
from minbits.search.strategy import Proposal, Strategy
from minbits.search.strategy_choice import StrategyRequest, make_strategy
from minbits.search.tasks import TrialTask
from minbits.search.trial import run_task
from minbits.training.lanes.vector_code import LANES
from minbits.types import DataSet, TrialConfig, TrialOutcome
from minbits.workers.work import WorkerContext

# Fewer training examples take a second or so a trial: all epochs are run, and none are planned.
_PLANNED_FROM_EXAMPLES = 2000
_MULTIPLICATIONS_A_SECOND = 1e9
_SEEDS = 2**31


@dataclass(frozen=True)
class FitPlan:
    """What a fit is asked.

    Attributes:
        accuracy: that is aimed at, in (0, 1]; None takes what simple classifiers reach, nearly.
        seconds: for all trials; infinite where only the trials are counted, so that the same seed
            gives the same file.
        trials: most trials, 1 or more.
        seed: of the first trial.
    """

    accuracy: float | None
    seconds: float
    trials: int
    seed: int


@dataclass(frozen=True)
class Fitted:
    """What a fit came to.

    Attributes:
        content: of the network file.
        companion: of the network file.
        accuracy: that was aimed at.
        validation: right answers on the validation examples, and how many those are.
        is_reached: whether that reaches what was aimed at.
    """

    content: bytes
    companion: Companion
    accuracy: float
    validation: tuple[int, int]
    is_reached: bool


class _Fit:
    def __init__(self, data: DataSet, plan: FitPlan, clock: Callable[[], float]) -> None:
        self.data, self.plan, self.clock = data, plan, clock
        accuracy = default_target(data).accuracy if plan.accuracy is None else plan.accuracy
        kept, held_out = validation_split(data)
        self.goal = Goal(accuracy, len(held_out))
        # A batch that is a multiple of this is what the fast engine takes.
        self.largest_batch = max(LANES, len(kept) // LANES * LANES)
        self.files: dict[str, bytes] = {}
        self.outcomes: list[TrialOutcome] = []
        self.deadline = clock() + plan.seconds
        self.worker = WorkerContext(data, clock=clock)

    def seconds_of(self, proposal: Proposal, left: float) -> float:
        """Return the time that a trial plans for."""
        if len(self.data.train_labels) < _PLANNED_FROM_EXAMPLES:
            return math.inf
        return left if proposal.seconds is None else min(left, proposal.seconds)

    def run(self) -> None:
        plan = self.plan
        options = SearchOptions(seed=plan.seed)
        strategy = make_strategy(
            StrategyRequest(self.data, self.goal, plan.seconds, self.files.get, options)
        )
        for number in range(plan.trials):
            left = self.deadline - self.clock()
            proposal = strategy.propose(left) if number == 0 or left > 0 else None
            if proposal is None:
                return
            self.trial(strategy, proposal, number, left)

    def trial(self, strategy: Strategy, proposal: Proposal, number: int, left: float) -> None:
        candidate, start = proposal.candidate, proposal.start
        batch = min(candidate.recipe.batch_size, self.largest_batch)
        recipe = dataclasses.replace(candidate.recipe, batch_size=batch)
        config = TrialConfig(
            candidate.architecture, recipe, (self.plan.seed + number) % _SEEDS,
            parent=None if start is None else start.sha256,
            move=None if start is None else start.move,
        )  # fmt: skip
        content = None if start is None else start.content
        task = TrialTask(config, number, self.seconds_of(proposal, left), content)
        outcome = run_task(task, self.data, self.worker).of_candidate(candidate.key)
        if outcome.network_file is not None and outcome.sha256 is not None:
            self.files[outcome.sha256] = outcome.network_file
            self.outcomes.append(outcome)
        self.goal.learn(outcome)
        if math.isinf(self.plan.seconds):
            outcome = dataclasses.replace(outcome, seconds=_counted_seconds(outcome, self.data))
        strategy.tell(outcome.without_file())

    def chosen(self) -> TrialOutcome:
        """Return the smallest file that is accepted, else the one nearest to the target."""
        if not self.outcomes:
            raise TargetNotReachedError(
                "fit", "no network from any trial", "a network", "Allow more `trials`."
            )
        accepted = [one for one in self.outcomes if self.goal.is_met(one)]
        passed = [one for one in self.outcomes if passes(one, self.goal.accuracy)]
        if accepted or passed:
            return min(accepted or passed, key=lambda one: one.size_bits or 0)
        return max(self.outcomes, key=lambda o: (o.validation_accuracy or 0, -(o.size_bits or 0)))


def _counted_seconds(outcome: TrialOutcome, data: DataSet) -> float:
    """Return about what a trial takes, from what it did: moves are chosen by the time they take."""
    if outcome.network_file is None:
        return 1.0
    recipe = outcome.config.recipe
    example = 3 * multiply_accumulate_count(decode_network(outcome.network_file).architecture)
    return recipe.epochs * len(data.train_labels) * example / _MULTIPLICATIONS_A_SECOND


def fit_network(
    data: DataSet, plan: FitPlan, clock: Callable[[], float] = time.monotonic
) -> Fitted:
    """Return the smallest network found that reaches an accuracy on validation, or the nearest one.

    Args:
        data: its test set is not looked at.
        plan: what is asked.
        clock: in seconds.

    Raises:
        DataError: if a class has a single training example.
        TargetNotReachedError: if no trial gave a network at all.
    """
    fit = _Fit(data, plan, clock)
    fit.run()
    best = fit.chosen()
    content = best.network_file
    assert content is not None
    companion = calibrated_companion(decode_network(content), sha256_hex(content), data)
    counts = (best.validation_correct or 0, best.validation_examples or 0)
    accuracy = fit.goal.accuracy
    return Fitted(content, companion, accuracy, counts, passes(best, accuracy))
