"""Many small networks of one shape at once: every seed has weights, inputs and labels of its own.

All tensors carry the seeds in front, so that a step of S networks is a few batched matrix products
instead of S passes through Python. Biases are a row of each weight matrix, on a constant input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from minbits.errors import ArgumentError

WEIGHT_BITS = (1, 2, 4, 8, 32)


@dataclass(frozen=True)
class SeededShape:
    """The shape of one network: an optional convolution, hidden layers and the logits.

    Attributes:
        inputs: input values of one example; a square image, where there is a convolution.
        hidden: units of each hidden fully connected layer, with ReLU; may be empty.
        classes: 2 or more; two classes have a single logit.
        channels: channels of a 3 x 3 convolution of stride 2 with ReLU before them; 0 for none.
        weight_bits: bits of a stored weight, one of 1, 2, 4, 8 and 32 (float).
    """

    inputs: int
    hidden: tuple[int, ...]
    classes: int = 2
    channels: int = 0
    weight_bits: int = 32

    def __post_init__(self) -> None:
        sizes = (self.inputs, *self.hidden)
        if min(sizes) < 1 or self.classes < 2 or self.channels < 0:
            raise ArgumentError(
                "SeededShape", str(self), "sizes of at least 1 and 2 classes", "Correct the shape."
            )
        if self.weight_bits not in WEIGHT_BITS:
            raise ArgumentError(
                "SeededShape", f"{self.weight_bits} bits", f"one of {WEIGHT_BITS}", "Choose one."
            )
        if self.channels and (math.isqrt(self.inputs) ** 2 != self.inputs or self.inputs < 9):
            raise ArgumentError(
                "SeededShape", f"{self.inputs} inputs", "a square of 9 or more", "Pad the image."
            )

    @property
    def matrices(self) -> tuple[tuple[int, int], ...]:
        """Rows (inputs and a bias) and columns (units) of every weight matrix."""
        shapes: list[tuple[int, int]] = []
        width = self.inputs
        if self.channels:
            side = (math.isqrt(self.inputs) - 3) // 2 + 1
            shapes.append((10, self.channels))
            width = side * side * self.channels
        for units in (*self.hidden, 1 if self.classes == 2 else self.classes):
            shapes.append((width + 1, units))
            width = units
        return tuple(shapes)

    @property
    def parameters(self) -> int:
        """Weights and biases of one network."""
        return sum(rows * columns for rows, columns in self.matrices)


def initial_weights(shape: SeededShape, seeds: int, generator: torch.Generator) -> list[Tensor]:
    """Return weights ``(seeds, rows, columns)`` from He's normal distribution, biases zero."""
    weights = []
    for rows, columns in shape.matrices:
        values = torch.randn((seeds, rows, columns), generator=generator)
        values *= math.sqrt(2.0 / (rows - 1))
        values[:, -1] = 0.0
        weights.append(values.requires_grad_())
    return weights


def stored_weights(weights: Tensor, weight_bits: int) -> Tensor:
    """Return what a matrix is with weights of ``weight_bits`` bits; the gradient passes straight.

    One bit: the sign times the mean magnitude of each network's matrix (Rastegari et al. 2016).
    More bits: levels at odd multiples of half a step, symmetric, none of them zero, and as many as
    the bits can tell apart; the step follows from the mean magnitude, one scale a matrix.
    """
    if weight_bits == 32:
        return weights
    scale = weights.detach().abs().mean((1, 2), keepdim=True).clamp_min(1e-12)
    if weight_bits == 1:
        quantised = torch.where(weights >= 0, scale, -scale)
    else:
        levels = 2**weight_bits
        # Three mean magnitudes to each side cover a normal distribution to 2.4 deviations.
        step = 2 * 3.0 * scale / levels
        cell = torch.floor(weights / step).clamp(-levels // 2, levels // 2 - 1)
        quantised = (cell + 0.5) * step
    return weights + (quantised - weights).detach()


def prepare_inputs(shape: SeededShape, inputs: Tensor) -> Tensor:
    """Return inputs ``(seeds, examples, inputs)`` as the first layer reads them.

    A convolution reads patches ``(seeds, examples * positions, 9)``, which stay the same while it
    is trained, so that they are cut out once.
    """
    if not shape.channels:
        return inputs
    seeds, examples, values = inputs.shape
    side = math.isqrt(values)
    images = inputs.reshape(seeds * examples, 1, side, side)
    patches = functional.unfold(images, 3, stride=2)
    return patches.transpose(1, 2).reshape(seeds, -1, 9).contiguous()


def run_networks(shape: SeededShape, weights: Sequence[Tensor], prepared: Tensor) -> Tensor:
    """Return logits ``(seeds, examples, logits)`` of prepared inputs."""
    x = prepared
    last = len(weights) - 1
    for index, raw in enumerate(weights):
        matrix = stored_weights(raw, shape.weight_bits)
        x = torch.baddbmm(matrix[:, -1:], x, matrix[:, :-1])
        if index != last:
            x = functional.relu(x)
        if index == 0 and shape.channels:
            # Positions and channels of one example become its features.
            x = x.reshape(x.shape[0], -1, shape.matrices[1][0] - 1)
    return x


def label_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the code length in nats of every label, shape ``(seeds, examples)``."""
    if logits.shape[2] == 1:
        signs = 2.0 * labels - 1.0
        return functional.softplus(-signs * logits[:, :, 0])
    seeds, examples, classes = logits.shape
    flat = functional.cross_entropy(
        logits.reshape(-1, classes), labels.reshape(-1), reduction="none"
    )
    return flat.reshape(seeds, examples)


def correct_counts(logits: Tensor, labels: Tensor) -> Tensor:
    """Return how many labels of each seed's examples are right, shape ``(seeds,)``."""
    one = logits.shape[2] == 1
    predicted = (logits[:, :, 0] > 0).long() if one else logits.argmax(2)
    return (predicted == labels).sum(1)
