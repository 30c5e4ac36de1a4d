"""Four measures of complexity of the same networks on digits.

    python recipes/trainability_complexity.py build/complexity.sqlite records/trainability

Networks of the main job's kind, of some sizes and seeds: bits of the file, parameters, sharpness,
and the local learning coefficient (Lau et al. 2023), with rank correlations between them. Rows of
earlier runs are taken from the records, as the other recipes of trainability do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

from minbits.data import load
from minbits.interrupts import EXIT_INTERRUPTED, run_interruptibly
from minbits.jobs.price import price_kinds
from minbits.jobs.price_request import PriceRequest
from minbits.jobs.shared_options import StudyOptions
from minbits.jobs.study_records import StudyRecords
from minbits.studies.complexity import COMPLEXITY
from minbits.studies.learning_coefficient import ChainSettings
from minbits.studies.trainability_statistics import mean_interval

SCALES, EPOCHS = (0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5), 60
DESCENT_STEPS, PENALTY = 500, 1e-3
CHAINS = ChainSettings(localisation=10.0, burn_in=300, steps=700, chains=2)
MEASURES = {
    "size_bits": "bits of the file",
    "parameters": "parameters",
    "largest_eigenvalue": "largest eigenvalue",
    "trace": "trace",
    "learning_coefficient": "learning coefficient",
}
Rows = Sequence[Mapping[str, Any]]


def column(rows: Rows, name: str) -> np.ndarray:
    return np.array([row[name] for row in rows], float)


def tell_sizes(kinds: Sequence[Any], found: Sequence[Rows]) -> None:
    print(
        "units × parameters  seeds    bits  correct  train loss  gradient  largest    trace"
        "   learning coefficient    of a chain  quadratic"
    )
    for kind, rows in zip(kinds, found, strict=True):
        if len(rows) < 2:
            continue
        means = {name: column(rows, name).mean() for name in rows[0] if name != "failed"}
        share = 100 * means["validation_correct"] / means["validation_examples"]
        lot = mean_interval(column(rows, "learning_coefficient"))
        print(
            f"{kind.factor:<7g}{kind.parameters:>11,}{len(rows):>7}{means['size_bits']:>8,.0f}"
            f"{share:>7.1f} %{means['train_loss_nats']:>12.4f}{means['gradient_norm']:>10.3f}"
            f"{means['largest_eigenvalue']:>9.1f}{means['trace']:>9.1f}   "
            f"{lot.value:>6.2f} ({lot.low:.2f} to {lot.high:.2f})"
            f"{means['standard_error']:>12.2f}{means['quadratic_coefficient']:>11.2f}"
        )


def tell_correlations(rows: Rows, title: str) -> None:
    print(f"\nSpearman's rank correlation, {title}")
    print(" " * 22 + "".join(f"{words:>22}" for words in list(MEASURES.values())[:-1]))
    names = list(MEASURES)
    for index, name in enumerate(names[1:], 1):
        cells = []
        for other in names[:index]:
            found = stats.spearmanr(column(rows, name), column(rows, other))
            cells.append(f"{found.statistic:>10.2f} (p {found.pvalue:<7.1g})")
        print(f"{MEASURES[name]:<22}" + "".join(f"{cell:>22}" for cell in cells))


def main() -> int:
    parser = shared_arguments(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    asked, data = parser.parse_args(), load("digits")
    records = StudyRecords(
        asked.records / "complexity-digits.parquet", asked.ledger, data.digest, (COMPLEXITY.key,)
    )
    print(f"{records.take():,} rows taken from {records.path}", flush=True)
    request = PriceRequest(0.95, scales=SCALES, epochs=EPOCHS)
    kinds = [kind for kind in price_kinds(data, request) if kind.route == "size"]
    settings = [
        {**kind.settings, "descent_steps": DESCENT_STEPS, "penalty": PENALTY, **vars(CHAINS)}
        for kind in kinds
    ]
    tasks = seed_tasks(settings, [kind.parameters + 500.0 for kind in kinds], 1)
    labels = [f"units × {kind.factor:g}" for kind in kinds]
    part = Part("networks", COMPLEXITY, data, settings, labels, asked.seeds, 1, tasks, records)
    choice = StudyOptions(ledger=asked.ledger, workers=asked.workers)
    interrupted = work_off(one_after_another([part]), choice, asked.hours)

    def tell() -> None:
        print(data.summary())
        print(
            f"{EPOCHS} epochs of each phase; {CHAINS.chains} chains of {CHAINS.burn_in} + "
            f"{CHAINS.steps} steps, localisation {CHAINS.localisation:g}; penalty {PENALTY:g}"
        )
        print(part.account(choice) + "\n")
        found = [
            [row for row in rows.values() if "failed" not in row]
            for rows in part.known(choice).found
        ]
        tell_sizes(kinds, found)
        everything = [row for rows in found for row in rows]
        if len(everything) > 3:
            tell_correlations(everything, f"{len(everything)} networks of all sizes")
        print(
            "\nof a chain: standard error of the coefficient over chains, its mean; quadratic: "
            "what the coefficient were if the loss were a quadratic form; correct: of the "
            "validation examples, in the file"
        )
        print(written_rows(records))

    record_text(asked.texts / "trainability_complexity.txt", tell)
    return EXIT_INTERRUPTED if interrupted else 0


if __name__ == "__main__":
    raise SystemExit(run_interruptibly(main))
