"""Seconds of an epoch of both phases on MNIST: lanes on one core, PyTorch on one core and on a GPU.

A search that may use a GPU chooses by this: small networks leave most of a GPU idle. Needs a CUDA
device; engines take turns, and the smallest of three figures is shown.
"""

from __future__ import annotations

import sys

import torch

import minbits
from minbits.data.splits import validation_split
from minbits.ledger.provenance import current_provenance
from minbits.networks.zoo import architecture_for
from minbits.search.device import device_name
from minbits.search.ladder import ladder
from minbits.search.planning import measure_epoch_seconds
from minbits.search.precompile import precompile
from minbits.training.context import TrainingContext
from minbits.training.engine import Engine
from minbits.training.lanes.engine import LanesEngine
from minbits.training.loop import training_data
from minbits.training.torch_engine import TorchEngine
from minbits.types import TrainingRecipe

ROUNDS = 3


def main() -> int:
    """Print a table."""
    if not torch.cuda.is_available():
        print("needs a CUDA device: torch.cuda.is_available() is false", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    precompile()
    mnist = minbits.load("mnist")
    kept, held_out = validation_split(mnist)
    data, validation = training_data(mnist, kept), training_data(mnist, held_out)
    engines: dict[str, Engine] = {
        "lanes, one core": LanesEngine(),
        "PyTorch, one core": TorchEngine(torch.device("cpu")),
        "PyTorch, GPU": TorchEngine(torch.device("cuda")),
    }
    rungs = ladder(mnist)
    networks = {
        "thin 10-10-14-16-16": rungs[3].architecture,
        "thin 20-24-32-48-48": rungs[0].architecture,
        "convolutions 32-64-128": "conv 32 k3 p1 relu; conv 32 k3 p1 relu; maxpool 2; "
        "conv 64 k3 p1 relu; maxpool 2; conv 128 k3 p1 relu; avgpool all; linear 10",
    }
    print(f"{current_provenance('cpu', 1).machine['processor']}; {device_name()}; torch "
          f"{torch.__version__}; batch 128; seconds an epoch, first phase and second")  # fmt: skip
    for name, text in networks.items():
        architecture = architecture_for(text, mnist)
        recipe = TrainingRecipe(float_epochs=1, quantized_epochs=1, batch_size=128)
        best: dict[str, tuple[float, float]] = {}
        for _ in range(ROUNDS):
            for engine_name, engine in engines.items():
                found = measure_epoch_seconds(
                    architecture, TrainingContext(recipe, 0, data, validation, engine)
                )
                before = best.get(engine_name, (float("inf"), float("inf")))
                best[engine_name] = (
                    min(before[0], found.float_phase), min(before[1], found.quantized_phase)
                )  # fmt: skip
        row = ", ".join(f"{key} {a:.2f} and {b:.2f}" for key, (a, b) in best.items())
        print(f"{name}: {row}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
