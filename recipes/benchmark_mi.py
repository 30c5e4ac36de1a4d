"""Our nearest-neighbour estimate beside those of ``benchmark-mi`` on its tasks, in bits.

benchmark-mi 0.1.3 (Czyż et al. 2023) needs NumPy below 2 and jax 0.4.30, so it runs in an
environment of its own: ``pip install benchmark-mi jax==0.4.30 jaxlib==0.4.30 .``. Its neural
estimators are left out, and so are the tasks of 25 and more dimensions a side, where trees are no
faster than comparing every pair and all neighbour estimates are far too low.
"""

from __future__ import annotations

import math

import bmi
import numpy as np
from bmi.benchmark import BENCHMARK_TASKS

from minbits.information.nearest_neighbours import ksg

EXAMPLES = 2000
NEIGHBOURS = 5
MOST_DIMENSIONS = 5
BITS = 1 / math.log(2)


def standardised(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    return (values - values.mean(axis=0)) / values.std(axis=0)


def main() -> None:
    theirs = {
        "their KSG": bmi.estimators.KSGEnsembleFirstEstimator(neighborhoods=(NEIGHBOURS,)),
        "their CCA": bmi.estimators.CCAMutualInformationEstimator(),
    }
    print(f"{EXAMPLES:,} examples, seed 0, {NEIGHBOURS} neighbours; bits")
    columns = ["truth", "ours", "95 % interval", *theirs, "our warning"]
    print(f"{'task':46}" + "".join(f"{name:>{16 if '%' in name else 12}}" for name in columns))
    covered = trusted = 0
    tasks = {n: t for n, t in BENCHMARK_TASKS.items() if t.dim_x <= MOST_DIMENSIONS}
    for name, task in tasks.items():
        x, y = (standardised(values) for values in task.sample(EXAMPLES, 0))
        truth = float(task.mutual_information) * BITS
        ours = ksg(x, y, NEIGHBOURS)
        row = [f"{truth:12.3f}{ours.value_bits:12.3f}"]
        row.append(f"{f'{ours.low_bits:.3f} to {ours.high_bits:.3f}':>16}")
        row += [f"{float(estimator.estimate(x, y)) * BITS:12.3f}" for estimator in theirs.values()]
        print(f"{name:46}" + "".join(row) + f"  {ours.warning or ''}", flush=True)
        if ours.warning is None:
            trusted += 1
            covered += ours.low_bits <= truth <= ours.high_bits
    print(f"Without a warning: {trusted} of {len(tasks)} tasks; the interval holds the")
    print(f"truth in {covered} of them.")


if __name__ == "__main__":
    main()
