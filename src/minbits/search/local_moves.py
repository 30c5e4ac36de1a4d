"""Local moves: each trial starts from one of the best files, changed a little, and trains on.

A move costs a part of a trial from random weights. Which kind of move pays is learned on the way:
kinds are drawn by Thompson sampling (Thompson 1933) from how often each led to a better file.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from minbits.errors import MinbitsError
from minbits.networks.blocks import droppable, shareable
from minbits.networks.zoo import architecture_for
from minbits.records import DataSet, TrainingRecipe
from minbits.search.move_names import MoveName, format_move
from minbits.search.score import Goal
from minbits.search.space import Candidate
from minbits.search.strategy import Outcome, Proposal, Start, Strategy

# Files that moves start from: the best so far, and with them what is near.
MOST_PARENTS = 6
# A file further below the aim than this many standard errors is no start.
_MOST_SHORTFALL = 3.0
# Each further parent is chosen this many times less often than the one before.
_PARENT_DECAY = 0.6
_LEAST_EPOCHS = 3
# With less than this part of the time that it needs, a trial would waste it.
_FAIR_SHARE = 0.7


@dataclass(frozen=True)
class MoveKind:
    """A kind of move.

    Attributes:
        move: what is done to the parent's network.
        amount: how much; of blocks it is chosen among those that there are.
        rate_factor: on the parent's rate weight.
        part: of a full second phase's epochs that the child trains on.
    """

    move: MoveName
    amount: float
    rate_factor: float
    part: float


MOVE_KINDS: tuple[MoveKind, ...] = (
    *(
        MoveKind("continue", 0.0, rate_factor, part)
        for rate_factor in (0.8, 1.0, 1.15, 1.4, 2.0)
        for part in (0.2, 0.6)
    ),
    MoveKind("thin", 0.93, 1.0, 0.2),
    MoveKind("thin", 0.85, 1.0, 0.6),
    MoveKind("coarsen", 1.0, 1.0, 0.2),
    MoveKind("coarsen", 2.0, 1.0, 0.6),
    MoveKind("drop", 1.0, 1.0, 0.6),
    MoveKind("share", 1.0, 1.0, 0.6),
)


@dataclass
class _Record:
    """How a kind of proposal fared: half a success and half a failure to begin with."""

    successes: float = 0.5
    failures: float = 0.5

    def learn(self, success: bool) -> None:
        self.successes += success
        self.failures += not success


@dataclass
class _Pace:
    """Seconds an epoch of this run's trials, both phases alike."""

    seconds: float = 0.0
    epochs: int = 0

    def learn(self, outcome: Outcome) -> None:
        recipe = outcome.config.recipe
        if outcome.status == "done" and not outcome.is_past:
            self.seconds += outcome.seconds
            self.epochs += recipe.float_epochs + recipe.quantized_epochs

    def expected(self, epochs: float) -> float | None:
        return epochs * self.seconds / self.epochs if self.epochs else None


@dataclass
class LocalStrategy:
    """Takes turns between another strategy and moves from the best files.

    Attributes:
        base: proposes trials from random weights; alone until a file is near the aim.
        goal: what is aimed at.
        data: the data set.
        recipe: a full one, of which moves take parts.
        read: returns a file by its digest, None where it is gone.
        seed: of all that is drawn.
    """

    base: Strategy
    goal: Goal
    data: DataSet
    recipe: TrainingRecipe
    read: Callable[[str], bytes | None]
    seed: int = 0
    parents: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._generator = np.random.default_rng(self.seed)
        self._records = {kind: _Record() for kind in (None, *MOVE_KINDS)}
        self._pace = _Pace()
        self._asked: dict[str, list[MoveKind | None]] = {}

    def propose(self, seconds_left: float) -> Proposal | None:
        """Return a move, or what the base strategy proposes."""
        for kind in self._by_promise(seconds_left):
            proposal = (
                self.base.propose(seconds_left) if kind is None else self._moved(kind, seconds_left)
            )
            if proposal is not None:
                self._asked.setdefault(proposal.candidate.key, []).append(kind)
                return proposal
        return None

    def tell(self, outcome: Outcome) -> None:
        """Learn from a trial; the base strategy hears of all."""
        better = self._is_better(outcome)
        kinds = [] if outcome.is_past else self._asked.get(outcome.candidate, [])
        if kinds:
            kind = kinds.pop(0)
            if not kinds:
                del self._asked[outcome.candidate]
            if outcome.status != "interrupted":
                self._records[kind].learn(better)
        self._pace.learn(outcome)
        self._keep(outcome)
        self.base.tell(outcome)

    def _is_better(self, outcome: Outcome) -> bool:
        score = self.goal.score(outcome)
        if score is None:
            return False
        best = self.goal.score(self.parents[0]) if self.parents else None
        return best is None or score < best

    def _keep(self, outcome: Outcome) -> None:
        if outcome.accuracy is None or self.goal.shortfall_of(outcome) > _MOST_SHORTFALL:
            return
        if any(parent.sha256 == outcome.sha256 for parent in self.parents):
            return
        self.parents.append(outcome)
        self.parents.sort(key=lambda parent: self.goal.score(parent) or 0.0)
        del self.parents[MOST_PARENTS:]

    def _epochs(self, kind: MoveKind | None) -> int:
        full = self.recipe.quantized_epochs
        if kind is None:
            return self.recipe.float_epochs + full
        return max(_LEAST_EPOCHS, round(kind.part * full))

    def _by_promise(self, seconds_left: float) -> Sequence[MoveKind | None]:
        """Return kinds, the most promising draw an epoch first; None stands for the base strategy.

        Those that would take far more than the time that is left are not among them.
        """
        if not self.parents:
            return [None]
        draws: list[tuple[float, int]] = []
        kinds = list(self._records)
        for index, kind in enumerate(kinds):
            record, epochs = self._records[kind], self._epochs(kind)
            expected = self._pace.expected(epochs)
            if expected is None or _FAIR_SHARE * expected <= seconds_left:
                chance = self._generator.beta(record.successes, record.failures)
                draws.append((chance / epochs, index))
        return [kinds[index] for _, index in sorted(draws, reverse=True)]

    def _plan_seconds(self, epochs: int, seconds_left: float) -> float | None:
        """Return infinity where time is plenty: planning costs as much as some epochs."""
        expected = self._pace.expected(epochs)
        return math.inf if expected is not None and 3 * expected < seconds_left else None

    def _moved(self, kind: MoveKind, seconds_left: float) -> Proposal | None:
        if not self.parents:
            return None  # the last one was found to be gone
        parent = self._parent()
        content = None if parent.sha256 is None else self.read(parent.sha256)
        if content is None:
            self.parents.remove(parent)
            return None
        move = self._move(kind, parent)
        if move is None:
            return None
        before = parent.config.recipe
        epochs = self._epochs(kind)
        rate_weight = float(f"{before.rate_weight * kind.rate_factor:.3g}")
        recipe = dataclasses.replace(
            before, float_epochs=0, quantized_epochs=epochs, rate_weight=rate_weight
        )
        assert parent.sha256 is not None
        key = f"{move} from {parent.sha256[:12]} @ rate {rate_weight:g}, {epochs} epochs"
        candidate = Candidate(key, parent.config.architecture, recipe)
        seconds = self._plan_seconds(epochs, seconds_left)
        return Proposal(candidate, seconds, Start(parent.sha256, content, move))

    def _parent(self) -> Outcome:
        weights = _PARENT_DECAY ** np.arange(len(self.parents))
        index = int(self._generator.choice(len(self.parents), p=weights / weights.sum()))
        return self.parents[index]

    def _move(self, kind: MoveKind, parent: Outcome) -> str | None:
        if kind.move not in ("drop", "share"):
            return format_move(kind.move, kind.amount)
        try:
            architecture = architecture_for(parent.config.architecture, self.data)
        except MinbitsError:
            return None  # a row of a newer version, say
        numbers = (droppable if kind.move == "drop" else shareable)(architecture)
        if not numbers:
            return None
        return format_move(kind.move, int(self._generator.choice(numbers)))
