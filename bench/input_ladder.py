"""Seconds and memory of the non-neural ladder on MNIST's 60,000 images of 784 binary pixels.

The first argument is the time that the climb is given, in minutes (1 where it is missing). With a
second one, ``processor``, it is counted in processor time, as on a machine without other work: all
rungs work on one thread when OMP_NUM_THREADS=1. Wall-clock seconds tell about other work too.
"""

from __future__ import annotations

import resource
import sys
import time

from minbits import load
from minbits.information.discretise import Discretisation, discretise
from minbits.information.input_ladder import climb


def main(minutes: float, clock: str) -> None:
    """Climb and print every rung's bound and time."""
    wall = time.monotonic
    wall_started = wall()
    if clock == "processor":
        time.monotonic = time.process_time
    started, processor_started = time.monotonic(), time.process_time()
    symbols = discretise(load("mnist"), Discretisation("threshold", 0.0))
    marks = [(time.process_time(), "loading")]
    ladder = climb(
        symbols,
        60 * minutes - (time.monotonic() - started),
        report=lambda text: marks.append((time.process_time(), text)),
    )
    ends = [at for at, _ in marks[1:]] + [time.process_time()]
    print(f"loading: {marks[0][0] - processor_started:.1f} s of processor time")
    for rung, (begin, _), end in zip(ladder.rungs, marks[1:], ends[1:], strict=True):
        print(
            f"{rung.title:31s} {rung.example_bits:7.2f} bits a test image, {end - begin:5.1f} s of "
            f"processor time"
        )
    for item in ladder.skipped:
        print(f"{item.title:31s} left out: {item.reason}")
    print(f"stopped: {ladder.stopped or 'at the top'}")
    print(
        f"all of it: {wall() - wall_started:.1f} s on the wall, "
        f"{time.process_time() - processor_started:.1f} s of processor time, peak memory "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB"
    )


if __name__ == "__main__":
    main(
        float(sys.argv[1]) if len(sys.argv) > 1 else 1.0,
        sys.argv[2] if len(sys.argv) > 2 else "wall",
    )
