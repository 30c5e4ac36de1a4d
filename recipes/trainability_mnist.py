"""Where trainings on MNIST at 10 x 10 end, against the width (Choromanska et al. 2015).

    python recipes/trainability_mnist.py build/trainability.sqlite records/trainability

All trainings are rows of the ledger: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minbits.charts.trainability_chart import draw_trainability
from minbits.cli.trainability import StudyLines
from minbits.data import load
from minbits.jobs.shared_options import StudyOptions
from minbits.jobs.study import complete_study
from minbits.jobs.trainability import TrainabilityReport, brought_to, trainability_job
from minbits.jobs.trainability_request import TrainabilityRequest
from minbits.ledger.store import read_ledger
from minbits.studies.hessian import HESSIAN, most_negative
from minbits.studies.protocol import StudyTask
from minbits.studies.trainability import TrainabilityPlan
from minbits.studies.trainability_statistics import Statement, index_is_below, mean_interval
from minbits.types import DataSet

SIDE, BATCH, RATE, INDEX_LIMIT = 10, 128, 0.05, 0.01
PICTURE = Path("docs/images/trainability-mnist.png")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ledger", type=Path)
    parser.add_argument("records", type=Path, help="folder of the rows")
    parser.add_argument("--widths", default="25,50,100,250,500")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--long-seeds", type=int, default=100)
    parser.add_argument("--long-epochs", type=int, default=200)
    parser.add_argument("--index-widths", default="25,50")
    parser.add_argument("--index-seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def end_points(asked: argparse.Namespace, data: DataSet, seeds: int, epochs: int) -> None:
    request = TrainabilityRequest(
        numbers(asked.widths), seeds=seeds, epochs=epochs, batch_size=BATCH, learning_rate=RATE,
        ledger=asked.ledger, workers=asked.workers,
    )  # fmt: skip
    report = trainability_job(data, request, StudyLines(quiet=False))
    if report.interrupted:
        raise KeyboardInterrupt
    print_widths(report)
    if seeds == asked.seeds and epochs == asked.epochs:
        draw_trainability(data.name, report.rows).save(PICTURE)
        print(f"Picture: {PICTURE}")


def print_widths(report: TrainabilityReport) -> None:
    request = report.request
    print(f"\n{request.seeds:,} seeds a width, {request.epochs} epochs")
    print("units  parameters  failed  train loss  test loss      its deviation            ")
    print("       correlation             accuracy  last fall  seconds a seed")
    for row in report.rows:
        deviation, rho = row.test_loss_deviation, row.correlation
        shown = "" if rho is None else f"{rho.value:.4f} ({rho.low:.4f} to {rho.high:.4f})"
        fall = "" if row.last_fall is None else f"{100 * row.last_fall:.2f} %"
        print(
            f"{row.width:>5}{row.parameters:>12,}{row.failed:>8}{row.train_losses.mean():>12.5f}"
            f"{row.test_loss.value:>11.5f}      {deviation.value:.5f} ({deviation.low:.5f} to "
            f"{deviation.high:.5f})\n       {shown:<26}{100 * row.test_accuracies.mean():>6.2f} %"
            f"{fall:>11}{row.seconds:>16.2f}"
        )
    for item in report.statements:
        print_statement(item)
    if report.equal_spread_p is not None:
        print(f"equal spreads at all widths, Brown and Forsythe: p = {report.equal_spread_p:.2g}")


def print_statement(item: Statement) -> None:
    print(
        f"{item.verdict}: {item.text} ({item.method}: {item.statistic:.4f}, p = {item.p_value:.2g})"
    )


def hessians(asked: argparse.Namespace, data: DataSet) -> None:
    widths, seeds = numbers(asked.index_widths), asked.index_seeds
    plan = TrainabilityPlan(widths, 1, seeds, asked.epochs, RATE, BATCH)
    kinds = [plan.settings(width, data.class_count) for width in widths]

    def tasks(done: Sequence[set[int]]) -> list[StudyTask]:
        return [
            StudyTask(kind, (seed,), float(width) ** 2.5)
            for kind, width, known in zip(kinds, widths, done, strict=True)
            for seed in range(seeds)
            if seed not in known
        ]

    choice = StudyOptions(ledger=asked.ledger, workers=asked.workers)
    outcome = complete_study(HESSIAN, data, kinds, seeds, tasks, choice, StudyLines(quiet=False))
    if outcome.interrupted:
        raise KeyboardInterrupt
    print(f"\nHessian of the training loss at the end, {seeds} seeds, {asked.epochs} epochs")
    print("units  parameters  least / largest  gradient     index            clearly negative")
    for width, rows in zip(widths, outcome.found, strict=True):
        print_hessian(width, list(rows.values()), data.class_count)
    everything = [row for rows in outcome.found for row in rows.values()]
    counted = {"negative": "all that are negative", "clearly_negative": _CLEARLY}
    for name, words in counted.items():
        print_statement(index_is_below(shares(everything, name), INDEX_LIMIT, words))


_CLEARLY = "those below a thousandth of the largest one, with a minus sign"


def shares(rows: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    return np.array([row[name] / row["parameters"] for row in rows])


def print_hessian(width: int, rows: Sequence[Mapping[str, Any]], classes: int) -> None:
    size = rows[0]["parameters"]
    found = [mean_interval(shares(rows, name)) for name in ("negative", "clearly_negative")]
    texts = [f"{item.value:.4f} ({item.low:.4f} to {item.high:.4f})" for item in found]
    edges = np.mean([row["least"] / row["largest"] for row in rows])
    gradient = np.mean([row["gradient_norm"] for row in rows])
    print(f"{width:>5}{size:>12,}{edges:>17.5f}{gradient:>10.5f}  {'  '.join(texts)}")
    print(f"      no network can have an index above {most_negative(width, classes) / size:.4f}")


def write_rows(asked: argparse.Namespace, data: DataSet) -> None:
    """Write every training as a line of JSON: settings in short, losses, counts, curve's end."""
    asked.records.mkdir(parents=True, exist_ok=True)
    path = asked.records / "mnist-10x10.jsonl"
    with read_ledger(asked.ledger) as ledger, path.open("w", encoding="utf-8") as file:
        for study in ("trainability", "hessian"):
            for row in ledger.measurements(data.digest, study):
                settings, result = json.loads(row["settings"]), json.loads(row["result"])
                short = {"study": study, "width": settings["width"], "epochs": settings["epochs"]}
                curve = {"curve": [[n, round(x, 6)] for n, x in result.pop("curve", [])[-2:]]}
                whole = short | {"seed": row["seed"]} | result | curve
                file.write(json.dumps(whole | {"seconds": round(row["seconds"], 3)}) + "\n")
    print(f"\nRows: {path}, {path.stat().st_size:,} bytes")


def main() -> None:
    asked, start = options(), time.perf_counter()
    data = brought_to(load("mnist"), SIDE)
    print(f"{data.summary()}\nlinear W relu; linear 10, batches of {BATCH}, rate {RATE} to 0")
    end_points(asked, data, asked.seeds, asked.epochs)
    hessians(asked, data)
    end_points(asked, data, asked.long_seeds, asked.long_epochs)
    write_rows(asked, data)
    print(f"{(time.perf_counter() - start) / 60:.0f} minutes")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted: run it again to go on")
