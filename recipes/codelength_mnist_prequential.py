"""MNIST's 60,000 training labels in a prequential code: a file that was decoded again.

``python recipes/codelength_mnist_prequential.py [--order SEED] [--raw] [--labels N] [--minutes M]``

Images are normalised by their moments, or raw. The run takes up to M minutes (50) to encode, and as
long again to decode, with two processes on two idle cores. What is done is kept beside the output
(``build/mnist-prequential-SEED.mbl``): the same command goes on with it after an interruption. The
files of the labels, of the bits of each label and the pictures stay there. ``--labels N`` takes the
first N examples of the order alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import platform
import time
from pathlib import Path

import numpy as np

import minbits
from minbits.jobs.codelength import codelength_job
from minbits.jobs.codelength_request import CodelengthRequest
from minbits.label_codes.label_file import order_of
from minbits.types import DataSet

WORKERS = 2


def first_of(data: DataSet, labels: int, seed: int) -> DataSet:
    """Return the data set with the first examples of an order only."""
    chosen = order_of(len(data.train_labels), seed)[:labels]
    return dataclasses.replace(
        data, train_inputs=data.train_inputs[chosen], train_labels=data.train_labels[chosen]
    )


def main() -> None:
    """Encode, decode, and print what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--order", type=int, default=0)
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--labels", type=int)
    parser.add_argument("--minutes", type=float, default=50.0)
    given = parser.parse_args()
    data = minbits.load("mnist")
    if given.labels is not None:
        data = first_of(data, given.labels, given.order)
    kind = "raw" if given.raw else "normalised"
    out = Path("build") / f"mnist-prequential-{kind}-{given.order}.mbl"
    out.parent.mkdir(exist_ok=True)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{(time.monotonic() - began) / 60:6.1f} min  {text}", flush=True)

    request = CodelengthRequest(
        "prequential", given.minutes, seed=given.order, normalise=not given.raw, workers=WORKERS,
        out=out, labels_out=out.with_suffix(".csv"), pictures=out.with_suffix(""),
    )  # fmt: skip
    report = codelength_job(data, request, say)
    (code,) = report.codes
    print(
        f"\n{report.labels:,} labels of MNIST, {kind} pixels, order {given.order}: "
        f"{code.size_bits:,} bits, a file that was decoded to the same labels; "
        f"{code.encoding_seconds / 60:.1f} minutes to encode, "
        f"{code.decoding_seconds / 60:.1f} to decode, {WORKERS} processes, "
        f"{platform.machine()}, NumPy {np.__version__}, minbits {minbits.__version__}"
    )
    print(f"{'seen':>7} {'labels':>7} {'bits':>8} {'a label':>8} {'right %':>8}  best alone")
    for block in code.blocks:
        print(
            f"{block.start:7,} {block.labels:7,} {block.bits:8.1f} "
            f"{block.bits / block.labels:8.4f} {100 * block.correct / block.labels:8.2f}  "
            f"{block.best}, {block.best_bits:.1f} bits"
        )
    print(f"ideal length of all labels: {sum(block.bits for block in code.blocks):,.1f} bits")


if __name__ == "__main__":
    main()
