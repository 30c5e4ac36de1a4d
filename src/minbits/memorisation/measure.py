"""Measured memorisation: the number of random labels that half of all seeds fit perfectly."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from minbits.errors import ArgumentError
from minbits.label_codes.given_logits import residual_code_bits
from minbits.memorisation.logistic_step import HalfPoint, fit_half_point
from minbits.memorisation.seeded_networks import (
    SeededShape,
    correct_counts,
    initial_weights,
    label_losses,
    prepare_inputs,
    run_networks,
)
from minbits.units import nats_to_bits

CHECK_EVERY = 50


@dataclass(frozen=True)
class FitSettings:
    """How hard memorising is tried: full-batch Adam with a cosine schedule."""

    steps: int = 3000
    learning_rate: float = 0.02


@dataclass(frozen=True)
class Fit:
    """What many seeds memorised of as many random data sets of one size.

    Attributes:
        examples: N, labels a seed.
        classes: C.
        correct: labels right in the end, a seed.
        residual_bits: code length of the labels given the network, a seed (`residual_code_bits`);
            of its own softmax, at the scale that it was trained at, no temperature being told.
        steps: steps taken; fewer than allowed where every seed had fitted its labels.
    """

    examples: int
    classes: int
    correct: tuple[int, ...]
    residual_bits: tuple[float, ...]
    steps: int

    @property
    def perfect(self) -> int:
        """How many seeds got every label right."""
        return sum(count == self.examples for count in self.correct)

    @property
    def memorised_bits(self) -> tuple[float, ...]:
        """``N log2 C`` less the residual code length, a seed."""
        total = self.examples * math.log2(self.classes)
        return tuple(total - residual for residual in self.residual_bits)


def random_task(
    shape: SeededShape, examples: int, seeds: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return Gaussian inputs ``(seeds, examples, inputs)`` and uniform labels."""
    inputs = torch.randn((seeds, examples, shape.inputs), generator=generator)
    labels = torch.randint(0, shape.classes, (seeds, examples), generator=generator)
    return inputs, labels


def fit_labels(
    shape: SeededShape,
    inputs: Tensor,
    labels: Tensor,
    settings: FitSettings,
    seed: int,
    after_check: Callable[[int, Tensor, list[Tensor]], None] | None = None,
) -> Fit:
    """Train one network a seed on its own examples until all are right or the steps are spent.

    Args:
        shape: of every network.
        inputs: shape ``(seeds, examples, inputs)``, float32.
        labels: shape ``(seeds, examples)``, int64 below ``shape.classes``.
        settings: steps and learning rate.
        seed: of the initial weights.
        after_check: called every 50 steps with the step, the code length of each seed's labels in
            bits, and the weights; training then never ends early.

    Raises:
        ArgumentError: if arrays do not fit the shape.
    """
    if inputs.ndim != 3 or inputs.shape[2] != shape.inputs or labels.shape != inputs.shape[:2]:
        raise ArgumentError(
            "fit_labels",
            f"inputs {tuple(inputs.shape)} and labels {tuple(labels.shape)}",
            f"(seeds, examples, {shape.inputs}) and (seeds, examples)",
            "Match the arrays.",
        )
    generator = torch.Generator().manual_seed(seed)
    weights = initial_weights(shape, inputs.shape[0], generator)
    prepared = prepare_inputs(shape, inputs)
    optimizer = torch.optim.Adam(weights, settings.learning_rate)
    examples = labels.shape[1]
    step = 0
    while True:
        logits = run_networks(shape, weights, prepared)
        losses = label_losses(logits, labels)
        if step % CHECK_EVERY == 0 or step == settings.steps:
            correct = correct_counts(logits.detach(), labels)
            soft_bits = nats_to_bits(1.0) * losses.detach().sum(1)
            if after_check is not None:
                after_check(step, soft_bits, weights)
            elif bool((correct == examples).all()):
                break
            if step == settings.steps:
                break
        optimizer.zero_grad(set_to_none=True)
        # Each seed's mean: seeds do not influence one another.
        losses.mean(1).sum().backward()  # type: ignore[no-untyped-call]
        rate = 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * max(rate, 0.01)
        optimizer.step()
        step += 1
    residual = tuple(
        residual_code_bits(bits, examples - right, examples, shape.classes)
        for bits, right in zip(soft_bits.tolist(), correct.tolist(), strict=True)
    )
    return Fit(examples, shape.classes, tuple(correct.tolist()), residual, step)


def fit_random_labels(
    shape: SeededShape, examples: int, seeds: int, settings: FitSettings, seed: int
) -> Fit:
    """Draw ``seeds`` random data sets of ``examples`` labels and fit them.

    Raises:
        ArgumentError: with fewer than one example or seed.
    """
    if examples < 1 or seeds < 1:
        raise ArgumentError(
            "fit_random_labels", f"{examples} examples, {seeds} seeds", "1 or more", "Give more."
        )
    generator = torch.Generator().manual_seed(1_000_003 * seed + examples)
    inputs, labels = random_task(shape, examples, seeds, generator)
    return fit_labels(shape, inputs, labels, settings, seed)


@dataclass(frozen=True)
class Memorisation:
    """The measured memory of one shape.

    Attributes:
        shape: of the networks.
        fits: every size tried.
        half: the number of labels that half of the seeds fit perfectly, with a 95 % interval.
        most_bits: the largest mean of ``N log2 C - residual`` over the sizes tried.
    """

    shape: SeededShape
    fits: tuple[Fit, ...]
    half: HalfPoint
    most_bits: float

    @property
    def bits_per_parameter(self) -> float:
        """Bits of labels a parameter where half of the seeds fit them all."""
        return self.half.value * math.log2(self.shape.classes) / self.shape.parameters

    @property
    def interval_per_parameter(self) -> tuple[float, float]:
        """The 95 % interval of `bits_per_parameter`."""
        scale = math.log2(self.shape.classes) / self.shape.parameters
        return (self.half.low * scale, self.half.high * scale)


def measure_memorisation(
    shape: SeededShape,
    seeds: int,
    settings: FitSettings,
    seed: int,
    first_guess: float = 1.0,
    refinements: int = 3,
) -> Memorisation:
    """Find the number of random labels that half of the seeds fit perfectly.

    Sizes grow or shrink by a quarter until the fraction of perfect seeds lies on both sides of one
    half, then the bracket is halved ``refinements`` times on a logarithmic scale. The estimate is
    of what this training finds: a lower bound of what the shape can hold.

    Args:
        shape: of the networks.
        seeds: networks at each size.
        settings: of the training.
        seed: of everything random.
        first_guess: where to start, in labels a parameter.
        refinements: halvings of the bracket.
    """
    fits: dict[int, Fit] = {}

    def perfect_fraction(examples: int) -> float:
        if examples not in fits:
            fits[examples] = fit_random_labels(shape, examples, seeds, settings, seed)
        return fits[examples].perfect / seeds

    low = high = max(1, round(first_guess * shape.parameters))
    if perfect_fraction(low) >= 0.5:
        while perfect_fraction(high) >= 0.5:
            low, high = high, math.ceil(high * 1.25)
    else:
        while low > 1 and perfect_fraction(low) < 0.5:
            low, high = math.floor(low / 1.25), low
    for _ in range(refinements):
        middle = round(math.sqrt(low * high))
        if middle in (low, high):
            break
        if perfect_fraction(middle) >= 0.5:
            low = middle
        else:
            high = middle
    tried = tuple(fits[examples] for examples in sorted(fits))
    half = fit_half_point(
        np.array([fit.examples for fit in tried]),
        np.array([fit.perfect for fit in tried]),
        np.full(len(tried), seeds),
    )
    most = max(float(np.mean(fit.memorised_bits)) for fit in tried)
    return Memorisation(shape, tried, half, most)
