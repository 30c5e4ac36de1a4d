"""Which front ends a search may use, and the choice among them while it runs."""

from __future__ import annotations

import math
from collections.abc import Mapping

from minbits.errors import ArgumentError, NetworkError
from minbits.evaluation.goal import Goal
from minbits.front_ends.registry import NO_FRONT_END
from minbits.networks.grammar import parse_front_end, split_front_end
from minbits.search.options import AUTO, SearchOptions
from minbits.search.space_file import Space
from minbits.search.strategy import Proposal, Strategy
from minbits.training.loop import SMALLEST_AUGMENTED_SIDE
from minbits.types import DataSet, TrialOutcome

# Of trials from random weights, one of so many goes to a front end that is behind.
_EXPLORED = 5


def check_front_end(options: SearchOptions) -> None:
    """Check that a front end is known and goes with the other options.

    Raises:
        ArgumentError: if it does not.
    """
    if options.front_end in (AUTO, NO_FRONT_END):
        return
    if options.space is not None:
        raise ArgumentError(
            "`front_end`", f"'{options.front_end}', with `space`", AUTO,
            "Name front ends in the file of the space: docs/search.md says how.",
        )  # fmt: skip
    _parsed(options.front_end, 1)


def _parsed(text: str, side: int) -> str:
    """Return a front end's text in the usual spelling; without a number it takes ``side``."""
    try:
        return parse_front_end(text if " " in text else f"{text} {side}").text()
    except NetworkError as error:
        raise ArgumentError(
            "`front_end`", error.got, f"{AUTO}, {NO_FRONT_END}, {error.expected}",
            "Choose one of these.",
        ) from error  # fmt: skip


def front_ends_for(data: DataSet, wanted: str, space: Space) -> tuple[str | None, ...]:
    """Return the front ends that a search on a data set may use, the first to be tried first.

    Args:
        data: the data set.
        wanted: the option.
        space: whose families name front ends.

    Raises:
        ArgumentError: if one is wanted for what is no set of images.
    """
    if wanted == NO_FRONT_END:
        return (None,)
    is_image = data.table is None and min(data.input_shape[1:]) >= SMALLEST_AUGMENTED_SIDE
    named = {
        front_end: None
        for family in space.families_for(data)
        for front_end in family.front_ends
        if front_end is not None
    }
    if wanted == AUTO:
        return (*named, None) if is_image else (None,)
    if not is_image:
        raise ArgumentError(
            "`front_end`", f"'{wanted}' for inputs of shape {data.input_shape}",
            f"images of at least {SMALLEST_AUGMENTED_SIDE} x {SMALLEST_AUGMENTED_SIDE} pixels",
            f"Take {NO_FRONT_END}.",
        )  # fmt: skip
    of_word = [text for text in named if text.split()[0] == wanted]
    side = min(data.input_shape[1:])
    return (of_word[0] if of_word else _parsed(wanted, side),)


class ByFrontEnd:
    """Strategies of several front ends: each is tried, then mostly the one with the best file.

    Args:
        strategies: by the text of their front end, None for none, in the order of their first turn.
        goal: tells which file is the best.
    """

    def __init__(self, strategies: Mapping[str | None, Strategy], goal: Goal) -> None:
        self._strategies = dict(strategies)
        self._goal = goal
        self._asked = dict.fromkeys(self._strategies, 0)
        self._scores = dict.fromkeys(self._strategies, math.inf)

    def propose(self, seconds_left: float) -> Proposal | None:
        """Return what the strategy whose turn it is proposes."""
        chosen = self._chosen()
        self._asked[chosen] += 1
        return self._strategies[chosen].propose(seconds_left)

    def _chosen(self) -> str | None:
        untried = [key for key, asked in self._asked.items() if not asked]
        if untried:
            return untried[0]
        ranked = sorted(self._strategies, key=lambda key: self._scores[key])
        if sum(self._asked.values()) % _EXPLORED:
            return ranked[0]
        return min(ranked[1:], key=lambda key: self._asked[key])

    def tell(self, outcome: TrialOutcome) -> None:
        """Let all strategies learn, and note whose file it is."""
        score = self._goal.score(outcome)
        key = _front_end_of(outcome)
        if score is not None and key in self._scores:
            self._scores[key] = min(self._scores[key], score)
        for strategy in self._strategies.values():
            strategy.tell(outcome)


def _front_end_of(outcome: TrialOutcome) -> str | None:
    try:
        return split_front_end(outcome.config.architecture)[0]
    except NetworkError:
        return None  # a row of a newer version, say
