"""Where trainings on MNIST at 10 x 10 end, against the width (Choromanska et al. 2015).

    python recipes/trainability_mnist.py build/trainability.sqlite records/trainability --hours 1

Rows of earlier runs are taken from the records, and new ones are written there as they come: a run
that was stopped, or ended with its hours, goes on where it was, on another machine, too. Seeds come
in blocks of all widths, so that the tables and the picture can be drawn at any time; they say how
many seeds each width has. Text and picture are written at the end of every run.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from kept_study import (
    Part,
    one_after_another,
    record_text,
    shared_arguments,
    work_off,
    written_rows,
)

from minbits.charts.trainability_chart import draw_trainability
from minbits.data import load
from minbits.interrupts import EXIT_INTERRUPTED, run_interruptibly
from minbits.intervals import p_value_text
from minbits.jobs.shared_options import StudyOptions
from minbits.jobs.study_records import StudyRecords
from minbits.jobs.trainability import TrainabilityReport, brought_to, known_trainability
from minbits.jobs.trainability_request import TrainabilityRequest
from minbits.studies.hessian import HESSIAN, most_negative
from minbits.studies.protocol import StudyTask
from minbits.studies.trainability import TRAINABILITY, TrainabilityPlan, trainability_tasks
from minbits.studies.trainability_statistics import Statement, index_is_below, mean_interval
from minbits.types import DataSet

BATCH, RATE, INDEX_LIMIT = 128, 0.05, 0.01


def options() -> argparse.Namespace:
    parser = shared_arguments(__doc__)
    parser.add_argument("--data", default="mnist", help="another set, for a trial")
    parser.add_argument("--side", type=int, default=10, help="of images; 0 leaves them alone")
    parser.add_argument("--widths", default="25,50,100,250,500")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--block", type=int, default=50, help="seeds between looks at the clock")
    parser.add_argument("--long-seeds", type=int, default=100)
    parser.add_argument("--long-epochs", type=int, default=200)
    parser.add_argument("--long-block", type=int, default=10)
    parser.add_argument("--index-widths", default="10,25,50")
    parser.add_argument("--index-seeds", type=int, default=10)
    return parser.parse_args()


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def trainings(data: DataSet, plan: TrainabilityPlan, block: int, records: StudyRecords) -> Part:
    def tasks(wanted: int, done: Sequence[set[int]]) -> list[StudyTask]:
        known = dict(zip(plan.widths, done, strict=True))
        return trainability_tasks(data, dataclasses.replace(plan, seeds=wanted), known)

    return Part(
        f"{plan.epochs} epochs", TRAINABILITY, data,
        [plan.settings(width, data.class_count) for width in plan.widths],
        [f"{width} units" for width in plan.widths], plan.seeds, block, tasks, records,
    )  # fmt: skip


def hessians(data: DataSet, plan: TrainabilityPlan, records: StudyRecords) -> Part:
    kinds = [plan.settings(width, data.class_count) for width in plan.widths]

    def tasks(wanted: int, done: Sequence[set[int]]) -> list[StudyTask]:
        return [
            StudyTask(kind, (seed,), float(width) ** 2.5)
            for kind, width, known in zip(kinds, plan.widths, done, strict=True)
            for seed in range(wanted)
            if seed not in known
        ]

    labels = [f"{width} units" for width in plan.widths]
    return Part("Hessians", HESSIAN, data, kinds, labels, plan.seeds, 2, tasks, records)


def tell_ends(asked: argparse.Namespace, data: DataSet, seeds: int, epochs: int) -> None:
    request = TrainabilityRequest(
        numbers(asked.widths), seeds=seeds, epochs=epochs, batch_size=BATCH, learning_rate=RATE,
        ledger=asked.ledger,
    )  # fmt: skip
    report = known_trainability(data, request)
    if not report.rows:
        return
    print_widths(report)
    if epochs == asked.epochs:
        path = asked.pictures / f"trainability-{asked.data}.png"
        draw_trainability(data.name, report.rows).save(path)
        print(f"Picture: {path}")


def print_widths(report: TrainabilityReport) -> None:
    request = report.request
    print(f"\n{request.epochs} epochs, {request.seeds:,} seeds a width wanted")
    print("units  parameters  seeds  failed  train loss  test loss      its deviation")
    print("       correlation             accuracy  last fall  seconds a seed")
    for row in report.rows:
        deviation, rho = row.test_loss_deviation, row.correlation
        shown = "" if rho is None else f"{rho.value:.4f} ({rho.low:.4f} to {rho.high:.4f})"
        fall = "" if row.last_fall is None else f"{100 * row.last_fall:.2f} %"
        print(
            f"{row.width:>5}{row.parameters:>12,}{len(row.test_losses) + row.failed:>7,}"
            f"{row.failed:>8}{row.train_losses.mean():>12.5f}"
            f"{row.test_loss.value:>11.5f}      {deviation.value:.5f} ({deviation.low:.5f} to "
            f"{deviation.high:.5f})\n       {shown:<26}{100 * row.test_accuracies.mean():>6.2f} %"
            f"{fall:>11}{row.seconds:>16.2f}"
        )
    for item in report.statements:
        print_statement(item)
    if report.equal_spread_p is not None:
        known = p_value_text(report.equal_spread_p)
        print(f"equal spreads at all widths, Brown and Forsythe: {known}")


def print_statement(item: Statement) -> None:
    known = p_value_text(item.p_value)
    print(f"{item.verdict}: {item.text} ({item.method}: {item.statistic:.4f}, {known})")


def tell_hessians(part: Part, choice: StudyOptions, epochs: int) -> None:
    found = [
        (int(str(kind["width"])), list(rows.values()))
        for kind, rows in zip(part.kinds, part.known(choice).found, strict=True)
        if len(rows) > 1
    ]
    if not found:
        return
    print(f"\nHessian of the training loss at the end, {epochs} epochs")
    print(
        "units  parameters  seeds  least / largest  gradient     index            clearly negative"
    )
    for width, rows in found:
        print_hessian(width, rows, part.data.class_count)
    everything = [row for _, rows in found for row in rows]
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
    print(f"{width:>5}{size:>12,}{len(rows):>7}{edges:>17.5f}{gradient:>10.5f}  {'  '.join(texts)}")
    print(f"      no network can have an index above {most_negative(width, classes) / size:.4f}")


def main() -> int:
    asked = options()
    data, name = load(asked.data), asked.data
    if asked.side:
        data, name = brought_to(data, asked.side), f"{name}-{asked.side}x{asked.side}"
    records = StudyRecords(
        asked.records / f"{name}.parquet", asked.ledger, data.digest,
        (TRAINABILITY.key, HESSIAN.key),
    )  # fmt: skip
    print(f"{records.take():,} rows taken from {records.path}", flush=True)

    def plan(widths: str, seeds: int, epochs: int) -> TrainabilityPlan:
        return TrainabilityPlan(numbers(widths), 1, seeds, epochs, RATE, BATCH)

    index = hessians(data, plan(asked.index_widths, asked.index_seeds, asked.epochs), records)
    parts = [
        trainings(data, plan(asked.widths, asked.seeds, asked.epochs), asked.block, records),
        index,
        trainings(
            data, plan(asked.widths, asked.long_seeds, asked.long_epochs), asked.long_block, records
        ),
    ]
    choice = StudyOptions(ledger=asked.ledger, workers=asked.workers)
    interrupted = work_off(one_after_another(parts), choice, asked.hours)

    def tell() -> None:
        print(f"{data.summary()}\nlinear W relu; linear 10, batches of {BATCH}, rate {RATE} to 0")
        for part in parts:
            print(part.account(choice))
        tell_ends(asked, data, asked.seeds, asked.epochs)
        tell_hessians(index, choice, asked.epochs)
        tell_ends(asked, data, asked.long_seeds, asked.long_epochs)
        print(f"\n{written_rows(records)}")

    record_text(asked.texts / f"trainability_{asked.data}.txt", tell)
    return EXIT_INTERRUPTED if interrupted else 0


if __name__ == "__main__":
    raise SystemExit(run_interruptibly(main))
