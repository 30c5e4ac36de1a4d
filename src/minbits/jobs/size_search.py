"""The search of the main job: strategy, executor and ledger put together."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass

from minbits.data.splits import validation_split
from minbits.errors import MinbitsError
from minbits.evaluation.accuracy import passes
from minbits.evaluation.evaluate import check_runnable, evaluate_on_training
from minbits.evaluation.goal import Goal
from minbits.interrupts import answer_interrupt
from minbits.jobs.best_so_far import BestSoFar
from minbits.jobs.size_plan import SizePlan
from minbits.ledger.provenance import Provenance
from minbits.ledger.rows import new_uid
from minbits.ledger.store import Ledger, TrialEntry
from minbits.networks.zoo import zoo_entry
from minbits.search.driver import Finished, SearchEvents, SearchSettings, run_search
from minbits.search.ladder import own_candidate
from minbits.search.ladder_strategy import LadderStrategy
from minbits.search.reliability import ReliabilityTable
from minbits.search.space import Candidate, zoo_candidate
from minbits.search.strategy import Strategy
from minbits.search.strategy_choice import StrategyRequest, make_strategy
from minbits.search.worker_calls import compile_once
from minbits.types import DataSet, TrialOutcome
from minbits.workers.registry import open_executor
from minbits.workers.work import WorkExecutor

# Of the files of earlier runs, so many of the best may be the next ones' parents.
_EVALUATED_AGAIN = 12
# Loading compiled code takes less.
_PATIENCE_SECONDS = 5.0
# A look at the test set before the end pays only if the search goes on for this long.
_WORTH_A_LOOK_SECONDS = 60.0


def one_candidate(data: DataSet, request: SizePlan) -> Candidate | None:
    """Return the one network that was asked for, None where the search is free."""
    if request.network is not None:
        return zoo_candidate(request.network, zoo_entry(request.network))
    if request.architecture is not None:
        return own_candidate(request.architecture, request.rate_weight, data)
    return None


@dataclass
class Tally:
    """What the trials of this run came to, without keeping them."""

    trials: int = 0
    failed: int = 0
    stopped: int = 0
    reached: int = 0
    best_validation: float | None = None

    def count(self, outcome: TrialOutcome, target: float) -> None:
        """Count a trial."""
        self.trials += 1
        self.failed += outcome.status == "failed"
        self.stopped += outcome.status == "stopped"
        self.reached += passes(outcome, target)
        if outcome.validation_accuracy is not None:
            self.best_validation = max(self.best_validation or 0.0, outcome.validation_accuracy)


class SizeSearch:
    """One search, and what it comes to.

    Attributes:
        tally: of this run's trials.
        reliability: of all candidates ever tried on this data.
        so_far: the best file on disk.
        on_first: called with files that pass validation while there is time left, for the first one
            to be verified at once.
        started: when the clock of the search started.
    """

    def __init__(
        self,
        data: DataSet,
        request: SizePlan,
        ledger: Ledger,
        provenance: Provenance,
        events: SearchEvents,
    ) -> None:
        self.data = data
        self.request = request
        self.ledger = ledger
        self.provenance = provenance
        self.events = events
        self.candidate = one_candidate(data, request)
        _, held_out = validation_split(data)
        self.goal = self.make_goal(len(held_out))
        self.tally = Tally()
        self.reliability = ReliabilityTable(request.accuracy)
        self.on_first: Callable[[TrialOutcome], None] = lambda outcome: None
        self.started = time.monotonic()
        self.is_interrupted = False
        self.so_far = BestSoFar(request.out, data, self.goal)
        outcomes = ledger.trial_outcomes(data.digest)
        for outcome in outcomes:
            self.reliability.add(outcome)
        # Another version's split: what it trained on may be what is now validated on.
        usual = (None, len(held_out))
        self.past = self.evaluated([one for one in outcomes if one.validation_examples in usual])

    def make_goal(self, validation_examples: int) -> Goal:
        """Return what the search is after."""
        return Goal(self.request.accuracy, validation_examples)

    def evaluated(self, outcomes: list[TrialOutcome]) -> list[TrialOutcome]:
        """Return earlier trials, of which the goal learns from the best.

        What an older version did not count, their files' right answers on training examples, is
        counted now.
        """
        scored = [(self.goal.score(outcome), place) for place, outcome in enumerate(outcomes)]
        best = sorted((score, place) for score, place in scored if score is not None)
        # The generalisation gap is learned from files without parents.
        orphans = [item for item in best if outcomes[item[1]].config.parent is None]
        for _, place in dict.fromkeys((*best[:_EVALUATED_AGAIN], *orphans[:_EVALUATED_AGAIN])):
            outcome = outcomes[place]
            if outcome.training_correct is None:  # a row of an older version
                outcomes[place] = outcome = self.evaluated_again(outcome)
            self.goal.learn(outcome)
        return outcomes

    def evaluated_again(self, outcome: TrialOutcome) -> TrialOutcome:
        """Return an earlier trial with what its file gets right of training examples.

        The file may have been imported: then its digest is right, whatever its bytes are.
        """
        content = None if outcome.sha256 is None else self.read(outcome.sha256)
        if content is None:
            return outcome
        try:
            return evaluate_on_training(content, self.data, allow_slow=True).of_training(outcome)
        except MinbitsError:
            return outcome  # it cannot be run on this data

    def read(self, sha256: str) -> bytes | None:
        """Return an artifact, None where it is gone, damaged or cannot be run here."""
        try:
            content = self.ledger.artifacts.read(sha256)
            check_runnable(content, self.data)
        except MinbitsError:
            return None  # what is wrong with it is for `minbits ledger verify` to say
        return content

    def strategy(self) -> Strategy:
        """Return what decides."""
        seconds = self.request.seconds
        if self.candidate is not None:
            return LadderStrategy([self.candidate], 0, self.goal, seconds)
        return make_strategy(
            StrategyRequest(self.data, self.goal, seconds, self.read, self.request)
        )

    def has_time_left(self) -> bool:
        """Whether the search goes on for long enough that a first file is verified before its end.

        A network that was asked for, or one whose reliability must be shown, is claimed at the end.
        """
        left = self.request.seconds - (time.monotonic() - self.started)
        is_free = self.candidate is None and not self.request.reliability
        is_ending = self.is_interrupted or self.is_enough()
        return is_free and not is_ending and left >= _WORTH_A_LOOK_SECONDS

    def note_interrupt(self) -> None:
        """Begin nothing long any more: the end of the search puts a file to the test."""
        self.is_interrupted = True

    def reserve(self, first: int, count: int) -> list[int]:
        """Return seeds that no trial on this data has, and no other process uses."""
        return self.ledger.reserve_seeds(self.data.digest, first, count)

    def entry(self, item: Finished) -> TrialEntry:
        """Return what is appended to the ledger: a row of its own for each trial that ended.

        What was asked for is no name for it: epochs depend on the time, and so does the file.
        """
        return TrialEntry(
            self.data,
            self.request.accuracy,
            item.outcome,
            self.provenance,
            uid=new_uid(),
        )

    def remember(self, finished: Sequence[Finished]) -> None:
        """Append trials to the ledger before anything else, then look what they came to."""
        entries = [self.entry(item) for item in finished]
        try:
            numbers = self.ledger.append_trials(entries)
        except KeyboardInterrupt:
            self.ledger.append_trials(entries)  # known by their uids, none is appended twice
            raise
        for number, item in zip(numbers, finished, strict=True):
            self.goal.learn(item.outcome)
            self.tally.count(item.outcome, self.request.accuracy)
            self.reliability.add(item.outcome)
            self.events.on_results([dataclasses.replace(item, row=number)])
            if self.so_far.offer(item.outcome):
                self.events.on_best(item.outcome, self.so_far.path)
                if self.has_time_left():
                    self.on_first(item.outcome.without_file())

    def is_enough(self) -> bool:
        """Whether a file is as small as was asked for."""
        wanted = self.request.target_bits
        return wanted is not None and self.so_far.size_bits <= wanted

    def compile(self, executor: WorkExecutor) -> None:
        """Compile in one worker, before the clock starts and others compile the same.

        A worker that cannot fails its trials, which say why.
        """
        if self.request.engine == "torch":
            return
        compiled = executor.submit(compile_once)
        if wait([compiled], timeout=_PATIENCE_SECONDS).not_done:
            self.events.on_stage(
                "preparing compiled code: some seconds, or a minute once a machine and version"
            )
            wait([compiled])

    def run(self, smaller_than_bits: float) -> bool:
        """Search, and return whether it was interrupted.

        Args:
            smaller_than_bits: of files that are worth being written, since a verified one is known.

        Raises:
            ArgumentError: if the executor, the sampler or the space cannot be used.
            OutputError: if the best file so far cannot be written.
            LedgerError: if the ledger cannot be used.
        """
        request = self.request
        settings = SearchSettings(
            seconds=request.seconds,
            trials=request.trials,
            seed=request.seed,
            workers=request.workers,
            engine=request.engine,
            is_enough=self.is_enough,
            reserve=self.reserve,
        )
        self.so_far.size_bits = smaller_than_bits
        past, self.past = self.past, []
        strategy = self.strategy()
        events = dataclasses.replace(
            self.events, on_results=self.remember, on_interrupt=self.note_interrupt
        )
        executor = open_executor(
            request.executor, request.workers, self.data, request.worker_memory_bytes
        )
        try:
            self.compile(executor)
            self.started = time.monotonic()
            run_search(self.data, strategy, settings, past, events, executor)
        except KeyboardInterrupt:
            answer_interrupt()  # by what follows: the best file is put to the test
            return True
        finally:
            executor.shutdown(cancel_futures=True)
        return False
