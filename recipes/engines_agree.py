"""Both engines train to the same accuracy: five epochs from the same seeds, and a rank test.

The engines agree but for rounding, which training amplifies: the same seed ends in other weights.
So accuracies are compared as two samples, by the Mann-Whitney test, whose hypothesis is that
neither engine tends to be the better one. Validation examples only; the test set is not looked at.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import torch
from scipy.stats import mannwhitneyu

import minbits
from minbits.data.splits import validation_split
from minbits.networks.zoo import architecture_for
from minbits.training.context import TrainingContext
from minbits.training.engine import Engine
from minbits.training.float_phase import train_float
from minbits.training.lanes.engine import LanesEngine
from minbits.training.loop import training_data
from minbits.training.torch_engine import TorchEngine
from minbits.types import TrainingRecipe

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

from speed.cases import CASES

SEEDS = range(12)
EXAMPLES = 12_800
RECIPE = TrainingRecipe(float_epochs=5, quantized_epochs=1)
MIN_P = 0.01


def main() -> int:
    """Train, print a table a network, and fail if the engines differ."""
    torch.set_num_threads(1)
    mnist = minbits.load("mnist")
    kept, held_out = validation_split(mnist)
    data, validation = training_data(mnist, kept[:EXAMPLES]), training_data(mnist, held_out)
    engines: list[Engine] = [TorchEngine(torch.device("cpu")), LanesEngine()]
    agree = True
    for name in ("main-job", "connected-64-mnist"):
        architecture = architecture_for(CASES[name].network, mnist)
        print(f"{name}: {CASES[name].network}")
        print(f"{EXAMPLES:,} examples, 5 epochs, accuracy on {len(held_out):,} validation examples")
        samples: dict[str, list[float]] = {engine.name: [] for engine in engines}
        for seed in SEEDS:
            row = []
            for engine in engines:
                reports: list[float] = []
                start = time.perf_counter()
                context = TrainingContext(
                    RECIPE, seed, data, validation, engine,
                    lambda done, reports=reports: reports.append(done.validation_accuracy),
                )  # fmt: skip
                train_float(architecture, context)
                samples[engine.name].append(reports[-1])
                row.append(f"{engine.name} {100 * reports[-1]:.2f} %")
                row.append(f"{time.perf_counter() - start:.1f} s")
            print(f"seed {seed}: {', '.join(row)}", flush=True)
        for engine_name, found in samples.items():
            print(
                f"{engine_name}: median {100 * statistics.median(found):.2f} %, "
                f"from {100 * min(found):.2f} to {100 * max(found):.2f} %"
            )
        test = mannwhitneyu(samples["torch"], samples["lanes"])
        print(
            f"Mann-Whitney U = {test.statistic:.1f} of {len(SEEDS) ** 2}, p = {test.pvalue:.3f}\n"
        )
        agree = agree and test.pvalue > MIN_P
    print("the engines agree" if agree else "THE ENGINES DIFFER")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
