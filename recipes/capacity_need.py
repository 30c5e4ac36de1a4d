"""From MNIST's entropy to neurons and weights: the question's 95, corrected in four steps."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from minbits.child_processes import python_command


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="minbits-recipe-") as folder:
        ledger = str(Path(folder) / "ledger.sqlite")
        for arguments in (["digits", "--accuracy", "0.95"], ["mnist"]):
            start = time.perf_counter()
            print("$ minbits capacity need", *arguments, "--quiet", flush=True)
            command = python_command("-m", "minbits", "capacity", "need", *arguments)
            subprocess.run([*command, "--quiet", "--ledger", ledger], check=True)
            print(f"{time.perf_counter() - start:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()
