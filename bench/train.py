"""Seconds an epoch of the engines, side by side in one run: ``python bench/train.py``.

Each round trains one epoch of a slice of MNIST with every engine in turn, augmentation included, on
one thread; the figures are medians over the rounds, and the ratios are of medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time

import numpy as np

EXAMPLES = 12_800
NETWORKS = {
    "main job": (
        "conv 10 k5 s2 p2 relu; depthwise k3 p1; pointwise 16 relu; depthwise k3 p1; "
        "pointwise 20 relu; maxpool 2; depthwise k3 p1; pointwise 28 relu; depthwise k3; "
        "pointwise 28 relu; avgpool all; linear 10"
    ),
    "16-32-32 channels": (
        "conv 16 k3 s2 p1 relu; depthwise k3 p1; pointwise 32 relu; maxpool 2; depthwise k3 p1; "
        "pointwise 32 relu; avgpool all; linear 10"
    ),
    "dense convolutions": (
        "conv 8 k3 s2 p1 relu; conv 12 k3 p1 relu; maxpool 2; conv 12 k3 relu; avgpool all; "
        "linear 10"
    ),
    "fully connected 64": "linear 64 relu; linear 10",
}


def main() -> int:
    """Print medians and ratios for every network and phase."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()

    # Environment first: PyTorch and the allocator read it when they start.
    from minbits.search.workers import WORKER_ENVIRONMENT

    if any(os.environ.get(name) != value for name, value in WORKER_ENVIRONMENT.items()):
        os.environ.update(WORKER_ENVIRONMENT)
        os.execv(sys.executable, [sys.executable, *sys.argv])

    import torch

    from minbits.compression.quantized_phase import train_quantized
    from minbits.data import load
    from minbits.networks.zoo import architecture_for
    from minbits.records import TrainingRecipe
    from minbits.training.engine import LanesEngine, TorchEngine
    from minbits.training.float_phase import train_float
    from minbits.training.loop import TrainingData, training_data

    torch.set_num_threads(1)
    mnist = load("mnist")
    data = training_data(mnist, np.arange(EXAMPLES), torch.device("cpu"))
    few = TrainingData(data.inputs[:32], data.labels[:32])
    recipe = TrainingRecipe(1, 1)
    engines = (TorchEngine(), LanesEngine())
    results: dict[str, dict[str, float]] = {}
    for name, text in NETWORKS.items():
        architecture = architecture_for(text, mnist)
        seconds: dict[str, list[float]] = {}
        for round_number in range(arguments.rounds + 1):
            for engine in engines:
                start = time.perf_counter()
                network = train_float(
                    architecture, recipe, 0, data, few, lambda e, a: None, lambda: False, engine
                )
                middle = time.perf_counter()
                tensors = network.folded_tensors()
                train_quantized(
                    architecture, tensors, recipe, 0, data, few,
                    lambda e, a, b: None, lambda: False, engine,
                )  # fmt: skip
                end = time.perf_counter()
                if round_number:  # the first round compiles and warms up
                    seconds.setdefault(f"{engine.name} float", []).append(middle - start)
                    seconds.setdefault(f"{engine.name} quantised", []).append(end - middle)
        scale = 60_000 / EXAMPLES
        found = {key: scale * statistics.median(values) for key, values in seconds.items()}
        for phase in ("float", "quantised"):
            found[f"ratio {phase}"] = found[f"torch {phase}"] / found[f"lanes {phase}"]
        results[name] = {key: round(value, 3) for key, value in found.items()}
        if not arguments.json:
            print(name, results[name], flush=True)
    if arguments.json:
        print(json.dumps(results, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
