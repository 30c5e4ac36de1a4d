"""What ``minbits size mnist`` does with one candidate, on both engines side by side.

The same network, recipe and seeds: bits of the file, validation accuracy of the decoded file, and
processor time. Few epochs, so that PyTorch ends too.
"""

from __future__ import annotations

import os
import sys
import time

# The settings of search workers, before PyTorch and the allocator start.
if os.environ.get("MINBITS_RECIPE") != "started":
    from minbits.workers.environment import WORKER_ENVIRONMENT

    os.environ.update(WORKER_ENVIRONMENT, MINBITS_RECIPE="started")
    os.execv(sys.executable, [sys.executable, *sys.argv])

import minbits
from minbits.search.ladder import START_RUNG, ladder
from minbits.search.precompile import precompile
from minbits.search.trial import run_trial
from minbits.types import TrainingRecipe, TrialConfig
from minbits.workers.work import WorkerContext

SEEDS = range(2)
RECIPE = TrainingRecipe(float_epochs=4, quantized_epochs=4)


def main() -> int:
    """Run the trials in turn and print a row for each and the ratio of the sums."""
    mnist = minbits.load("mnist")
    text = ladder(mnist)[START_RUNG].architecture
    precompile()
    print(f"{text}\n{RECIPE.float_epochs} + {RECIPE.quantized_epochs} epochs", flush=True)
    seconds = {"torch": 0.0, "lanes": 0.0}
    for seed in SEEDS:
        for engine in ("torch", "lanes"):
            start = time.process_time()
            result = run_trial(TrialConfig(text, RECIPE, seed, engine), mnist, 0, WorkerContext())
            spent = time.process_time() - start
            seconds[engine] += spent
            if result.network_file is None or result.validation_accuracy is None:
                print(f"seed {seed}, {engine}: {result.status}: {result.error}")
                return 1
            print(
                f"seed {seed}, {engine}: {8 * len(result.network_file):,} bits, validation "
                f"{100 * result.validation_accuracy:.2f} %, {spent:.1f} s",
                flush=True,
            )
    print(f"time with lanes over time with PyTorch: {seconds['lanes'] / seconds['torch']:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
