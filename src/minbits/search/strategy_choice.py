"""Strategies by name: what the options of a search put together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from minbits.errors import ArgumentError
from minbits.evaluation.goal import Goal
from minbits.networks.grammar import split_front_end
from minbits.search.family import Family
from minbits.search.front_ends import ByFrontEnd, check_front_end, front_ends_for
from minbits.search.halving import Halving
from minbits.search.ladder import family_behind, is_large_image, ladder, start_rung, starts_of
from minbits.search.ladder_strategy import LadderStrategy
from minbits.search.local_moves import BASE_PART, LocalStrategy
from minbits.search.options import AUTO, LADDER, MIXED, RANDOM, SAMPLERS, SearchOptions
from minbits.search.optuna_points import OptunaPoints
from minbits.search.repeats import RepeatingStrategy
from minbits.search.sampled import NearbyPoints, PointSource, RandomPoints, SampledStrategy
from minbits.search.space_file import Space, read_space
from minbits.search.strategy import Proposal, Strategy
from minbits.types import DataSet, TrainingRecipe, TrialOutcome

# They climb a row of networks of their own, and know no space.
_CLIMBING = (LADDER, MIXED)
# What `auto` stands for where a space of the user's is to be learned, or trials are to be ranked.
_LEARNING_SAMPLER = "tpe"
# A trial from random weights takes at most this part of the time, so that others follow.
FIRST_PART = 0.35
# The first trial behind a front end takes no longer.
FIRST_SECONDS = 100.0
# Where the largest networks of the ladder failed, one trial in so many gives them another seed.
_REPEATED = 4
# More than `BASE_PART`: points of a space also tell which form of network to refine.
_DRAWN_BASE_PART = 0.35


@dataclass(frozen=True)
class StrategyRequest:
    """What a strategy is put together from.

    Attributes:
        data: the data set.
        goal: what is aimed at.
        seconds: time for the whole search.
        read: returns a network file by its digest, None where it is gone.
        options: what the user said of sampler, moves, halving, space, reliability and seed.
    """

    data: DataSet
    goal: Goal
    seconds: float
    read: Callable[[str], bytes | None]
    options: SearchOptions


@dataclass(frozen=True)
class Base:
    """What starts from random weights.

    Attributes:
        strategy: that proposes it.
        recipe: a full one, of which moves take parts.
    """

    strategy: Strategy
    recipe: TrainingRecipe


class ClimbThenDraw:
    """Ladders until a file reaches the goal, then random points.

    The ladders end at their largest networks. Where these fail too, they may be too large: networks
    that fit every training example do not always fit new ones, and a small network finds the rule
    of some data from few random weights only. Then most trials are random points, of all sizes.

    Args:
        climbing: proposes what the ladders ask for.
        drawing: proposes random points.
        ladders: those that climb.
        goal: what is aimed at.
    """

    def __init__(
        self, climbing: Strategy, drawing: Strategy, ladders: Sequence[LadderStrategy], goal: Goal
    ) -> None:
        self._climbing, self._drawing = climbing, drawing
        self._ladders = ladders
        self._goal = goal
        self._is_met = False
        self._asked_when_climbed = 0

    def propose(self, seconds_left: float) -> Proposal | None:
        """Return what the one whose turn it is proposes."""
        if self._is_met:
            return self._drawing.propose(seconds_left)
        if not all(ladder.is_climbed for ladder in self._ladders):
            return self._climbing.propose(seconds_left)
        self._asked_when_climbed += 1
        is_repeated = self._asked_when_climbed % _REPEATED == 0
        return (self._climbing if is_repeated else self._drawing).propose(seconds_left)

    def tell(self, outcome: TrialOutcome) -> None:
        """Let both learn."""
        self._is_met = self._is_met or self._goal.is_met(outcome)
        self._climbing.tell(outcome)
        self._drawing.tell(outcome)


def check_sampler(options: SearchOptions) -> None:
    """Check that a sampler is known and goes with the other options.

    Raises:
        ArgumentError: if it does not.
    """
    name = options.sampler
    if name not in SAMPLERS:
        raise ArgumentError("`sampler`", f"'{name}'", ", ".join(SAMPLERS), "Choose one of these.")
    if name in _CLIMBING and options.space is not None:
        others = ", ".join(other for other in SAMPLERS if other not in _CLIMBING)
        raise ArgumentError(
            "`sampler`", f"{name}, with `space`", others, "A ladder is no space: choose another."
        )
    if name in _CLIMBING and options.halving:
        raise ArgumentError(
            "`halving`", f'`sampler="{name}"`', "another sampler",
            'The ladder tries too few networks to rank them: choose `sampler="tpe"`, say.',
        )  # fmt: skip
    check_front_end(options)


class WithinPart:
    """Another strategy whose trials take at most a part of the time of the whole search.

    The first one behind a front end is shorter still: it mostly reaches the goal all the same, and
    its file is verified while the search goes on.
    """

    def __init__(self, inner: Strategy, seconds: float) -> None:
        self._inner = inner
        self._seconds = seconds
        self._is_first = True

    def propose(self, seconds_left: float) -> Proposal | None:
        """Return the other strategy's proposal, with less time where it would take more."""
        proposal = self._inner.propose(seconds_left)
        if proposal is None:
            return None
        most = self._seconds
        if self._is_first and split_front_end(proposal.candidate.architecture)[0] is not None:
            most, self._is_first = min(most, FIRST_SECONDS), False
        least = most if proposal.seconds is None else proposal.seconds
        return dataclasses.replace(proposal, seconds=min(most, least))

    def tell(self, outcome: TrialOutcome) -> None:
        """Pass on how a trial ended."""
        self._inner.tell(outcome)


def chosen_sampler(request: StrategyRequest) -> str:
    """Return the sampler that is meant.

    On large images a trial takes minutes, so that few are run, and the ladder knows where to start.
    On other inputs it takes seconds: the ladder finds something to begin with, then random points
    show which form of network suits the data.
    """
    options = request.options
    if options.sampler != AUTO:
        return options.sampler
    if options.space is not None or options.halving:
        return _LEARNING_SAMPLER
    return LADDER if is_large_image(request.data) else MIXED


def make_strategy(request: StrategyRequest) -> Strategy:
    """Return the strategy that is asked for.

    Raises:
        ArgumentError: if a sampler is unknown or not installed, or the space does not fit.
    """
    options, sampler = request.options, chosen_sampler(request)
    check_sampler(options)
    base = _base(request, sampler)
    if not options.moves and sampler == LADDER:  # which alone is after one good trial
        found = base.strategy
    else:
        part = BASE_PART if sampler == LADDER else _DRAWN_BASE_PART
        found = with_moves(request, base, part)
    if options.reliability > 0:
        found = RepeatingStrategy(found, request.goal, options.reliability, request.read)
    return found


def with_moves(request: StrategyRequest, base: Base, base_part: float = BASE_PART) -> Strategy:
    """Return a strategy that shares the time with moves from its best files, if they are wanted.

    Args:
        request: of the strategy.
        base: what starts from random weights.
        base_part: of all time, the least that goes to it.
    """
    found = WithinPart(base.strategy, FIRST_PART * request.seconds)
    if not request.options.moves:
        return found
    return LocalStrategy(
        found,
        request.goal,
        request.data,
        base.recipe,
        request.read,
        request.options.seed,
        base_part=base_part,
    )


def _base(request: StrategyRequest, sampler: str) -> Base:
    """Return the strategy that starts from random weights."""
    if sampler == MIXED:
        climbing, ladders = _climbing(request)
        drawing = _drawn(request, MIXED).strategy
        both = ClimbThenDraw(climbing.strategy, drawing, ladders, request.goal)
        return Base(both, climbing.recipe)
    if sampler == LADDER:
        return _climbing(request)[0]
    return _drawn(request, sampler)


def _drawn(request: StrategyRequest, sampler: str) -> Base:
    """Return a strategy that draws points as a sampler does; the mixed one draws after a ladder."""
    options = request.options
    halving = Halving(request.goal) if options.halving else None

    def sampled(family: Family) -> SampledStrategy:
        source: PointSource = RandomPoints(options.seed)
        if sampler == MIXED:
            source = NearbyPoints(request.goal, options.seed)
        elif sampler != RANDOM:
            source = OptunaPoints(sampler, request.goal, options.seed)
        return SampledStrategy(family, request.data, source, halving)

    return drawn_base(request, sampled)


def drawn_base(request: StrategyRequest, sampled: Callable[[Family], SampledStrategy]) -> Base:
    """Return a strategy that draws from each family of the space that the search may use.

    Args:
        request: of the strategy.
        sampled: returns what draws from a family.
    """
    data = request.data
    families = _families(request, read_space(request.options.space))
    found = {one.front_ends[0]: Base(sampled(one), one.full_recipe(data)) for one in families}
    return _by_front_end(found, request.goal)


def _by_front_end(found: Mapping[str | None, Base], goal: Goal) -> Base:
    first = next(iter(found.values()))
    if len(found) == 1:
        return first
    strategies = {front_end: base.strategy for front_end, base in found.items()}
    return Base(ByFrontEnd(strategies, goal), first.recipe)


def _climbing(request: StrategyRequest) -> tuple[Base, list[LadderStrategy]]:
    """Return a strategy of a ladder for each front end, and these ladders."""
    space = read_space(request.options.space)
    found: dict[str | None, Base] = {}
    ladders = []
    for front_end in front_ends_for(request.data, request.options.front_end, space):
        rungs = ladder(request.data, front_end)
        start = start_rung(request.data, request.goal.accuracy, front_end)
        starts = starts_of(request.data, front_end)
        climbing = LadderStrategy(rungs, start, request.goal, request.seconds, starts)
        ladders.append(climbing)
        found[front_end] = Base(climbing, rungs[start].recipe)
    return _by_front_end(found, request.goal), ladders


def _families(request: StrategyRequest, space: Space) -> list[Family]:
    """Return the families to draw from, of front ends that the search may use."""
    data, wanted = request.data, request.options.front_end
    if request.options.space is not None:
        return [space.family_for(data)]
    return [family_behind(data, found) for found in front_ends_for(data, wanted, space)]
