"""Local moves: each trial starts from one of the best files, changed a little, and trains on.

A move costs a part of a trial from random weights. Which kind of move pays, and how long a child
should train, is learned on the way: both are drawn by Thompson sampling (Thompson 1933) from what
each gained per second. Each spare standard error of a parent's accuracy multiplies the rate weight
of its children by the square root of 2. Each missing standard error divides it by as much.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from minbits.data.splits import validation_fraction
from minbits.errors import MinbitsError
from minbits.evaluation.goal import Goal
from minbits.networks.zoo import architecture_for
from minbits.search.moves.registry import MOVES, MoveKind, format_move, move_kinds
from minbits.search.space import Candidate
from minbits.search.strategy import Proposal, Start, Strategy
from minbits.types import DataSet, TrainingRecipe, TrialOutcome

# Files that moves start from: the best so far, and with them what is near.
MAX_PARENTS = 6
# Of files made from one and the same by moves: others are worth being refined too.
MAX_OF_ONE_ORIGIN = 2
# A file further below the validation target than this many standard errors is no start, ...
_MAX_MISSING_STANDARD_ERRORS = 3.0
# ... unless so many files from random weights were all further below. Then the best of them are.
FILES_BEFORE_FAR_PARENTS = 20
# Each further parent is chosen this many times less often than the one before.
_PARENT_DECAY = 0.6
_MIN_EPOCHS = 3
# With less than this part of the time that it needs, a trial would waste it; and planning itself
# keeps some seconds free.
_FAIR_SHARE = 0.7
PLANNING_SECONDS = 5.0


# Steps that a child trains for; fewer leave it worse than a network from random weights.
MOVE_STEPS = (8_000, 25_000)
# Of all time, that of earlier runs too, at least this part goes into trials from random weights:
# moves alone get stuck.
BASE_PART = 0.3
# As long as all files are far from the target: other random weights bring more.
FAR_BASE_PART = 0.7
# Never more than this many times a full second phase.
_MAX_PARTS = 1.5

# So many doublings of the rate weight spend a standard error that a parent is too accurate by, and
# as many halvings gain one that it lacks.
_RATE_DOUBLINGS_AN_ERROR = 0.5
# Far below 97 % of MNIST so many at once ruin one network of three; at 98 % two are too few. Never
# more halvings either.
_MAX_DOUBLINGS = 3.0
# Generations of moves on easy data double it again and again; far below this nothing is left.
MAX_RATE_WEIGHT = 1e6
# A score better by this much, 7 % of the bits, is a full success; less is a part of one.
_FULL_GAIN = 0.1

Arm = MoveKind | int | None


@dataclass
class _Chances:
    """How well arms did: half a success and half a failure to begin with."""

    generator: np.random.Generator
    successes: dict[Arm, float] = field(default_factory=dict)
    failures: dict[Arm, float] = field(default_factory=dict)

    def draw(self, arm: Arm) -> float:
        return float(
            self.generator.beta(
                0.5 + self.successes.get(arm, 0.0), 0.5 + self.failures.get(arm, 0.0)
            )
        )

    def learn(self, arm: Arm, success: float) -> None:
        """Count a part of a success, and the rest as one of a failure (Agrawal & Goyal 2012)."""
        for counts, part in ((self.successes, success), (self.failures, 1 - success)):
            counts[arm] = counts.get(arm, 0.0) + part


@dataclass
class _Spent:
    """Epochs that trials of one origin were asked for, and seconds an epoch of those that ended.

    Both phases count alike. Moves go on from small files, so that their epochs are cheaper.
    """

    asked_epochs: int = 0
    seconds: float = 0.0
    epochs: int = 0

    def learn(self, outcome: TrialOutcome) -> None:
        if outcome.status == "done":
            self.seconds += outcome.seconds
            self.epochs += outcome.config.recipe.epochs

    @property
    def pace(self) -> float | None:
        """Seconds an epoch, None where nothing has ended."""
        return self.seconds / self.epochs if self.epochs else None


@dataclass
class LocalStrategy:
    """Takes turns between another strategy and moves from the best files.

    Where no file comes near the target, the best ones are started from all the same: training on
    with a smaller rate weight brings some of them there.

    Attributes:
        base: proposes trials from random weights; alone until a file is near the target, or many
            were tried.
        goal: what is aimed at.
        data: the data set.
        recipe: a full one, of which moves take parts.
        read: returns a file by its digest, None where it is gone.
        seed: of all that is drawn.
        base_part: of all time, the least that goes to the base strategy.
    """

    base: Strategy
    goal: Goal
    data: DataSet
    recipe: TrainingRecipe
    read: Callable[[str], bytes | None]
    seed: int = 0
    base_part: float = BASE_PART
    parents: list[TrialOutcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._generator = np.random.default_rng(self.seed)
        self._chances = _Chances(self._generator)
        # Of trials from random weights, and of moves; what this run took tells its pace.
        self._spent = {True: _Spent(), False: _Spent()}
        self._asked: dict[str, list[tuple[MoveKind | None, int | None]]] = {}
        self._best: float | None = None  # of all scores
        # By a file's digest: the file without parents that it comes from.
        self._origins: dict[str, str] = {}
        # The best files so far where none is near the target.
        self._far: list[TrialOutcome] = []
        self._files_from_random_weights = 0

    def propose(self, seconds_left: float) -> Proposal | None:
        """Return a move, or what the base strategy proposes."""
        for steps in self._lengths_by_expected_success(seconds_left):
            proposal, kind = self._proposal(steps, seconds_left)
            if proposal is not None:
                self._asked.setdefault(proposal.candidate.key, []).append((kind, steps))
                self._spent[steps is None].asked_epochs += self._epochs(steps)
                return proposal
        return None

    def _proposal(
        self, steps: int | None, seconds_left: float
    ) -> tuple[Proposal | None, MoveKind | None]:
        if steps is None:
            return self.base.propose(seconds_left), None
        kinds = move_kinds()
        draws = [(self._chances.draw(kind), place) for place, kind in enumerate(kinds)]
        for _, place in sorted(draws, reverse=True):
            proposal = self._moved(kinds[place], steps, seconds_left)
            if proposal is not None:
                return proposal, kinds[place]
        return None, None

    def tell(self, outcome: TrialOutcome) -> None:
        """Learn from a trial; the base strategy hears of all."""
        success = self._success(outcome)
        asked = [] if outcome.is_past else self._asked.get(outcome.candidate, [])
        if asked:
            kind, steps = asked.pop(0)
            if not asked:
                del self._asked[outcome.candidate]
            if outcome.status != "interrupted":
                self._chances.learn(steps, success)
                if kind is not None:
                    self._chances.learn(kind, success)
        spent = self._spent[outcome.config.parent is None]
        if outcome.is_past:  # on another machine, perhaps: its seconds are no measure
            spent.asked_epochs += outcome.config.recipe.epochs
        else:
            spent.learn(outcome)
        score = self.goal.score(outcome)
        if score is not None:
            self._best = score if self._best is None else min(self._best, score)
        self._keep(outcome)
        self.base.tell(outcome)

    def _success(self, outcome: TrialOutcome) -> float:
        """Return what a trial brought, from 0 to 1."""
        score = self.goal.score(outcome)
        if score is None:
            return 0.0
        if self._best is None:
            return 1.0
        return min(1.0, max(0.0, (self._best - score) / _FULL_GAIN))

    def _origin(self, outcome: TrialOutcome) -> str:
        """Return what a file comes from, and remember it; a file may be met before its parent."""
        assert outcome.sha256 is not None
        parent = outcome.config.parent
        found = outcome.sha256 if parent is None else self._origins.get(parent, parent)
        return self._origins.setdefault(outcome.sha256, found)

    def _keep(self, outcome: TrialOutcome) -> None:
        if outcome.sha256 is None or outcome.validation_accuracy is None:
            return
        self._origin(outcome)
        self._files_from_random_weights += outcome.config.parent is None
        if self.goal.missing_standard_errors(outcome) <= _MAX_MISSING_STANDARD_ERRORS:
            self.parents = self._best_with(self.parents, outcome)
            self._far = []
        elif not self.parents:
            self._far = self._best_with(self._far, outcome)

    def _best_with(self, files: list[TrialOutcome], new: TrialOutcome) -> list[TrialOutcome]:
        """Return the best files with another one, few of them of one origin."""
        if any(file.sha256 == new.sha256 for file in files):
            return files
        ranked = sorted([*files, new], key=lambda item: self.goal.expected_score(item) or 0.0)
        counts: Counter[str] = Counter()
        best = []
        for item in ranked:
            origin = self._origin(item)
            counts[origin] += 1
            if counts[origin] <= MAX_OF_ONE_ORIGIN:
                best.append(item)
        return best[:MAX_PARENTS]

    def _starts(self) -> list[TrialOutcome]:
        """Return the files that moves start from."""
        if self.parents or self._files_from_random_weights < FILES_BEFORE_FAR_PARENTS:
            return self.parents
        return self._far

    def _recipe(self, steps: int | None) -> TrainingRecipe:
        """Return the full recipe, or that of a move of so many steps; finishing goes along."""
        full = self.recipe
        if steps is None:
            return full
        labels = len(self.data.train_labels)
        examples = (1 - validation_fraction(labels)) * labels
        steps_an_epoch = max(1.0, examples // full.batch_size)
        most = max(_MIN_EPOCHS, round(_MAX_PARTS * full.quantized_epochs))
        epochs = min(most, max(_MIN_EPOCHS, round(steps / steps_an_epoch)))
        finishing_epochs = full.finishing_epochs * epochs // max(1, full.quantized_epochs)
        return dataclasses.replace(
            full, float_epochs=0, quantized_epochs=epochs, finishing_epochs=finishing_epochs
        )

    def _epochs(self, steps: int | None) -> int:
        return self._recipe(steps).epochs

    def _lengths_by_expected_success(self, seconds_left: float) -> Sequence[int | None]:
        """Return lengths of moves, the most promising draw a second first; None: no move.

        Those that would take far more than the time that is left are not among them.
        """
        if not self._starts():
            return [None]
        arms: list[int | None] = [None, *MOVE_STEPS]
        fitting = [arm for arm in arms if self._fits(arm, seconds_left)]
        draws = {
            arm: self._chances.draw(arm) / (self._epochs(arm) * self._relative_pace(arm is None))
            for arm in fitting
        }
        base, moves = (
            self._spent[origin].asked_epochs * self._relative_pace(origin)
            for origin in (True, False)
        )
        part = self.base_part if self.parents else max(self.base_part, FAR_BASE_PART)
        if None in draws and base < part * (base + moves):
            draws[None] = math.inf
        return sorted(draws, key=lambda arm: -draws[arm])

    def _pace(self, from_random_weights: bool) -> float | None:
        """Return seconds an epoch; those of the other origin where its own are not known."""
        own = self._spent[from_random_weights].pace
        return self._spent[not from_random_weights].pace if own is None else own

    def _relative_pace(self, from_random_weights: bool) -> float:
        return self._pace(from_random_weights) or 1.0  # one for both where none is known

    def _expected(self, steps: int | None) -> float | None:
        """Return the seconds that a trial can be expected to take, None before the first."""
        pace = self._pace(steps is None)
        return None if pace is None else pace * self._epochs(steps)

    def _fits(self, steps: int | None, seconds_left: float) -> bool:
        expected = self._expected(steps)
        if expected is None or expected <= seconds_left:
            return True
        return _FAIR_SHARE * expected <= seconds_left - PLANNING_SECONDS

    def _plan_seconds(self, steps: int, seconds_left: float) -> float | None:
        """Return infinity where time is known to do: planning costs as much as some epochs."""
        expected = self._expected(steps)
        return math.inf if expected is not None and 1.3 * expected < seconds_left else None

    def _moved(self, kind: MoveKind, steps: int, seconds_left: float) -> Proposal | None:
        starts = self._starts()
        if not starts:
            return None  # the last one was found to be gone
        parent = self._parent(starts)
        content = None if parent.sha256 is None else self.read(parent.sha256)
        if content is None:
            starts.remove(parent)
            return None
        move = self._move(kind, parent)
        if move is None:
            return None
        before, moved = parent.config.recipe, self._recipe(steps)
        margin = self.goal.spare_standard_errors(parent) - self.goal.missing_standard_errors(parent)
        doublings = _RATE_DOUBLINGS_AN_ERROR * margin
        doublings = max(-_MAX_DOUBLINGS, min(_MAX_DOUBLINGS, doublings))
        rate_weight = min(MAX_RATE_WEIGHT, before.rate_weight * kind.rate_factor * 2**doublings)
        rate_weight = float(f"{rate_weight:.3g}")
        recipe = dataclasses.replace(
            before, float_epochs=0, quantized_epochs=moved.quantized_epochs,
            finishing_epochs=moved.finishing_epochs, rate_weight=rate_weight,
        )  # fmt: skip
        assert parent.sha256 is not None
        origin = f"{move} from {parent.sha256[:12]}"
        key = f"{origin} @ rate {rate_weight:g}, {moved.quantized_epochs} epochs"
        candidate = Candidate(key, parent.config.architecture, recipe)
        seconds = self._plan_seconds(steps, seconds_left)
        return Proposal(candidate, seconds, Start(parent.sha256, content, move))

    def _parent(self, starts: Sequence[TrialOutcome]) -> TrialOutcome:
        weights = _PARENT_DECAY ** np.arange(len(starts))
        return starts[int(self._generator.choice(len(starts), p=weights / weights.sum()))]

    def _move(self, kind: MoveKind, parent: TrialOutcome) -> str | None:
        move = MOVES[kind.move]
        try:
            architecture = architecture_for(parent.config.architecture, self.data)
        except MinbitsError:
            return None  # a row of a newer version, say
        if not move.fits(architecture):
            return None
        if not move.is_of_blocks:
            return format_move(kind.move, kind.amount)
        numbers = move.choices(architecture)
        if not numbers:
            return None
        return format_move(kind.move, int(self._generator.choice(numbers)))
