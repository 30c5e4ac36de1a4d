"""What the recipes share: the command line with a fresh ledger, its output shown as recorded."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from minbits.child_processes import python_command


def run_size(out: Path, *arguments: str) -> int:
    """Run ``minbits size`` with a fresh ledger and print the trials and claims it wrote.

    A recipe's own argument, if there is one, names a ledger to be used instead, which stays.
    """
    kept = next(iter(sys.argv[1:]), None)
    with tempfile.TemporaryDirectory(prefix="minbits-recipe-") as folder:
        ledger = kept or str(Path(folder) / "ledger.sqlite")
        command = python_command("-m", "minbits")
        size = ["size", *arguments, "--ledger", ledger, "--out", str(out)]
        print("$ minbits size", *arguments, "--out", out, flush=True)
        code = subprocess.run([*command, *size], stderr=sys.stdout, check=False).returncode
        for table in ("trials", "claims"):
            print(f"\n$ minbits ledger list {table}", flush=True)
            subprocess.run([*command, "ledger", "list", table, "--ledger", ledger], check=True)
        return code
