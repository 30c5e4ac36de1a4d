"""What trainability costs in bits, on digits, MNIST-1D and MNIST.

    python recipes/trainability_price.py build/price.sqlite records/trainability

Name data sets behind it for fewer of them, and `--seeds N` for fewer seeds. All trainings are rows
of the ledger: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

from minbits.cli.trainability import StudyLines, print_price
from minbits.data import load
from minbits.jobs.price import price_job
from minbits.jobs.price_request import PriceRequest
from minbits.ledger.store import read_ledger
from minbits.studies.price import PRICE
from minbits.types import DataSet

SETTINGS = {
    "digits": {"accuracy": 0.95, "epochs": 100, "seeds": 100},
    "mnist1d": {"accuracy": 0.92, "epochs": 100, "seeds": 100},
    "mnist": {"accuracy": 0.98, "epochs": 8, "seeds": 30},
}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ledger", type=Path)
    parser.add_argument("records", type=Path, help="folder of the rows")
    parser.add_argument("names", nargs="*", help="of data sets")
    parser.add_argument("--seeds", type=int)
    return parser.parse_args()


def write_rows(ledger: Path, data: DataSet, path: Path, seeds: int) -> None:
    """Write every training as a line of JSON."""
    names = ("architecture", "rate_weight", "float_epochs")
    with read_ledger(ledger) as rows, path.open("w", encoding="utf-8") as file:
        for row in rows.measurements(data.digest, PRICE.key):
            settings, result = json.loads(row["settings"]), json.loads(row["result"])
            if row["seed"] < seeds:
                short = {name: settings[name] for name in names} | {"seed": row["seed"]}
                file.write(json.dumps(short | result | {"seconds": round(row["seconds"], 3)}))
                file.write("\n")
    print(f"Rows: {path}, {path.stat().st_size:,} bytes")


def main() -> None:
    asked = options()
    asked.records.mkdir(parents=True, exist_ok=True)
    for name in asked.names or SETTINGS:
        start, data = time.perf_counter(), load(name)
        picture = Path(f"docs/images/trainability-price-{name}.png")
        request = PriceRequest(**SETTINGS[name], ledger=asked.ledger, figure=picture, workers=2)
        request = dataclasses.replace(request, seeds=asked.seeds or request.seeds)
        report = price_job(data, request, StudyLines(quiet=False))
        print_price(report)
        write_rows(asked.ledger, data, asked.records / f"price-{name}.jsonl", request.seeds)
        print(f"{(time.perf_counter() - start) / 60:.0f} minutes\n", flush=True)
        if report.interrupted:
            sys.exit("interrupted: run it again to go on")


if __name__ == "__main__":
    main()
