"""What the recipes that compress a PyTorch module share: the command line, a fresh ledger."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from known_networks import INPUT_SCALE, trained

from minbits.child_processes import python_command

# Where trained networks are kept between recipes; made anew where it is missing.
NETWORKS = Path("build/known-networks")


def run_compress(name: str, out: Path, *arguments: str) -> int:
    """Train the network in full precision where need be, then run ``minbits compress`` on it."""
    trained(name, NETWORKS)
    callable_name = name.replace("-", "_")
    with tempfile.TemporaryDirectory(prefix="minbits-recipe-") as folder:
        ledger = str(Path(folder) / "ledger.sqlite")
        shown = [
            "compress", f"recipes/known_networks.py:{callable_name}",
            "--checkpoint", f"{NETWORKS}/{name}.pt", "--data", "mnist",
            "--input-scale", str(INPUT_SCALE), *arguments, "--out", str(out),
        ]  # fmt: skip
        print("$ minbits", *shown, flush=True)
        command = python_command("-m", "minbits")
        code = subprocess.run(
            [*command, *shown, "--ledger", ledger], stderr=sys.stdout, check=False
        ).returncode
        for table in ("trials", "claims"):
            print(f"\n$ minbits ledger list {table}", flush=True)
            subprocess.run([*command, "ledger", "list", table, "--ledger", ledger], check=True)
        return code
