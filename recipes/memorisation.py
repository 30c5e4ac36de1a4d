"""How many random labels small networks memorise: bits a parameter, with intervals.

``python recipes/memorisation.py PART …`` measures some parts only. Numbers are kept in
``recipes/memorisation.json``, and the picture is drawn from all that are there.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from memorisation_chart import MemorySeries, draw_memorisation

from minbits.capacity.binary_perceptron import measure_binary_perceptron
from minbits.files import write_atomically
from minbits.memorisation.measure import FitSettings, Memorisation, measure_memorisation
from minbits.memorisation.seeded_networks import SeededShape

INPUTS = 8
FLOAT_SETTINGS = FitSettings(steps=3000, learning_rate=0.1)
# A high rate kills units of deep networks: at 0.1 two layers of 10 held 0.65 bits a weight.
DEEP_SETTINGS = FitSettings(steps=4000, learning_rate=0.01)
QUANTISED_SETTINGS = FitSettings(steps=6000, learning_rate=0.02)
FIRST_GUESS = {1: 0.3, 2: 0.55, 4: 1.2, 8: 1.5, 32: 1.9}
NUMBERS = Path("recipes/memorisation.json")
SINGLE = {bits: f"1 hidden layer, {bits} bit{'s' * (bits > 1)}" for bits in (8, 4, 2, 1)}
PARTS: dict[str, dict[str, list[SeededShape]]] = {
    "perceptron": {"perceptron, float32": [SeededShape(inputs, ()) for inputs in (10, 60)]},
    "depth": {
        f"{depth} hidden layers, float32": [SeededShape(INPUTS, (h,) * depth) for h in (4, 10)]
        for depth in (2, 3, 4)
    },
    "bits": {
        name: [SeededShape(INPUTS, (h,), weight_bits=bits) for h in (5, 15)]
        for bits, name in SINGLE.items()
    },
    "convolution": {"3×3 convolution, float32": [SeededShape(64, (), channels=c) for c in (2, 6)]},
    "classes": {"1 hidden layer, 10 classes": [SeededShape(INPUTS, (15,), classes=10)]},
    "width": {"1 hidden layer, float32": [SeededShape(INPUTS, (h,)) for h in (2, 6, 20, 60)]},
    "wide": {"1 hidden layer, float32": [SeededShape(INPUTS, (200,))]},
}


def describe(name: str, found: Memorisation, seconds: float) -> str:
    shape = found.shape
    low, high = found.interval_per_parameter
    return (
        f"{name:<28}{'-'.join(map(str, shape.hidden)) or '-':>12}{shape.parameters:>8,}"
        f"{found.half.value:>8.0f}{found.bits_per_parameter:>8.3f}  {low:.3f} to {high:.3f}"
        f"{found.most_bits / shape.parameters:>8.3f}"
        f"{found.bits_per_parameter / shape.weight_bits:>8.3f}{seconds:>6.0f} s"
    )


def measure(name: str, shape: SeededShape) -> Memorisation:
    start = time.process_time()
    seeds = 16 if shape.parameters < 300 else 8 if shape.parameters < 1000 else 4
    settings = QUANTISED_SETTINGS
    if shape.weight_bits == 32:
        settings = DEEP_SETTINGS if len(shape.hidden) > 1 or shape.channels else FLOAT_SETTINGS
    guess = FIRST_GUESS[shape.weight_bits] / np.log2(shape.classes)
    found = measure_memorisation(shape, seeds, settings, 0, guess, refinements=2)
    print(describe(name, found, time.process_time() - start), flush=True)
    return found


def measure_part(part: str) -> dict[str, list[list[float]]]:
    """Return, for each kind, parameters, bits a parameter and their interval of each network."""
    rows = {}
    for name, shapes in PARTS[part].items():
        found = [measure(name, shape) for shape in shapes]
        rows[name] = [
            [item.shape.parameters, item.bits_per_parameter, *item.interval_per_parameter]
            for item in found
        ]
    return rows


def measure_binary() -> dict[str, list[list[float]]]:
    print("Binary perceptron, every weight vector tried, 400 sequences: labels fitted")
    rows = []
    for count in (11, 15, 19):
        fitted = measure_binary_perceptron(count, 400, 0)
        mean = float(fitted.mean()) / count
        half = 1.96 * float(fitted.std()) / np.sqrt(400) / count
        print(
            f"{count} weights: median {np.median(fitted):.0f}, mean a weight {mean:.3f} "
            f"({mean - half:.3f} to {mean + half:.3f})"
        )
        rows.append([count, mean, mean - half, mean + half])
    return {"binary perceptron, exhaustive": rows}


def draw(numbers: dict[str, list[list[float]]]) -> None:
    series = []
    for name, rows in numbers.items():
        parameters, bits, low, high = zip(*rows, strict=True)
        series.append(MemorySeries(name, tuple(map(int, parameters)), bits, low, high))
    draw_memorisation(series).save(Path("docs/images/memorisation.png"))


def main() -> None:
    torch.set_num_threads(1)
    parts = sys.argv[1:] or ["binary", *PARTS]
    numbers = json.loads(NUMBERS.read_text()) if NUMBERS.exists() else {}
    print("Random labels that half of the seeds fit perfectly (N half), Gaussian inputs;")
    print("full-batch Adam, cosine to zero; steps and first learning rate:")
    for name, settings in (
        ("float32, at most one hidden layer", FLOAT_SETTINGS),
        ("float32, deep or convolutional", DEEP_SETTINGS),
        ("fewer bits", QUANTISED_SETTINGS),
    ):
        print(f"  {name}: {settings.steps:,}, {settings.learning_rate:g}")
    print(
        f"{'kind':<28}{'hidden':>12}{'weights':>8}{'N half':>8}{'bits/w':>8}  95 % interval"
        f"{'most':>9}{'/bit':>8}{'time':>8}"
    )
    for part in parts:
        found = measure_binary() if part == "binary" else measure_part(part)
        for name, rows in found.items():
            # Networks are known by their number of parameters; a new measurement replaces the old.
            merged = {row[0]: row for row in [*numbers.get(name, []), *rows]}
            numbers[name] = [merged[count] for count in sorted(merged)]
        write_atomically(NUMBERS, json.dumps(numbers, indent=1).encode())
        draw(numbers)
    print("most: N log2 C less the code length of the labels given the network, the largest mean")
    print("over sizes tried, a weight; /bit: bits a weight over the bits that it is stored with;")
    print("time: seconds of processor. Picture: docs/images/memorisation.png")


if __name__ == "__main__":
    main()
