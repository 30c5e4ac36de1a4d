"""The training loss between and around minima of networks on digits, against the width.

    python recipes/trainability_surface.py build/surface.sqlite records/trainability

All pairs are rows of the ledger: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from minbits.cli.trainability import StudyLines, print_surface
from minbits.data import load
from minbits.jobs.surface import surface_job
from minbits.jobs.trainability_request import SurfaceRequest
from minbits.ledger.store import read_ledger
from minbits.studies.surface import SURFACE

PICTURE = Path("docs/images/trainability-surface-digits.png")


def main() -> None:
    ledger, records = sys.argv[1:]
    data, path = load("digits"), Path(records) / "surface-digits.jsonl"
    request = SurfaceRequest(
        (8, 16, 32, 64, 128, 256, 512), pairs=10, epochs=60, batch_size=64, workers=2,
        ledger=ledger, figure=PICTURE,
    )  # fmt: skip
    report = surface_job(data, request, StudyLines(quiet=False))
    print_surface(report)
    path.parent.mkdir(parents=True, exist_ok=True)
    with read_ledger(ledger) as rows, path.open("w", encoding="utf-8") as file:
        for row in rows.measurements(data.digest, SURFACE.key):
            result = json.loads(row["result"])
            result.pop("plane", None)
            width = json.loads(row["settings"])["width"]
            file.write(json.dumps({"width": width, "pair": row["seed"]} | result) + "\n")
    print(f"Rows: {path}, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
