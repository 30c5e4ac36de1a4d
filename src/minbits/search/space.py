"""The built-in family of small networks: a ladder from safe to tiny, for every shape of input."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from minbits.codec.architecture import tensor_shapes
from minbits.layers.base import Shape
from minbits.networks.zoo import ZooEntry, architecture_for
from minbits.types import DataSet, TrainingRecipe

# Images with sides of at least this many pixels are halved at once by the first convolution.
LARGE_SIDE = 20
SMALL_SIDE = 6
SHORTEST_SEQUENCE = 16


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


def _thin(channels: int) -> str:
    return f"depthwise k3; pointwise {channels} leaky_relu"


def _large_image(widths: Sequence[int], classes: int) -> str:
    """Thin and deep, without padding: of what was tried, the most accurate for its parameters.

    The form is that of a net of 697 parameters by J. Warn (Parameter-Efficient-MNIST).
    """
    stem, *blocks = widths
    return "; ".join(
        [
            "views 5",
            f"conv {stem} k3 leaky_relu",
            "maxpool 2",
            *(_thin(width) for width in blocks),
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


def _sequence(widths: Sequence[int], classes: int) -> str:
    stem, first, second, _, _ = widths
    return "; ".join(
        [
            f"conv {stem} k5 flat leaky_relu",
            f"maxpool 2; depthwise k3 flat; pointwise {first} leaky_relu",
            f"maxpool 2; depthwise k3 flat; pointwise {second} leaky_relu",
            "avgpool all",
            f"linear {classes}",
        ]
    )


def _vector(widths: Sequence[int], classes: int) -> str:
    return f"linear {widths[1]} relu; linear {classes}"


# Widths of stem and four blocks, and rate weight, from the largest to the smallest.
_Rungs = tuple[tuple[tuple[int, int, int, int, int], float], ...]
_LARGE_RUNGS: _Rungs = (
    ((20, 24, 32, 48, 48), 0.7),
    ((16, 16, 24, 32, 32), 0.5),
    ((12, 12, 18, 20, 20), 1.5),
    ((10, 10, 14, 16, 16), 2.4),
    ((10, 10, 14, 16, 16), 4.0),
    ((10, 10, 14, 16, 16), 6.0),
    ((10, 10, 14, 16, 16), 9.0),
    ((10, 10, 14, 16, 16), 14.0),
    ((8, 8, 12, 14, 14), 18.0),
    ((8, 8, 12, 14, 14), 28.0),
    ((6, 6, 9, 10, 10), 28.0),
    ((5, 5, 6, 8, 8), 36.0),
    ((4, 4, 5, 6, 6), 36.0),
)
_RUNGS: _Rungs = (
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
# On large images: up to this share of errors, where to start. A guess, that the search corrects.
_LARGE_STARTS = ((0.007, 0), (0.012, 3), (0.016, 5), (0.022, 6), (0.035, 8), (0.06, 9), (1.0, 10))

_IMAGE_RECIPE = TrainingRecipe(float_epochs=75, quantized_epochs=90, augmentation=0.8)
# Thin nets go on improving over hundreds of epochs.
_LARGE_RECIPE = TrainingRecipe(
    float_epochs=150,
    quantized_epochs=200,
    augmentation=0.8,
    step_training_end=0.3,
    freezing_start=0.4,
)
_SEQUENCE_RECIPE = TrainingRecipe(
    float_epochs=60,
    quantized_epochs=60,
    batch_size=64,
    augmentation=0.0,
    step_training_end=0.3,
    freezing_start=0.4,
)
_VECTOR_RECIPE = TrainingRecipe(
    float_epochs=60, quantized_epochs=60, batch_size=64, augmentation=0.0
)

# Small sets take more epochs to see as many batches; never more than this many times as many.
_USUAL_EXAMPLES = 20_000
_MOST_REPETITIONS = 6


def _form(shape: Shape) -> tuple[str, TrainingRecipe]:
    if shape[1] == 1 and shape[2] >= SHORTEST_SEQUENCE:
        return "sequence", _SEQUENCE_RECIPE
    side = min(shape[1:])
    if side >= LARGE_SIDE:
        return "large image", _LARGE_RECIPE
    if side >= SMALL_SIDE:
        return "small image", dataclasses.replace(_IMAGE_RECIPE, batch_size=64)
    return "vector", _VECTOR_RECIPE


_BUILDERS = {
    "large image": _large_image,
    "small image": _small_image,
    "sequence": _sequence,
    "vector": _vector,
}


def ladder(data: DataSet) -> tuple[Candidate, ...]:
    """Return the candidates for a data set, from the largest to the smallest."""
    form, _ = _form(data.input_shape)
    rungs = _LARGE_RUNGS if form == "large image" else _RUNGS
    return tuple(
        own_candidate(_BUILDERS[form](widths, data.class_count), rate_weight, data)
        for widths, rate_weight in rungs
    )


def start_rung(data: DataSet, accuracy: float) -> int:
    """Return the rung of the ladder to start from when nothing is known."""
    form, _ = _form(data.input_shape)
    if form != "large image":
        return START_RUNG
    # Rounded, since 1 - 0.988 is a little more than 0.012.
    return next(rung for errors, rung in _LARGE_STARTS if round(1 - accuracy, 9) <= errors)


def is_large_image(data: DataSet) -> bool:
    """Return whether inputs are images of the larger form, on which a trial takes minutes."""
    return _form(data.input_shape)[0] == "large image"


def repetitions(data: DataSet) -> int:
    """Return how many times the usual epochs a data set gets: small ones have fewer batches."""
    return min(_MOST_REPETITIONS, max(1, _USUAL_EXAMPLES // len(data.train_labels)))


def own_candidate(architecture: str, rate_weight: float, data: DataSet) -> Candidate:
    """Return an architecture of the user's as a candidate, trained as the ladder's are.

    Raises:
        NetworkError: if the text is not in the grammar or does not fit the data.
    """
    tensor_shapes(architecture_for(architecture, data))
    _, recipe = _form(data.input_shape)
    times = repetitions(data)
    return Candidate(
        f"{architecture} @ {_rate_name(rate_weight)}",
        architecture,
        dataclasses.replace(
            recipe,
            rate_weight=rate_weight,
            float_epochs=recipe.float_epochs * times,
            quantized_epochs=recipe.quantized_epochs * times,
        ),
    )


def zoo_candidate(name: str, entry: ZooEntry) -> Candidate:
    """Return the single candidate that a network of the zoo makes."""
    key = f"{name} @ {_rate_name(entry.recipe.rate_weight)}"
    return Candidate(key, entry.architecture, entry.recipe)
