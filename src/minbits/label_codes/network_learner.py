"""Small convolutional or fully connected networks as learners of labels, in full precision."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from minbits.information.temperature import tempered_log_probabilities
from minbits.label_codes.task import Floats, Task
from minbits.networks.grammar import parse_architecture
from minbits.training.choice import choose_engine
from minbits.training.context import TrainingContext
from minbits.training.float_phase import train_float
from minbits.training.loop import TrainingData
from minbits.types import TrainingRecipe

Size = Literal["tiny", "small", "large"]

_LARGE_SIDE, _SMALL_SIDE, _SHORTEST_SEQUENCE = 20, 6, 16
_WIDTHS: dict[Size, tuple[int, ...]] = {
    "tiny": (8, 8, 12, 14, 14),
    "small": (12, 12, 18, 24, 24),
    "large": (24, 32, 48, 64, 64),
}
# Of images with sides of `_LARGE_SIDE` and more.
_THIN_WIDTHS: dict[Size, tuple[int, ...]] = {
    "tiny": (8, 8, 12, 14, 14),
    "small": (24, 32, 48, 64, 64),
    "large": (32, 48, 72, 96, 96),
}
_HIDDEN: dict[Size, tuple[int, ...]] = {"tiny": (8,), "small": (32,), "large": (128, 64)}
_AUGMENTATION = 0.4
# Strength of elastic distortion, of such images.
_ELASTIC = 1.0
# Epochs fall as the square root of the labels seen, from so many at 10,000.
_EPOCHS, _AT = 30, 10_000
_MAX_EPOCHS = 400


def network_text(shape: tuple[int, int, int], classes: int, size: Size) -> str:
    """Return the architecture that learns inputs of a shape, in the grammar."""
    stem, *blocks = _WIDTHS[size]
    _, height, width = shape
    if min(height, width) >= _LARGE_SIDE:
        stem, *blocks = _THIN_WIDTHS[size]
        thin = "; ".join(f"depthwise k3; pointwise {block} leaky_relu" for block in blocks)
        return f"conv {stem} k3 leaky_relu; maxpool 2; {thin}; avgpool all; linear {classes}"
    if min(height, width) >= _SMALL_SIDE:
        first, second = blocks[1], blocks[2]
        return (
            f"conv {stem} k3 p1 relu; conv {first} k3 p1 relu; maxpool 2; "
            f"conv {second} k3 p1 relu; avgpool all; linear {classes}"
        )
    if height == 1 and width >= _SHORTEST_SEQUENCE:
        thin = "; ".join(
            f"maxpool 2; depthwise k3 flat; pointwise {block} leaky_relu" for block in blocks[:2]
        )
        return f"conv {stem} k5 flat leaky_relu; {thin}; avgpool all; linear {classes}"
    hidden = "; ".join(f"linear {units} relu" for units in _HIDDEN[size])
    return f"{hidden}; linear {classes}"


def epochs_for(seen: int, effort: float) -> int:
    """Return how many epochs a network is trained on so many labels."""
    epochs = effort * _EPOCHS * math.sqrt(_AT / seen)
    return int(min(max(round(epochs), 1), _MAX_EPOCHS))


def network_probabilities(task: Task, size: Size) -> Floats:
    """Train one network on the labels seen, and return its probabilities of the block."""
    channels, height, width = task.seen_inputs.shape[1:]
    shape = (int(channels), int(height), int(width))
    architecture = parse_architecture(network_text(shape, task.classes, size), shape, 0)
    seen = len(task.seen_labels)
    batch = 128 if seen >= 5000 else 64 if seen >= 640 else 16
    recipe = TrainingRecipe(
        float_epochs=epochs_for(seen, task.effort),
        quantized_epochs=0,
        batch_size=batch,
        learning_rate=8e-3,
        weight_decay=1e-3,
        augmentation=_AUGMENTATION if min(height, width) >= _SMALL_SIDE else 0.0,
        elastic=_ELASTIC if min(height, width) >= _LARGE_SIDE else 0.0,
    )
    data = TrainingData(task.seen_inputs, task.seen_labels)
    engine = choose_engine("auto", architecture, recipe, batch)
    context = TrainingContext(recipe, task.seed, data, data.part(1), engine)
    values = train_float(architecture, context)
    logits = engine.logits(architecture, values, task.new_inputs)
    return np.exp(tempered_log_probabilities(logits, 1.0))[None]
