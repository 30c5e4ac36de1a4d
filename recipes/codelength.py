"""How many bits the training labels of built-in sets take, given their inputs, in four codes.

``python recipes/codelength.py [NAME …]`` (iris, wine, breast_cancer, digits). Each length is that
of a file that was decoded to the same labels. Of three orders of the examples: the lengths, and the
ideal length of the prequential code. Two processes, a minute for learning each time; the networks
of the two-part codes are searched for in the same time.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import minbits

SETS = ("iris", "wine", "breast_cancer", "digits")
SEEDS = (0, 1, 2)
MINUTES = 1.0
WORKERS = 2


def main() -> None:
    """Print a table a set."""
    for name in sys.argv[1:] or SETS:
        data = minbits.load(name)
        print(f"{name}: {len(data.train_labels):,} labels of {data.class_count} classes")
        with tempfile.TemporaryDirectory() as folder:
            ledger = Path(folder) / "ledger.sqlite"
            for seed in SEEDS:
                report = minbits.codelength(
                    data, minutes=MINUTES, seed=seed, workers=WORKERS, ledger=ledger
                )
                lengths = ", ".join(f"{item.code} {item.size_bits:,}" for item in report.codes)
                code = report.codes[-1]
                ideal = sum(block.bits for block in code.blocks)
                last = code.blocks[-1]
                print(
                    f"  order {seed}: {lengths} bits; prequential ideal {ideal:,.1f}, last block "
                    f"{last.correct} of {last.labels} right, best alone: {last.best}; "
                    f"{code.seconds:,.0f} s to encode and decode",
                    flush=True,
                )


if __name__ == "__main__":
    main()
