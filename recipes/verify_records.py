"""How long each record takes to decode and to classify its test set, in a fresh process.

As `minbits verify` does it: a new Python reads the file and the inputs, and writes its answers. The
bar is 3 s by the clock for 10,000 images of MNIST; the seconds of processor, of two threads where
NumPy takes them, tell when other work shares the machine. A first run, not timed, lets numba
compile what it must.
"""

from __future__ import annotations

import json
import resource
from pathlib import Path

from minbits.claims.verification import verify_file
from minbits.data import load

RECORDS = Path(__file__).parent.parent / "records"
BAR_SECONDS = 3.0
RUNS = 3


def processor_seconds() -> float:
    """Return the processor seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print wall-clock and processor seconds, the least of a few runs."""
    for path in sorted(RECORDS.glob("*.mbn")):
        data = load(json.loads(path.with_suffix(".json").read_text())["data"])
        verify_file(path, data)
        wall, processor = [], []
        for _ in range(RUNS):
            before = processor_seconds()
            found = verify_file(path, data)
            wall.append(found.seconds)
            processor.append(processor_seconds() - before)
        verdict = "within" if min(wall) <= BAR_SECONDS else "over"
        print(
            f"{path.name}: {found.size_bits:,} bits, {found.n_test:,} examples, "
            f"{min(wall):.2f} s by the clock, {verdict} {BAR_SECONDS:g} s "
            f"({min(processor):.2f} s of processor)",
            flush=True,
        )


if __name__ == "__main__":
    main()
