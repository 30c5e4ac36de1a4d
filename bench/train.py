"""Training steps of the lanes engine beside PyTorch, one thread each, in one run.

    python bench/train.py [--case CASE …] [--rounds 5] [--no-compile] [--json]

A step is shuffling, augmentation, forward and backward pass, and AdamW. PyTorch runs a plain
training loop, eager and compiled, in both memory layouts, with the system's allocator and with
the settings of our workers. Times are processor time, medians over the rounds; ratios are to
PyTorch's best layout.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# Children find what they run under its own name, and never look in a script's folder by itself.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from speed.cases import CASES
from speed.training import CaseResult, measure

from minbits.cli.output import print_json, print_table


def show(result: CaseResult) -> None:
    """Print the table of a case."""
    rows = []
    for name, seconds in result.seconds.items():
        ratio = seconds / result.seconds["lanes"]
        fraction = result.fraction_of_peak(name)
        is_product = name == "sgemm"
        rows.append(
            (
                name,
                f"{1e3 * seconds:,.3f}",
                "" if is_product else f"{ratio:.2f}",
                "1" if is_product or fraction is None else f"{fraction:.3f}",
            )
        )
    print_table(
        f"{result.case}: {CASES[result.case].description}",
        [
            ("entrant", "left"),
            ("ms a step", "right"),
            ("over lanes", "right"),
            ("useful FLOPs over SGEMM's", "right"),
        ],
        rows,
    )


def main() -> None:
    """Measure the cases that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--case", action="append", choices=list(CASES), help="what to train")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each engine")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    results = measure(
        asked.case or list(CASES), asked.rounds, not asked.no_compile,
        lambda text: print(f"{text} …", file=sys.stderr, flush=True),
    )  # fmt: skip
    if asked.json:
        print_json({"rounds": asked.rounds, "cases": {r.case: r.as_json() for r in results}})
        return
    for result in results:
        show(result)


if __name__ == "__main__":
    main()
