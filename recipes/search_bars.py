"""Searches from an empty ledger, in one piece and killed half-way: `minbits size` of three sets.

``python recipes/search_bars.py mnist [FOLDER]`` (40 minutes), ``… digits`` (8 minutes) and
``… csv`` (2 minutes). Half-way the whole group of processes gets SIGKILL, which nobody can prepare
for; the same command is then started again with the other half of the time and the same ledger.
With a folder, the ledgers stay there.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sklearn.datasets import load_wine

from minbits.child_processes import python_command

# Data, target and minutes of the whole search.
SEARCHES = {"mnist": ("0.98", 20.0), "digits": ("0.97", 4.0)}


def size(folder: Path, arguments: list[str], seconds: float | None = None) -> int | None:
    """Run ``minbits size`` and return the bits that it found; kill it after some seconds."""
    shown = " ".join(str(Path(word).name) if "/" in word else word for word in arguments)
    print(f"$ minbits size {shown}", flush=True)
    out = folder / "found.mbn"
    command = python_command("-m", "minbits", "size", *arguments)
    process = subprocess.Popen(
        [*command, "--ledger", str(folder / "ledger.sqlite"), "--out", str(out), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    start = time.monotonic()
    try:
        answer, messages = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        so_far = sorted(folder.glob("*so-far*"))
        sizes = [f"{8 * path.stat().st_size:,} bits" for path in so_far]
        print(f"killed after {time.monotonic() - start:.0f} s; best so far on disk: {sizes}\n")
        return None
    for line in messages.splitlines():
        if line.startswith(("resumed:", "best so far")):
            print(line.replace(f"{folder}{os.sep}", ""))
    print(f"exit code {process.returncode} after {time.monotonic() - start:.0f} s")
    if process.returncode not in (0, 1):
        raise RuntimeError(messages)
    report = json.loads(answer)
    if report["accuracy_reason"]:
        print(f"target: {100 * report['accuracy']:g} %, {report['accuracy_reason']}")
    for word in ("missed", "verification"):
        found = report[word]
        if found is not None:
            print(
                f"{word}: {found['size_bits']:,} bits, {found['correct']:,} of {found['n_test']:,} "
                f"test examples ({100 * found['test_accuracy']:.2f} %)"
            )
    print(flush=True)
    return None if report["verification"] is None else int(report["verification"]["size_bits"])


def whole_and_killed(name: str, folder: Path) -> None:
    """Search with a kill half-way, then from another empty ledger in one piece."""
    accuracy, minutes = SEARCHES[name]
    usual = [name, "--accuracy", accuracy, "--workers", "2", "--minutes"]
    own = folder / "killed"
    own.mkdir()
    size(own, [*usual, f"{minutes:g}"], seconds=30 * minutes)
    killed = size(own, [*usual, f"{minutes / 2:g}"])
    own = folder / "whole"
    own.mkdir()
    whole = size(own, [*usual, f"{minutes:g}"])
    if whole is not None and killed is not None:
        print(f"killed half-way: {killed / whole:.3f} of the bits of the search in one piece")


def table() -> None:
    """Search for a table of the user's, whose target nobody names."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        wine = load_wine()
        with (folder / "my.csv").open("w", newline="") as file:
            table_file = csv.writer(file)
            table_file.writerow([*wine.feature_names, "y"])
            table_file.writerows([*x, y] for x, y in zip(wine.data, wine.target, strict=True))
        size(folder, [str(folder / "my.csv"), "--label", "y", "--minutes", "2", "--workers", "2"])


if __name__ == "__main__":
    if sys.argv[1:] == ["csv"]:
        table()
    elif len(sys.argv) > 2:
        whole_and_killed(sys.argv[1], Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            whole_and_killed(sys.argv[1], Path(temporary))
