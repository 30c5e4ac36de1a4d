"""What narrows the spread of trainings on digits: depth, bits of a weight, normalisation.

    python recipes/trainability_spread.py build/spread.sqlite records/trainability

100 initialisations of each kind of network. The standard deviation of the test loss is compared
with that of the plain network of the same width. Rows of earlier runs are taken from the records,
as the other recipes of trainability do.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from typing import Any

from kept_study import (
    Part,
    one_after_another,
    record_text,
    seed_tasks,
    shared_arguments,
    work_off,
    written_rows,
)

from minbits.data import load
from minbits.interrupts import EXIT_INTERRUPTED, run_interruptibly
from minbits.jobs.shared_options import StudyOptions
from minbits.jobs.study_records import StudyRecords
from minbits.studies.trainability import TRAINABILITY, TrainabilityPlan, parameter_count
from minbits.studies.trainability_statistics import (
    Estimate,
    WidthRow,
    compare_spreads,
    holm,
    width_row,
)
from minbits.types import DataSet

SEEDS, EPOCHS, RATE, BATCH = 100, 40, 0.05, 64
SEEDS_A_TASK = 25
LINEAR_WIDTHS, CHANNELS = (16, 64), (8,)
LINEAR: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "2 hidden layers": {"depth": 2},
    "3 hidden layers": {"depth": 3},
    "8 bits a weight": {"weight_bits": 8},
    "4 bits a weight": {"weight_bits": 4},
    "2 bits a weight": {"weight_bits": 2},
    "1 bit a weight": {"weight_bits": 1},
    "root mean square": {"normalisation": "rms"},
}
CONVOLUTIONS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "root mean square": {"normalisation": "rms"},
    "batches": {"normalisation": "batch"},
}

UNITS = {
    "linear": "units in each fully connected layer",
    "convolution": "channels in each of two convolutions",
}


def options() -> argparse.Namespace:
    parser = shared_arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    return parser.parse_args()


def plans(asked: argparse.Namespace) -> dict[tuple[str, str], TrainabilityPlan]:
    """Return what is trained, by family and name."""
    base = TrainabilityPlan(LINEAR_WIDTHS, 1, asked.seeds, asked.epochs, RATE, BATCH)
    two = dataclasses.replace(base, widths=CHANNELS, depth=2, kind="convolution")
    linear = {("linear", name): dataclasses.replace(base, **own) for name, own in LINEAR.items()}
    return linear | {
        ("convolution", name): dataclasses.replace(two, **own) for name, own in CONVOLUTIONS.items()
    }


def part_of(
    wanted: Mapping[tuple[str, str], TrainabilityPlan], data: DataSet, records: StudyRecords
) -> Part:
    cells = [(key, plan, width) for key, plan in wanted.items() for width in plan.widths]
    kinds = [plan.settings(width, data.class_count) for _, plan, width in cells]
    costs = [parameter_count(data, plan, width) + 2_000.0 for _, plan, width in cells]
    labels = [f"{family}, {name}, {width}" for (family, name), _, width in cells]
    seeds = next(iter(wanted.values())).seeds
    return Part(
        "all kinds", TRAINABILITY, data, kinds, labels, seeds, seeds,
        seed_tasks(kinds, costs, SEEDS_A_TASK), records,
    )  # fmt: skip


def shown(found: Estimate, digits: int) -> str:
    return f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def tell_rows(title: str, rows: Mapping[str, WidthRow]) -> None:
    """Print the kinds of one width, each beside the plain one."""
    plain = rows.get("plain")
    print(f"\n{title}")
    print(
        "                  parameters  seeds  failed  train loss  its dev.  test loss  accuracy"
        "  its dev.   deviation of test loss      over plain            p, adjusted"
    )
    others = [name for name in rows if name != "plain"]
    spreads = {
        name: compare_spreads(rows[name].test_losses, plain.test_losses)
        for name in others
        if plain is not None
    }
    adjusted = dict(zip(spreads, holm([found.p_value for found in spreads.values()]), strict=True))
    for name, row in rows.items():
        end = ""
        if name in spreads:
            end = f"   {shown(spreads[name].ratio, 2):<22}{adjusted[name]:.2g}"
        print(
            f"{name:<18}{row.parameters:>10,}{len(row.test_losses) + row.failed:>7}{row.failed:>8}"
            f"{row.train_losses.mean():>12.4f}{row.train_losses.std(ddof=1):>10.4f}"
            f"{row.test_loss.value:>11.4f}{100 * row.test_accuracies.mean():>8.2f} %"
            f"{100 * row.test_accuracies.std(ddof=1):>8.2f} %   "
            f"{shown(row.test_loss_deviation, 4)}{end}"
        )


def main() -> int:
    asked, data = options(), load("digits")
    records = StudyRecords(
        asked.records / "spread-digits.parquet", asked.ledger, data.digest, (TRAINABILITY.key,)
    )
    print(f"{records.take():,} rows taken from {records.path}", flush=True)
    wanted = plans(asked)
    part = part_of(wanted, data, records)
    choice = StudyOptions(ledger=asked.ledger, workers=asked.workers)
    interrupted = work_off(one_after_another([part]), choice, asked.hours)

    def tell() -> None:
        print(data.summary())
        print(f"{asked.epochs} epochs, batches of {BATCH}, rate {RATE} to 0")
        print(part.account(choice))
        tables: dict[str, dict[str, WidthRow]] = {}
        found = iter(part.known(choice).found)
        for (family, name), plan in wanted.items():
            for width in plan.widths:
                results = list(next(found).values())
                if len(results) > 2:
                    size = parameter_count(data, plan, width)
                    rows = tables.setdefault(f"{width} {UNITS[family]}", {})
                    rows[name] = width_row(width, size, results)
        for title, rows in sorted(tables.items(), key=lambda item: int(item[0].split()[0])):
            tell_rows(title, rows)
        print(
            "\ndeviation: standard deviation over initialisations, bootstrap interval; over plain: "
            "its ratio to that of the plain\nnetwork of the table; p: of equal spreads, Brown and "
            "Forsythe, adjusted by Holm's method within the table"
        )
        print(written_rows(records))

    record_text(asked.texts / "trainability_spread.txt", tell)
    return EXIT_INTERRUPTED if interrupted else 0


if __name__ == "__main__":
    raise SystemExit(run_interruptibly(main))
