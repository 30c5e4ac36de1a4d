"""Bits of one MNIST test image, binarised at > 0, under autoregressive networks.

Two networks of one thread each are trained at the same time; their predictions are averaged. The
first argument is the time in minutes, the second whose clock measures it: ``wall``, or
``processor``, which other work on the machine does not shorten. The card goes beside this file.
"""

from __future__ import annotations

import dataclasses
import json
import resource
import sys
import time
from pathlib import Path
from typing import cast

import torch

from minbits import load
from minbits.autoregressive.ensemble import AutoregressiveNetwork
from minbits.autoregressive.member import Clock
from minbits.information.discretise import Discretisation, discretise
from minbits.information.input_ladder import climb

MINUTES = 18.0


def main(minutes: float, clock: Clock) -> None:
    started = time.monotonic()
    data = load("mnist")
    symbols = discretise(data, Discretisation("threshold", 0.0))
    model = AutoregressiveNetwork("patch", members=2, clock=clock)
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
    wall_seconds = time.monotonic() - started
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    processor_seconds = sum(item.ru_utime + item.ru_stime for item in used)
    print(
        f"all of it: {wall_seconds:.0f} s on the wall, {processor_seconds:.0f} s of processor "
        f"time; largest process {max(item.ru_maxrss for item in used) / 2**20:.2f} GiB"
    )
    card = {
        "data": data.name,
        "data_digest": data.digest,
        "minutes": minutes,
        "clock": clock,
        "wall_seconds": wall_seconds,
        "processor_seconds": processor_seconds,
        "torch": torch.__version__,
        "rung": dataclasses.asdict(rung),
        "interval_bits": [low, high],
        "amortised_model_bits": rung.amortised_model_bits,
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES,
        cast(Clock, sys.argv[2]) if len(sys.argv) > 2 else "wall",
    )
