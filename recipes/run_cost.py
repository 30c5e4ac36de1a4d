"""How well the cost of a run is estimated: seconds of processor told and measured, and memory.

``python recipes/run_cost.py``. Networks at the edges of the format (`tests/codec/streams.py`), some
of them behind front ends, of up to a million parameters, and the records, on one thread; of each
kind the ratio of what `minbits.codec.run_cost` tells to what is measured. Then the memory, beyond
what Python and weights take, of networks made to take much: padding, kernels and residual sums as
large as they may be, and front ends on inputs as large as they may be.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.codec.streams import edge_architecture  # noqa: E402
from tests.codec.test_run_cost import HOSTILE  # noqa: E402
from tests.strategies import random_network  # noqa: E402

from minbits.codec.architecture import Architecture  # noqa: E402
from minbits.codec.file_format import encode_network, read_network  # noqa: E402
from minbits.codec.inference import predict  # noqa: E402
from minbits.codec.run_cost import batch_size, run_cost  # noqa: E402

NETWORKS = 1_000
MAX_PARAMETERS = (300, 3_000, 100_000, 1_000_000)
LONGEST_EXAMPLE_SECONDS = 2.0
SECONDS_EACH = 0.5


def measured_ratio(architecture: Architecture) -> tuple[float, float]:
    """Return seconds an example, as measured, and how many times as many are told."""
    told = run_cost(architecture, 1).seconds
    count = max(1, min(3 * batch_size(architecture), int(SECONDS_EACH / told)))
    network = random_network(architecture, 1, step_index=-12)
    inputs = np.random.default_rng(0).integers(0, 256, (count, *architecture.input_shape))
    inputs = inputs.astype(np.uint8)
    spent = []
    for _ in range(2):
        start = time.process_time()
        predict(network, inputs, allow_slow=True)
        spent.append(time.process_time() - start)
    seconds = min(spent) / count
    return seconds, told / seconds


def peak_mib(architecture: Architecture) -> float:
    """Return the most memory that running two examples takes."""
    network = random_network(architecture, 1, step_index=-12)
    inputs = np.zeros((2, *architecture.input_shape), np.uint8)
    tracemalloc.start()
    predict(network, inputs, threads=4, allow_slow=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (1 << 20)


def main() -> None:
    """Print ratios of networks at the edges and of the records, then memory."""
    random = np.random.default_rng(1)
    found = []
    while len(found) < NETWORKS:
        most = MAX_PARAMETERS[int(random.integers(len(MAX_PARAMETERS)))]
        architecture = edge_architecture(random, most)
        if run_cost(architecture, 1).seconds < LONGEST_EXAMPLE_SECONDS:
            found.append(measured_ratio(architecture))
    seconds, ratios = np.array(found).T
    for name, chosen in (
        ("all", ratios),
        ("those of at least 1 ms an example", ratios[seconds >= 1e-3]),
    ):
        low, least, middle, most, high = np.quantile(chosen, [0, 0.05, 0.5, 0.95, 1])
        print(
            f"networks at the edges, {name}: {len(chosen):,}; told ÷ measured: median "
            f"{middle:.1f}, 5 to 95 % {least:.1f} to {most:.1f}, all {low:.2f} to {high:.0f}",
            flush=True,
        )
    for path in sorted((ROOT / "records").glob("*.mbn")):
        network = read_network(path)
        seconds_each, ratio = measured_ratio(network.architecture)
        print(
            f"{path.name}: {1e4 * seconds_each:.2f} s for 10,000 examples, told {ratio:.1f} times"
        )
    for architecture in HOSTILE:
        size = len(encode_network(random_network(architecture, 0, scale=0.0)))
        print(
            f"a file of {size} bytes, {run_cost(architecture, 10_000)}: "
            f"{peak_mib(architecture):,.0f} MiB at most"
        )


if __name__ == "__main__":
    main()
