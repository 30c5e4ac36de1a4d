"""How many random labels small networks memorise: bits a parameter, with intervals."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

from minbits.capacity.binary_perceptron import measure_binary_perceptron
from minbits.capacity.memorisation import FitSettings, Memorisation, measure_memorisation
from minbits.capacity.seeded_networks import SeededShape
from minbits.files import write_atomically
from minbits.views.memorisation_chart import MemorySeries, draw_memorisation

INPUTS = 8
FLOAT_SETTINGS = FitSettings(steps=3000, learning_rate=0.1)
QUANTISED_SETTINGS = FitSettings(steps=2500, learning_rate=0.02)
KINDS: dict[str, list[SeededShape]] = {
    "perceptron, float32": [SeededShape(inputs, ()) for inputs in (10, 60)],
    "1 hidden layer, float32": [SeededShape(INPUTS, (h,)) for h in (2, 6, 20, 60, 200)],
    "2 hidden layers, float32": [SeededShape(INPUTS, (h, h)) for h in (4, 12)],
    "3 hidden layers, float32": [SeededShape(INPUTS, (h,) * 3) for h in (4, 12)],
    "4 hidden layers, float32": [SeededShape(INPUTS, (h,) * 4) for h in (4, 12)],
    "3×3 convolution, float32": [SeededShape(64, (), channels=c) for c in (2, 8)],
    "1 hidden layer, 8 bits": [SeededShape(INPUTS, (h,), weight_bits=8) for h in (6, 20)],
    "1 hidden layer, 4 bits": [SeededShape(INPUTS, (h,), weight_bits=4) for h in (6, 20)],
    "1 hidden layer, 2 bits": [SeededShape(INPUTS, (h,), weight_bits=2) for h in (6, 20)],
    "1 hidden layer, 1 bit": [SeededShape(INPUTS, (h,), weight_bits=1) for h in (6, 20)],
}
FIRST_GUESS = {1: 0.33, 2: 0.6, 4: 1.4, 8: 1.8, 32: 1.9}
TEN_CLASSES = SeededShape(INPUTS, (20,), classes=10)


def describe(name: str, found: Memorisation, seconds: float) -> str:
    shape = found.shape
    low, high = found.interval_per_parameter
    return (
        f"{name:<26}{'-'.join(map(str, shape.hidden)) or '-':>12}{shape.parameters:>8,}"
        f"{found.half.value:>9.0f}{found.bits_per_parameter:>8.3f}  {low:.3f} to {high:.3f}"
        f"{found.most_bits / shape.parameters:>9.3f}"
        f"{found.bits_per_parameter / shape.weight_bits:>9.3f}{seconds:>7.0f} s"
    )


def measure(name: str, shape: SeededShape) -> tuple[Memorisation, str]:
    torch.set_num_threads(1)
    start = time.perf_counter()
    seeds = 16 if shape.parameters < 300 else 8 if shape.parameters < 1000 else 4
    settings = FLOAT_SETTINGS if shape.weight_bits == 32 else QUANTISED_SETTINGS
    guess = FIRST_GUESS[shape.weight_bits] / np.log2(shape.classes)
    found = measure_memorisation(shape, seeds, settings, 0, guess, refinements=2)
    return found, describe(name, found, time.perf_counter() - start)


def main() -> None:
    print("Labels that half of the seeds fit perfectly (N half), Gaussian inputs; full-batch Adam:")
    print(f"float32 {FLOAT_SETTINGS.steps:,} steps, fewer bits {QUANTISED_SETTINGS.steps:,} steps")
    print(
        f"{'kind':<26}{'hidden':>12}{'weights':>8}{'N half':>9}{'bits/w':>8}  95 % interval"
        f"{'most':>10}{'/stored':>9}{'time':>9}"
    )
    series = []
    jobs = [(name, shape) for name, shapes in KINDS.items() for shape in shapes]
    jobs.append(("1 hidden layer, 10 classes", TEN_CLASSES))
    results: dict[str, list[Memorisation]] = {}
    with ProcessPoolExecutor(2) as pool:
        done = pool.map(measure, [name for name, _ in jobs], [shape for _, shape in jobs])
        for (name, _), (measured, line) in zip(jobs, done, strict=True):
            print(line, flush=True)
            results.setdefault(name, []).append(measured)
    for name in KINDS:
        found = results[name]
        low, high = zip(*(item.interval_per_parameter for item in found), strict=True)
        series.append(
            MemorySeries(
                name,
                tuple(item.shape.parameters for item in found),
                tuple(item.bits_per_parameter for item in found),
                low,
                high,
            )
        )
    print("\nBinary perceptron, every weight vector tried, 400 sequences: labels fitted")
    weights = (11, 15, 19)
    medians, lows, highs = [], [], []
    for count in weights:
        fitted = np.sort(measure_binary_perceptron(count, 400, 0))
        # Order statistics around the median: a 95 % interval whatever the distribution.
        low, middle, high = fitted[180], np.median(fitted), fitted[219]
        print(
            f"{count} weights: median {middle:.0f}, mean {fitted.mean():.2f}; "
            f"mean a weight {fitted.mean() / count:.3f}, median {low / count:.3f} to "
            f"{high / count:.3f} (95 %)"
        )
        medians.append(float(fitted.mean()) / count)
        deviation = 1.96 * float(fitted.std()) / np.sqrt(400) / count
        lows.append(medians[-1] - deviation)
        highs.append(medians[-1] + deviation)
    series.append(
        MemorySeries(
            "binary perceptron, exhaustive", weights, tuple(medians), tuple(lows), tuple(highs)
        )
    )
    write_atomically(Path("docs/images/memorisation.png"), draw_memorisation(series))
    print(
        "\nReferences: 2 a weight (Cover, MacKay, Gardner); 0.833 a binary weight (Krauth & Mézard"
    )
    print(
        "1989); about 3.6 a parameter in GPT-style nets (Morris et al. 2025). A measured figure is"
    )
    print("what this training finds: a lower bound of what the network can hold.")
    print("Picture: docs/images/memorisation.png")


if __name__ == "__main__":
    main()
