"""Whether the weight of the rate penalty moves a network along the curve of the bottleneck.

``python recipes/plane_rate.py [SEEDS]`` (3) trains minbits' own networks on Tishby's problem, with
hidden layers of 10, 7, 5, 4 and 3 units and tanh of four bits, under rate penalties of several
weights. Of each file, decoded again: its size, its accuracy on the test set, and what each layer
says of input and label over all 4,096 patterns. Activations have 16 values, so that nothing is
estimated. Means over seeds.
"""

from __future__ import annotations

import sys

import numpy as np

import minbits
from minbits.codec.architecture import run_order
from minbits.codec.file_format import decode_network
from minbits.codec.forward import run_steps
from minbits.information.layer_information import counted_information
from minbits.search.trial import run_trial
from minbits.studies.plane import measured_examples
from minbits.types import TrainingRecipe, TrialConfig
from minbits.workers.work import WorkerContext

WEIGHTS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
HIDDEN = (10, 7, 5, 4, 3)
ARCHITECTURE = "; ".join([f"linear {units} tanh_4bit" for units in HIDDEN] + ["linear 2"])
EPOCHS = 150


def recipe(rate_weight: float) -> TrainingRecipe:
    return TrainingRecipe(
        float_epochs=EPOCHS, quantized_epochs=EPOCHS, batch_size=128, learning_rate=8e-3,
        augmentation=0.0, batch_normalisation=False, rate_weight=rate_weight,
    )  # fmt: skip


def main() -> None:
    """Print a table, one line a weight."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    data = minbits.load("tishby")
    examples = measured_examples(data)
    inputs = np.ascontiguousarray(examples.inputs.T)[:, None, None, :]
    print("rate weight | bits of the file | test accuracy | I(X;T), I(T;Y) of layers 1 to 5 [bits]")
    for weight in WEIGHTS:
        found = []
        for seed in range(seeds):
            config = TrialConfig(ARCHITECTURE, recipe(weight), seed, engine="torch")
            outcome = run_trial(config, data, seed, WorkerContext())
            if outcome.network_file is None:
                raise RuntimeError(outcome.error)
            network = decode_network(outcome.network_file)
            steps = run_order(network.architecture)
            tensors = [
                (layer.weights.values(), layer.bias.values() if layer.bias else None)
                for layer in network.layers
            ]
            pairs = [
                counted_information(run_steps(steps[: place + 1], tensors, inputs), examples.labels)
                for place in range(len(HIDDEN))
            ]
            right = run_steps(steps, tensors, inputs).argmax(axis=1) == examples.labels
            accuracy = right[examples.training :].mean()
            figures = np.array(pairs).ravel()
            found.append([8 * len(outcome.network_file), accuracy, *figures])
        size, accuracy, *figures = np.mean(found, axis=0)
        layers = "  ".join(
            f"{figures[2 * place]:5.2f} {figures[2 * place + 1]:.3f}"
            for place in range(len(HIDDEN))
        )
        print(f"{weight:11g} | {size:16,.0f} | {accuracy:13.4f} | {layers}", flush=True)


if __name__ == "__main__":
    main()
