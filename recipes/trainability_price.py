"""What trainability costs in bits, on digits, MNIST-1D and MNIST.

    python recipes/trainability_price.py build/price.sqlite records/trainability --hours 1

Name data sets behind it for fewer of them, and `--seeds N` for fewer seeds. Rows of earlier runs
are taken from the records, and new ones are written there as they come: a run that was stopped, or
ended with its hours, goes on where it was, on another machine, too. All data sets and sizes grow in
proportion. Text and pictures are written at the end of every run, from what is known by then.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence

from kept_study import Part, record_text, shared_arguments, side_by_side, work_off, written_rows

from minbits.cli.trainability import print_price
from minbits.data import load
from minbits.interrupts import EXIT_INTERRUPTED, run_interruptibly
from minbits.jobs.price import known_price, price_kinds
from minbits.jobs.price_request import PriceRequest
from minbits.jobs.shared_options import StudyOptions
from minbits.jobs.study_records import StudyRecords
from minbits.studies.price import PRICE, price_tasks
from minbits.studies.protocol import StudyTask

SETTINGS = {
    "digits": {"accuracy": 0.95, "epochs": 100, "seeds": 100},
    "mnist1d": {"accuracy": 0.92, "epochs": 100, "seeds": 100},
    # The sizes around 98 %: a training of the usual sizes takes up to two minutes.
    "mnist": {
        "accuracy": 0.98, "epochs": 6, "seeds": 30, "strengths": (2.0, 4.0, 8.0, 16.0),
        "scales": (0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8),
    },
}  # fmt: skip
# At which the same trainings have a price, too; none is told where half succeed at no size.
OTHER_ACCURACIES = {"digits": (0.9, 0.93, 0.96, 0.97), "mnist1d": (0.9, 0.94)}
BLOCKS = 10  # in which the seeds of a data set are worked off


def options() -> argparse.Namespace:
    parser = shared_arguments(__doc__)
    parser.add_argument("names", nargs="*", help="of data sets")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--epochs", type=int, help="of each phase")
    return parser.parse_args()


def asked_of(asked: argparse.Namespace, name: str) -> PriceRequest:
    named = {key: value for key in ("seeds", "epochs") if (value := getattr(asked, key))}
    picture = asked.pictures / f"trainability-price-{name}.png"
    return PriceRequest(**(SETTINGS[name] | named), ledger=asked.ledger, figure=picture)


def part_of(asked: argparse.Namespace, name: str) -> Part:
    data, request = load(name), asked_of(asked, name)
    kinds = price_kinds(data, request)

    def tasks(wanted: int, done: Sequence[set[int]]) -> list[StudyTask]:
        return price_tasks(kinds, wanted, done)

    records = StudyRecords(
        asked.records / f"price-{name}.parquet", asked.ledger, data.digest, (PRICE.key,)
    )
    labels = [f"{kind.route} × {kind.factor:g}" for kind in kinds]
    return Part(
        name, PRICE, data, [kind.settings for kind in kinds], labels, request.seeds,
        max(1, request.seeds // BLOCKS), tasks, records,
    )  # fmt: skip


def tell_others(asked: argparse.Namespace, name: str, part: Part) -> None:
    for accuracy in OTHER_ACCURACIES.get(name, ()):
        request = dataclasses.replace(asked_of(asked, name), accuracy=accuracy, figure=None)
        found = known_price(part.data, request).prices
        known = [
            f"{item.price.value:.2f} ({item.price.low:.2f} to {item.price.high:.2f}) in {item.unit}"
            for item in found
        ]
        print(f"At {100 * accuracy:g} %: {'; '.join(known) or 'no price'}")


def main() -> int:
    asked = options()
    names = asked.names or list(SETTINGS)
    parts = {name: part_of(asked, name) for name in names}
    for part in parts.values():
        print(f"{part.records.take():,} rows taken from {part.records.path}", flush=True)
    choice = StudyOptions(ledger=asked.ledger, workers=asked.workers)
    interrupted = work_off(side_by_side(parts.values()), choice, asked.hours)

    def tell() -> None:
        for name, part in parts.items():
            print(part.account(choice))
            report = known_price(part.data, asked_of(asked, name))
            if report.rows:
                print_price(report)
                tell_others(asked, name, part)
            print(f"{written_rows(part.records)}\n")

    record_text(asked.texts / "trainability_price.txt", tell)
    return EXIT_INTERRUPTED if interrupted else 0


if __name__ == "__main__":
    raise SystemExit(run_interruptibly(main))
