"""What a search tries: candidates, and how long small data sets train."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from minbits.networks.zoo import ZooEntry
from minbits.types import DataSet, TrainingRecipe

# Small sets take more epochs to see as many batches; never more than this many times as many.
_USUAL_EXAMPLES = 20_000
_MAX_REPETITIONS = 6


@dataclass(frozen=True)
class Candidate:
    """An architecture and how to train it.

    Attributes:
        key: short name that the ledger knows it by.
        architecture: text in the grammar.
        recipe: its epochs are the most that are spent; less time means fewer epochs.
    """

    key: str
    architecture: str
    recipe: TrainingRecipe


def rated_candidate(architecture: str, recipe: TrainingRecipe) -> Candidate:
    """Return a candidate that is known by its architecture and its rate weight."""
    return Candidate(f"{architecture} @ rate {recipe.rate_weight:g}", architecture, recipe)


def repeated(recipe: TrainingRecipe, data: DataSet) -> TrainingRecipe:
    """Return a recipe with more epochs where a data set is small: its epochs have fewer batches."""
    times = min(_MAX_REPETITIONS, max(1, _USUAL_EXAMPLES // len(data.train_labels)))
    return dataclasses.replace(
        recipe,
        float_epochs=recipe.float_epochs * times,
        quantized_epochs=recipe.quantized_epochs * times,
        finishing_epochs=recipe.finishing_epochs * times,
    )


def zoo_candidate(name: str, entry: ZooEntry) -> Candidate:
    """Return the single candidate that a network of the zoo makes."""
    key = f"{name} @ rate {entry.recipe.rate_weight:g}"
    return Candidate(key, entry.architecture, entry.recipe)
