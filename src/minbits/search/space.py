"""The built-in family of small networks: a ladder from safe to tiny, for every shape of input."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from minbits.codec.architecture import Shape
from minbits.networks.zoo import ZooEntry
from minbits.records import DataSet, TrainingRecipe

# Images with sides of at least this many pixels are halved at once by the first convolution.
LARGE_SIDE = 20
SMALL_SIDE = 6


@dataclass(frozen=True)
class Candidate:
    """One rung: an architecture and how to train it.

    Attributes:
        key: short name that the ledger knows it by.
        architecture: text in the grammar.
        recipe: its epochs are the most that are spent; less time means fewer epochs.
    """

    key: str
    architecture: str
    recipe: TrainingRecipe


def _rate_name(rate_weight: float) -> str:
    return f"rate {rate_weight:g}"


def _separable(channels: int) -> str:
    return f"depthwise k3 p1; pointwise {channels} relu"


def _large_image(widths: Sequence[int], classes: int) -> str:
    stem, first, second, third, fourth = widths
    return "; ".join(
        [
            f"conv {stem} k5 s2 p2 relu",
            _separable(first),
            _separable(second),
            "maxpool 2",
            _separable(third),
            f"depthwise k3; pointwise {fourth} relu",
            "avgpool all",
            f"linear {classes}",
        ]
    )


def _small_image(widths: Sequence[int], classes: int) -> str:
    stem, first, second, _, _ = widths
    return "; ".join(
        [
            f"conv {stem} k3 p1 relu",
            _separable(first),
            "maxpool 2",
            _separable(second),
            "avgpool all" if classes <= second else "maxpool 2",
            f"linear {classes}",
        ]
    )


def _vector(widths: Sequence[int], classes: int) -> str:
    return f"linear {widths[1]} relu; linear {classes}"


# Widths of stem and four blocks, and rate weight, from the largest to the smallest.
_RUNGS: tuple[tuple[tuple[int, int, int, int, int], float], ...] = (
    ((16, 32, 32, 48, 48), 0.25),
    ((12, 24, 24, 36, 36), 0.5),
    ((10, 16, 20, 28, 28), 0.7),
    ((10, 16, 20, 28, 28), 1.0),
    ((10, 16, 20, 28, 28), 1.5),
    ((8, 16, 16, 24, 24), 1.5),
    ((8, 12, 12, 20, 20), 1.5),
    ((6, 12, 12, 16, 16), 2.0),
    ((6, 10, 10, 12, 12), 2.5),
    ((5, 8, 8, 10, 10), 3.0),
    ((4, 6, 6, 8, 8), 3.0),
)
START_RUNG = 2

_IMAGE_RECIPE = TrainingRecipe(float_epochs=75, quantized_epochs=90, augmentation=0.8)
_VECTOR_RECIPE = TrainingRecipe(
    float_epochs=60, quantized_epochs=60, batch_size=64, augmentation=0.0
)

# Small sets take more epochs to see as many batches; never more than this many times as many.
_USUAL_EXAMPLES = 20_000
_MOST_REPETITIONS = 6


def _form(shape: Shape) -> tuple[str, TrainingRecipe]:
    side = min(shape[1:])
    if side >= LARGE_SIDE:
        return "large image", _IMAGE_RECIPE
    if side >= SMALL_SIDE:
        return "small image", dataclasses.replace(_IMAGE_RECIPE, batch_size=64)
    return "vector", _VECTOR_RECIPE


_BUILDERS = {"large image": _large_image, "small image": _small_image, "vector": _vector}


def ladder(data: DataSet) -> tuple[Candidate, ...]:
    """Return the candidates for a data set, from the largest to the smallest."""
    form, recipe = _form(data.input_shape)
    repetitions = min(_MOST_REPETITIONS, max(1, _USUAL_EXAMPLES // len(data.train_labels)))
    candidates: list[Candidate] = []
    for widths, rate_weight in _RUNGS:
        architecture = _BUILDERS[form](widths, data.class_count)
        candidates.append(
            Candidate(
                f"{architecture} @ {_rate_name(rate_weight)}",
                architecture,
                dataclasses.replace(
                    recipe,
                    rate_weight=rate_weight,
                    float_epochs=recipe.float_epochs * repetitions,
                    quantized_epochs=recipe.quantized_epochs * repetitions,
                ),
            )
        )
    return tuple(candidates)


def zoo_candidate(name: str, entry: ZooEntry) -> Candidate:
    """Return the single candidate that a network of the zoo makes."""
    key = f"{name} @ {_rate_name(entry.recipe.rate_weight)}"
    return Candidate(key, entry.architecture, entry.recipe)
