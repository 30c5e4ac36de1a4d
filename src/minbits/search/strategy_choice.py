"""Strategies by name: what the options of a search put together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from minbits.errors import ArgumentError
from minbits.evaluation.goal import Goal
from minbits.networks.grammar import split_front_end
from minbits.search.family import Family
from minbits.search.front_ends import ByFrontEnd, check_front_end, front_ends_for
from minbits.search.halving import Halving
from minbits.search.ladder import family_behind, is_large_image, ladder, start_rung
from minbits.search.ladder_strategy import LadderStrategy
from minbits.search.local_moves import BASE_PART, LocalStrategy
from minbits.search.options import AUTO, LADDER, MIXED, RANDOM, SAMPLERS, SearchOptions
from minbits.search.optuna_points import OptunaPoints
from minbits.search.repeats import RepeatingStrategy
from minbits.search.sampled import PointSource, RandomPoints, SampledStrategy
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


class _UntilMet:
    """One strategy until a file reaches the goal, then another; both hear of all trials."""

    def __init__(self, first: Strategy, second: Strategy, goal: Goal) -> None:
        self._strategies = (first, second)
        self._goal = goal
        self._is_met = False

    def propose(self, seconds_left: float) -> Proposal | None:
        return self._strategies[self._is_met].propose(seconds_left)

    def tell(self, outcome: TrialOutcome) -> None:
        self._is_met = self._is_met or self._goal.is_met(outcome)
        for strategy in self._strategies:
            strategy.tell(outcome)


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
    found, recipe = _base(request, sampler)
    if options.moves or sampler != LADDER:  # which alone is after one good trial
        found = WithinPart(found, FIRST_PART * request.seconds)
    if options.moves:
        found = LocalStrategy(
            found,
            request.goal,
            request.data,
            recipe,
            request.read,
            options.seed,
            base_part=BASE_PART if sampler == LADDER else _DRAWN_BASE_PART,
        )
    if options.reliability > 0:
        found = RepeatingStrategy(found, request.goal, options.reliability, request.read)
    return found


def _base(request: StrategyRequest, sampler: str) -> tuple[Strategy, TrainingRecipe]:
    """Return the strategy that starts from random weights, and a full recipe."""
    data, goal, options = request.data, request.goal, request.options
    if sampler == MIXED:
        climbing, recipe = _base(request, LADDER)
        drawn, _ = _base(request, RANDOM)
        return _UntilMet(climbing, drawn, goal), recipe
    space = read_space(options.space)
    found: list[tuple[str | None, Strategy, TrainingRecipe]]
    if sampler == LADDER:
        found = [
            (front_end, *_ladder(request, front_end))
            for front_end in front_ends_for(data, options.front_end, space)
        ]
    else:
        families = _families(request, space)
        found = [(family.front_ends[0], *_sampled(request, sampler, family)) for family in families]
    if len(found) == 1:
        return found[0][1:]
    return ByFrontEnd({key: strategy for key, strategy, _ in found}, goal), found[0][2]


def _ladder(
    request: StrategyRequest, front_end: str | None
) -> tuple[LadderStrategy, TrainingRecipe]:
    rungs = ladder(request.data, front_end)
    start = start_rung(request.data, request.goal.accuracy, front_end)
    return LadderStrategy(rungs, start, request.goal, request.seconds), rungs[start].recipe


def _families(request: StrategyRequest, space: Space) -> list[Family]:
    """Return the families to draw from, of front ends that the search may use."""
    data, wanted = request.data, request.options.front_end
    if request.options.space is not None:
        return [space.family_for(data)]
    return [family_behind(data, found) for found in front_ends_for(data, wanted, space)]


def _sampled(
    request: StrategyRequest, sampler: str, family: Family
) -> tuple[SampledStrategy, TrainingRecipe]:
    data, goal, options = request.data, request.goal, request.options
    source: PointSource = RandomPoints(options.seed)
    if sampler != RANDOM:
        source = OptunaPoints(sampler, goal, options.seed)
    halving = Halving(goal) if options.halving else None
    return SampledStrategy(family, data, source, halving), family.full_recipe(data)
