"""Bits of one MNIST test image, binarised at > 0, under autoregressive networks.

Two networks of one thread each, trained for 2.5 minutes of processor time at the same time; their
predictions are averaged. The time is the processor's, so that other work on the machine does not
matter. The card of the result goes beside this file.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path

import torch

from minbits import load
from minbits.density.ensemble import AutoregressiveNetwork
from minbits.information.discretise import Discretisation, discretise
from minbits.information.input_ladder import climb

MINUTES = 2.5


def main(minutes: float) -> None:
    started = time.monotonic()
    data = load("mnist")
    symbols = discretise(data, Discretisation("threshold", 0.0))
    model = AutoregressiveNetwork("patch", members=2, clock="processor")
    ladder = climb(symbols, 60 * minutes, [model])
    rung = ladder.tightest
    low, high = rung.interval_bits or (float("nan"), float("nan"))
    print(f"{rung.title}, {data.name}: {symbols.what}")
    print(f"bits a test image: {rung.example_bits:.2f} (95 %: {low:.2f} to {high:.2f})")
    print(f"bits a validation image: {rung.validation_bits:.2f}")
    print(
        f"the networks' files: {rung.model_bits:,.0f} bits, "
        f"{rung.amortised_model_bits:,.2f} for each of {rung.train_examples:,} training images"
    )
    print(rung.method)
    card = {
        "data": data.name,
        "data_digest": data.digest,
        "minutes_of_processor_time": minutes,
        "wall_seconds": time.monotonic() - started,
        "torch": torch.__version__,
        "rung": dataclasses.asdict(rung),
        "interval_bits": [low, high],
        "amortised_model_bits": rung.amortised_model_bits,
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES)
