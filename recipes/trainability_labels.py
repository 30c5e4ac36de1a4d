"""Labels that are fitted, real, random and noisy ones, on digits, against the width.

    python recipes/trainability_labels.py build/labels.sqlite records/trainability

Real labels beside random ones (Zhang et al. 2017): steps and seconds until all are right. Noisy
ones (Belkin et al. 2019): the test loss against the number of parameters, with squared loss and
with cross-entropy. Rows of earlier runs are taken from the records, as the other recipes of
trainability do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from kept_study import (
    Part,
    one_after_another,
    record_text,
    seed_tasks,
    shared_arguments,
    work_off,
    written_rows,
)
from scipy import stats
from trainability_labels_chart import FitLine, NoisyLine, draw_fits

from minbits.data import load
from minbits.interrupts import EXIT_INTERRUPTED, run_interruptibly
from minbits.jobs.shared_options import StudyOptions
from minbits.jobs.study_records import StudyRecords
from minbits.studies.label_fits import LABEL_FITS, LabelFitPlan, label_fit_parameters
from minbits.studies.trainability_statistics import Estimate, mean_interval
from minbits.types import DataSet

RATE = 0.01
FIT_WIDTHS, FIT_SEEDS = (4, 8, 16, 32, 64, 128, 256), 5
FITS = {
    "real": LabelFitPlan(500, 0.0, 1000, RATE, "cross-entropy"),
    "random": LabelFitPlan(500, 1.0, 1000, RATE, "cross-entropy"),
}
NOISY_WIDTHS, NOISY_SEEDS = (2, 3, 4, 5, 6, 8, 12, 16, 20, 25, 30, 40, 60, 100, 200), 10
NOISY = {
    "squared": LabelFitPlan(200, 0.2, 1500, RATE, "squared"),
    "cross-entropy": LabelFitPlan(200, 0.2, 1500, RATE, "cross-entropy"),
}
Rows = Sequence[Mapping[str, Any]]


def part_of(
    name: str, plans: Sequence[LabelFitPlan], widths: Sequence[int], seeds: int, data: DataSet,
    records: StudyRecords,
) -> Part:  # fmt: skip
    cells = [(plan, width) for width in reversed(widths) for plan in plans]
    kinds = [plan.settings(width) for plan, width in cells]
    costs = [float(plan.examples * (width + 20)) for plan, width in cells]
    labels = [f"{plan.loss}, {plan.random_part:g}, {width}" for plan, width in cells]
    tasks = seed_tasks(kinds, costs, seeds)
    return Part(name, LABEL_FITS, data, kinds, labels, seeds, seeds, tasks, records)


def known_rows(part: Part, choice: StudyOptions) -> Callable[[LabelFitPlan, int], Rows]:
    """Return what gives the rows of a plan and a width that ended well."""
    found = part.known(choice).found

    def rows(plan: LabelFitPlan, width: int) -> Rows:
        results = found[list(part.kinds).index(plan.settings(width))].values()
        return [row for row in results if "failed" not in row]

    return rows


def column(rows: Rows, name: str) -> np.ndarray:
    return np.array([row[name] for row in rows], float)


def shown(found: Estimate, digits: int) -> str:
    return f"{found.value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def tell_fits(rows_of: Callable[[LabelFitPlan, int], Rows], data: DataSet) -> list[FitLine]:
    plan = FITS["real"]
    print(
        f"\n{plan.examples} examples, {plan.steps} steps of Adam from {plan.learning_rate}; "
        "until all labels are right, the mean of those that got there (95 % interval)\n"
        "units  parameters  labels  seeds  fitted  steps                    CPU s   "
        "train loss at the end  test accuracy"
    )
    lines = {name: FitLine(name, [], [], []) for name in FITS}
    for width in FIT_WIDTHS:
        for name, one in FITS.items():
            rows = rows_of(one, width)
            if len(rows) < 2:
                continue
            fitted = [row for row in rows if row["fit_step"] is not None]
            steps, seconds = "", ""
            if len(fitted) > 1:
                found = mean_interval(column(fitted, "fit_step"))
                steps = shown(found, 0)
                seconds = f"{column(fitted, 'fit_cpu_seconds').mean():.3f}"
                lines[name].widths.append(width)
                lines[name].steps.append(found)
                lines[name].seconds.append(float(seconds))
            accuracy = 100 * (column(rows, "test_correct") / column(rows, "test_examples")).mean()
            print(
                f"{width:>5}{label_fit_parameters(data, width):>12,}  {name:<6}{len(rows):>7}"
                f"{len(fitted):>8}  {steps:<22}{seconds:>8}"
                f"{column(rows, 'train_loss').mean():>24.5f}{accuracy:>13.1f} %"
            )
    return list(lines.values())


def tell_noisy(rows_of: Callable[[LabelFitPlan, int], Rows], data: DataSet, loss: str) -> NoisyLine:
    plan = NOISY[loss]
    threshold = plan.examples * data.class_count
    print(
        f"\n{loss}: {plan.examples} examples, {100 * plan.random_part:.0f} % of the labels "
        f"random, {plan.steps} steps; n C = {threshold:,}\n"
        "units  parameters  over n C  seeds  fitted  train loss  test loss              test error"
    )
    line = NoisyLine(loss, threshold, [], [], [])
    pooled: list[tuple[int, float]] = []
    for width in NOISY_WIDTHS:
        rows = rows_of(plan, width)
        if len(rows) < 2:
            continue
        size = label_fit_parameters(data, width)
        test = mean_interval(column(rows, "test_loss"))
        wrong = 1 - (column(rows, "test_correct") / column(rows, "test_examples")).mean()
        fitted = sum(row["fit_step"] is not None for row in rows)
        print(
            f"{width:>5}{size:>12,}{size / threshold:>10.2f}{len(rows):>7}{fitted:>8}"
            f"{column(rows, 'train_loss').mean():>12.5f}  {shown(test, 3):<24}"
            f"{100 * wrong:>7.1f} %"
        )
        line.parameters.append(size)
        line.train_losses.append(float(column(rows, "train_loss").mean()))
        line.test_losses.append(test)
        pooled += [(size, value) for value in column(rows, "test_loss")]
    sizes, losses = np.array(pooled).reshape(-1, 2).T
    for side, words, alternative in (
        (sizes <= threshold, "rises up to n C parameters", "greater"),
        (sizes > threshold, "falls beyond n C parameters", "less"),
    ):
        if len(np.unique(sizes[side])) > 1:
            found = stats.spearmanr(sizes[side], losses[side], alternative=alternative)
            print(
                f"the test loss {words}: Spearman's rank correlation with their number "
                f"{found.statistic:.3f}, p = {found.pvalue:.2g}"
            )
    if line.parameters:
        highest = int(np.argmax([item.value for item in line.test_losses]))
        size = line.parameters[highest]
        print(f"highest at {size:,} parameters, {size / threshold:.2f} n C")
    return line


def main() -> int:
    asked, data = shared_arguments(__doc__).parse_args(), load("digits")
    records = StudyRecords(
        asked.records / "labels-digits.parquet", asked.ledger, data.digest, (LABEL_FITS.key,)
    )
    print(f"{records.take():,} rows taken from {records.path}", flush=True)
    parts = [
        part_of("noisy labels", list(NOISY.values()), NOISY_WIDTHS, NOISY_SEEDS, data, records),
        part_of("real and random", list(FITS.values()), FIT_WIDTHS, FIT_SEEDS, data, records),
    ]
    choice = StudyOptions(ledger=asked.ledger, workers=asked.workers)
    interrupted = work_off(one_after_another(parts), choice, asked.hours)

    def tell() -> None:
        print(data.summary())
        for part in parts:
            print(part.account(choice))
        fits = tell_fits(known_rows(parts[1], choice), data)
        noisy = [tell_noisy(known_rows(parts[0], choice), data, loss) for loss in NOISY]
        picture = asked.pictures / "trainability-labels.png"
        draw_fits(fits, noisy).save(picture)
        print(f"\nPicture: {picture}")
        print(written_rows(records))

    record_text(asked.texts / "trainability_labels.txt", tell)
    return EXIT_INTERRUPTED if interrupted else 0


if __name__ == "__main__":
    raise SystemExit(run_interruptibly(main))
