"""Labels whose code length is known: random ones, and learnable ones with noise.

``python recipes/codelength_truth.py [LABELS]`` (10,000). Three classes far from each other; a part
of the labels is replaced by another class. All learners of the prequential code take part, for two
minutes each time; every file is decoded again.
"""

from __future__ import annotations

import math
import sys

import numpy as np

import minbits
from minbits.data import from_arrays
from minbits.types import DataSet

NOISE = (0.0, 0.05, 0.1, 0.2, 0.3)
CLASSES = 3
MINUTES = 2.0
WORKERS = 2


def clusters(labels: int, noise: float) -> DataSet:
    """Return classes on a circle, a part of whose labels is another class, drawn evenly."""
    generator = np.random.default_rng(0)
    # A fifth of the examples becomes the test set.
    count = labels * 5 // 4
    true = generator.integers(0, CLASSES, count)
    angles = 2 * np.pi * true / CLASSES
    centres = 20 * np.stack([np.cos(angles), np.sin(angles)], 1)
    inputs = (centres + generator.normal(size=(count, 2))).astype(np.float32)
    is_wrong = generator.permutation(count) < round(noise * count)
    given = (true + is_wrong * generator.integers(1, CLASSES, count)) % CLASSES
    return from_arrays(inputs, given)


def entropy_bits(part: float) -> float:
    """Return the binary entropy."""
    return -sum(p * math.log2(p) for p in (part, 1 - part) if p)


def told(name: str, data: DataSet, expected_bits: float) -> None:
    """Encode, decode and print what the labels cost."""
    report = minbits.codelength(data, "prequential", MINUTES, workers=WORKERS)
    (code,) = report.codes
    ideal = sum(block.bits for block in code.blocks)
    print(
        f"{name:>14}: {report.labels:,} labels, must cost {expected_bits:10,.1f} bits; file "
        f"{code.size_bits:8,}, ideal {ideal:10,.1f}; {code.seconds:,.0f} s",
        flush=True,
    )


def main() -> None:
    """Print a line for each part of noise, and for random labels."""
    labels = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for part in NOISE:
        data = clusters(labels, part)
        bits = len(data.train_labels) * (entropy_bits(part) + part * math.log2(CLASSES - 1))
        told(f"{100 * part:g} % noise", data, bits)
    # Two thirds of the labels are another class: chance.
    data = clusters(labels, 1 - 1 / CLASSES)
    told("random labels", data, len(data.train_labels) * math.log2(CLASSES))


if __name__ == "__main__":
    main()
