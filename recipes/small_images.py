"""Forms of networks for small images: whole trials on digits, and going on from their files.

``python recipes/small_images.py [SEEDS]`` (6) trains three forms from random weights, each at two
rate weights, and once more from the file that came of it, with all weights free: kernels of their
own with normalised batches; the same with `rmsnorm` and one more convolution before the mean; and
that with the kernels of the first convolution in all others. No test set is looked at. Two minutes
a seed on one core.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from batch_and_freezing import facts

from minbits.data import load
from minbits.files import sha256_hex
from minbits.search.tasks import TrialTask
from minbits.search.trial import run_task
from minbits.types import TrainingRecipe, TrialConfig, TrialOutcome
from minbits.workers.work import WorkerContext

RECIPE = TrainingRecipe(
    200, 720, 32, augmentation=0.8, quantized_learning_rate=2e-3, step_training_end=0.3,
    freezing_start=0.4, freezing_softness=0.25,
)  # fmt: skip


def form(stem: int, widths: tuple[int, int], norm: str, spatial: str, last: str) -> str:
    """Return the text of a network."""
    blocks = [f"{norm}{spatial} k3 p1; pointwise {width} leaky_relu" for width in widths]
    return (
        f"conv {stem} k3 p1 leaky_relu; {blocks[0]}; maxpool 2; {blocks[1]}; {last}"
        "avgpool all; linear 10"
    )


BATCHES = form(10, (10, 14), "", "depthwise", "")
OWN = form(10, (10, 14), "rmsnorm; ", "depthwise", "rmsnorm; depthwise k3 p1; ")
SHARED = form(8, (16, 24), "rmsnorm; ", "shared", "rmsnorm; shared k3 p1; ")
# Name, network, whether batches are normalised, rate weights.
FORMS = (
    ("normalised batches", BATCHES, True, (0.8, 1.2)),
    ("rmsnorm", OWN, False, (0.6, 0.8)),
    ("rmsnorm, shared kernels", SHARED, False, (0.4, 0.6)),
)


def main() -> None:
    """Print a table."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    data = load("digits")

    def trial(text: str, recipe: TrainingRecipe, seed: int, parent: bytes | None) -> TrialOutcome:
        sha = None if parent is None else sha256_hex(parent)
        move = None if parent is None else "continue"
        config = TrialConfig(text, recipe, seed, "lanes", sha, move)
        found = run_task(TrialTask(config, 0, parent_file=parent), data, WorkerContext())
        if found.status != "done":
            raise SystemExit(f"seed {seed}: {found.error}")
        return found

    print(f"digits, {seeds} seeds; means and their standard errors")
    for name, text, _, _ in FORMS:
        print(f"{name}: {text}")
    print("| form | rate weight | start | bits | validation | training | s |")
    print("|---|---|---|---|---|---|---|")
    for name, text, batches, rates in FORMS:
        for rate in rates:
            first, later = [], []
            for seed in range(seeds):
                recipe = replace(RECIPE, rate_weight=rate, batch_normalisation=batches)
                found = trial(text, recipe, seed, None)
                first.append(facts(found))
                recipe = replace(recipe, float_epochs=0)
                later.append(facts(trial(text, recipe, 1000 + seed, found.network_file)))
            for start, rows in (("random weights", first), ("the file", later)):
                means = np.mean(rows, 0)
                errors = np.std(rows, 0, ddof=1) / len(rows) ** 0.5
                print(
                    f"| {name} | {rate:g} | {start} | {means[0]:,.0f} ± {errors[0]:.0f} | "
                    f"{means[1]:.2f} ± {errors[1]:.2f} % | {means[2]:.2f} ± {errors[2]:.2f} % | "
                    f"{means[3]:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
