"""The front of accuracy against bits on MNIST: ``minbits size mnist --curve`` on what is known.

``python recipes/mnist_curve.py LEDGER EARLIER …`` merges ledgers of earlier searches into the first
one, which keeps what the search finds, such as ``records/ledger.sqlite`` and what
``recipes/mnist_99.py EARLIER`` and ``recipes/search_bars.py mnist FOLDER`` leave.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from minbits.child_processes import python_command

OUT = Path("records/curve/mnist.mbn")
MINUTES = "45"


def main() -> int:
    """Merge, search, print, and leave files, cards and the picture of the front in the folder."""
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    command = python_command("-m", "minbits")
    OUT.parent.mkdir(exist_ok=True)
    ledger, *others = sys.argv[1:]
    for earlier in others:
        subprocess.run(
            [*command, "ledger", "merge", earlier, "--ledger", ledger],
            stdout=sys.stderr, check=True,
        )  # fmt: skip
    size = ["size", "mnist", "--curve", "--minutes", MINUTES, "--workers", "2"]
    print("$ minbits", *size, "--out", OUT, flush=True)
    code = subprocess.run(
        [*command, *size, "--ledger", ledger, "--out", str(OUT)], stderr=sys.stdout, check=False
    ).returncode
    print("\n$ minbits ledger list claims", flush=True)
    subprocess.run([*command, "ledger", "list", "claims", "--ledger", ledger], check=True)
    for picture in OUT.parent.glob(f"{OUT.stem}-*.[ps][nv]g"):
        picture.unlink()  # one diagram a target: the curve shows all
    return code


if __name__ == "__main__":
    sys.exit(main())
