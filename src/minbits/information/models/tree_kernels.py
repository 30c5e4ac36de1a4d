"""Compiled belief propagation on a tree of hidden symbols; the tests hold a plain twin.

Beliefs are ``(variables, states, examples)`` with examples innermost, so that the innermost loops
fill whole vectors; variables stand by depth, so that a parent comes before its children.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minbits.compilation import compiled

# Sums may be reordered, and no message is negative, infinite or not a number.
_FAST = {"contract", "nsz", "nnan", "ninf", "reassoc"}
# Below this, a message is held up before it divides.
_MIN_MESSAGE = np.float32(1e-30)

_compiled: Any = compiled(error_model="python", fastmath=_FAST)


@_compiled
def _spread(symbols, codes, belief):  # type: ignore[no-untyped-def] # pragma: no cover
    """Write what each example's symbol says about the hidden state."""
    for state in range(belief.shape[0]):
        row, chances = belief[state], symbols[:, state]
        for example in range(len(row)):
            row[example] = chances[codes[example]]


@_compiled
def _weighted_sums(table, given, result):  # type: ignore[no-untyped-def] # pragma: no cover
    """Overwrite ``result`` by the product of ``table`` and ``given``, four rows at a time."""
    states, examples = given.shape
    for target in range(table.shape[0]):
        row = result[target]
        for example in range(examples):
            row[example] = 0
        for start in range(0, states - states % 4, 4):
            a, b, c, d = table[target, start : start + 4]
            first, second = given[start], given[start + 1]
            third, fourth = given[start + 2], given[start + 3]
            for example in range(examples):
                row[example] += (
                    a * first[example] + b * second[example]
                    + c * third[example] + d * fourth[example]
                )  # fmt: skip
        for source in range(states - states % 4, states):
            weight, other = table[target, source], given[source]
            for example in range(examples):
                row[example] += weight * other[example]


@_compiled
def _add_products(first, second, result):  # type: ignore[no-untyped-def] # pragma: no cover
    """Add to ``result`` the products of all pairs of rows, summed over examples."""
    for upper in range(first.shape[0]):
        one = first[upper]
        for state in range(second.shape[0]):
            other, total = second[state], np.float32(0)
            for example in range(len(one)):
                total += one[example] * other[example]
            result[upper, state] += total


@_compiled
def _multiply_to_one(factors, chances, total):  # type: ignore[no-untyped-def] # pragma: no cover
    """Multiply ``chances`` by ``factors``, then scale each example's to a sum of one."""
    total[:] = 0
    for state in range(chances.shape[0]):
        row, factor = chances[state], factors[state]
        for example in range(len(total)):
            row[example] *= factor[example]
            total[example] += row[example]
    for example in range(len(total)):
        total[example] = np.float32(1) / total[example]
    for state in range(chances.shape[0]):
        row = chances[state]
        for example in range(len(total)):
            row[example] *= total[example]


@_compiled
def send_up(transitions, emissions, parents, codes, beliefs, messages, likelihoods):  # type: ignore[no-untyped-def] # pragma: no cover
    """Fill beliefs from below and messages to parents; add the scales' logarithms in nats.

    Args:
        transitions: float32 ``(variables, parent's states, states)``.
        emissions: float32 ``(variables, symbols, states)``.
        parents: of each variable; the first variable is the root.
        codes: ``(variables, examples)``.
        beliefs: overwritten; the root's is not scaled.
        messages: overwritten, but for the root's.
        likelihoods: float64 ``(examples,)``, added to.
    """
    variables, states, examples = beliefs.shape
    largest = np.empty(examples, np.float32)
    for variable in range(variables):
        _spread(emissions[variable], codes[variable], beliefs[variable])
    for variable in range(variables - 1, 0, -1):
        belief, message = beliefs[variable], messages[variable]
        above = beliefs[parents[variable]]
        for example in range(examples):
            largest[example] = 0
        for state in range(states):
            row = belief[state]
            for example in range(examples):
                largest[example] = max(largest[example], row[example])
        for example in range(examples):
            likelihoods[example] += np.log(largest[example])
            largest[example] = np.float32(1) / largest[example]
        for state in range(states):
            row = belief[state]
            for example in range(examples):
                row[example] *= largest[example]
        _weighted_sums(transitions[variable], belief, message)
        for state in range(states):
            target, row = above[state], message[state]
            for example in range(examples):
                target[example] *= row[example]


@_compiled
def count_down(transitions, parents, codes, beliefs, messages, pairs, shown):  # type: ignore[no-untyped-def] # pragma: no cover
    """Turn beliefs into posteriors from the root down and add the expected counts.

    Args:
        transitions: float32 ``(variables, parent's states, states)``.
        parents: of each variable; the first variable is the root.
        codes: ``(variables, examples)``.
        beliefs: those from below, the root's its posterior; overwritten by posteriors.
        messages: to the parents; overwritten.
        pairs: float64 ``(variables, parent's states, states)``, added to: expected counts, each
            still to be multiplied by its transition.
        shown: float64 ``(variables, symbols, states)``, added to.
    """
    variables, states, examples = beliefs.shape
    reached = np.empty((states, examples), np.float32)
    total = np.empty(examples, np.float32)
    for variable in range(variables):
        belief = beliefs[variable]
        if variable > 0:
            posterior, above = beliefs[parents[variable]], messages[variable]
            for state in range(states):
                row, source = above[state], posterior[state]
                for example in range(examples):
                    row[example] = source[example] / max(row[example], _MIN_MESSAGE)
            _add_products(above, belief, pairs[variable])
            _weighted_sums(transitions[variable].T, above, reached)
            _multiply_to_one(reached, belief, total)
        for state in range(states):
            row = belief[state]
            for example in range(examples):
                shown[variable, codes[variable, example], state] += row[example]
