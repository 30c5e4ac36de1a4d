"""Real labels against random ones (Zhang et al. 2017), in bits."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import torch
from random_labels_chart import LabelCurve, draw_random_labels
from torch import Tensor
from torch.nn import functional

from minbits.data import load
from minbits.data.splits import validation_split
from minbits.label_codes.given_logits import labels_given_network_bits
from minbits.memorisation.measure import FitSettings, fit_labels
from minbits.memorisation.seeded_networks import SeededShape, prepare_inputs, run_networks

SEEDS, EXAMPLES, HELD_OUT, SIDE = 3, 1000, 2000, 14
SHAPE = SeededShape(SIDE * SIDE, (64,), classes=10)
SETTINGS = FitSettings(steps=600, learning_rate=0.005)
FRACTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)


def examples(indices: np.ndarray) -> Tensor:
    data = load("mnist")
    images = torch.from_numpy(data.train_inputs[indices]).float() / 256
    return functional.avg_pool2d(images, 2).flatten(1)


def measure(fraction: float) -> LabelCurve:
    data = load("mnist")
    kept, held_out = validation_split(data)
    generator = np.random.default_rng(0)
    chosen = np.stack([generator.permutation(kept)[:EXAMPLES] for _ in range(SEEDS)])
    inputs = torch.stack([examples(row) for row in chosen])
    labels = data.train_labels[chosen]
    drawn = generator.integers(0, 10, labels.shape)
    # The first so many examples of each seed, whose order is random, get a label at random.
    labels[:, : round(fraction * EXAMPLES)] = drawn[:, : round(fraction * EXAMPLES)]
    test_inputs = examples(held_out[:HELD_OUT]).expand(SEEDS, -1, -1)
    test_labels = data.train_labels[held_out[:HELD_OUT]]
    steps: list[int] = []
    residual: list[float] = []
    told: list[float] = []

    def after_check(step: int, bits: Tensor, weights: list[Tensor]) -> None:
        steps.append(step)
        residual.append(float(bits.mean()) / EXAMPLES)
        if step == SETTINGS.steps:
            with torch.no_grad():
                logits = run_networks(SHAPE, weights, prepare_inputs(SHAPE, test_inputs))
            for one in logits.numpy():
                told_bits = labels_given_network_bits(one, test_labels) / HELD_OUT
                told.append(max(0.0, math.log2(10) - told_bits))

    fit = fit_labels(
        SHAPE, inputs, torch.from_numpy(labels), SETTINGS, seed=1, after_check=after_check
    )
    memorised = float(np.mean(fit.memorised_bits))
    half = next(
        (s for s, bits in zip(steps, residual, strict=True) if bits < math.log2(10) / 2), None
    )
    print(
        f"{100 * fraction:>6.0f} %{EXAMPLES * math.log2(10):>10,.0f}{memorised:>11,.0f}"
        f"{memorised / SHAPE.parameters:>12.3f}{half or '-':>12}{np.mean(told):>13.3f}",
        flush=True,
    )
    return LabelCurve(fraction, tuple(steps), tuple(residual), float(np.mean(told)))


def main() -> None:
    torch.set_num_threads(1)
    start = time.perf_counter()
    print(f"{EXAMPLES} MNIST images of 14 x 14, {SHAPE.parameters:,} parameters, {SEEDS} seeds")
    print("random    label bits  memorised  bits/weight  steps, half  told, new one")
    curves = [measure(fraction) for fraction in FRACTIONS]
    picture = draw_random_labels(curves, math.log2(10))
    picture.save(Path("docs/images/random-labels.png"))
    print("memorised: N log2 10 less the code length of the labels given the network; steps, half:")
    print("until half of the labels' bits are gone; told: bits of a held-out label, calibrated")
    print(f"Picture: docs/images/random-labels.png; {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
