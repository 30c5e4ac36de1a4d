"""Our nearest-neighbour estimate beside those of ``benchmark-mi`` on its tasks, in bits.

benchmark-mi 0.1.3 (Czyż et al. 2023) needs NumPy below 2 and jax 0.4.30, so it runs in an
environment of its own: ``pip install benchmark-mi jax==0.4.30 jaxlib==0.4.30 .``. All of its 40
tasks; of its estimators the neighbours, the canonical correlations and two neural lower bounds,
whose critics are trained on half of the examples for at most 2,000 steps (its default: 10,000, with
early stopping) and state the value on the other half.
"""

from __future__ import annotations

import math

import bmi
import numpy as np
from bmi.benchmark import BENCHMARK_TASKS

from minbits.information.nearest_neighbours import ksg

EXAMPLES = 2000
NEIGHBOURS = 5
NEURAL = {"max_n_steps": 2000, "verbose": False}
BITS = 1 / math.log(2)


def standardised(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    return (values - values.mean(axis=0)) / values.std(axis=0)


def main() -> None:
    theirs = {
        "their KSG": bmi.estimators.KSGEnsembleFirstEstimator(neighborhoods=(NEIGHBOURS,)),
        "their CCA": bmi.estimators.CCAMutualInformationEstimator(),
        "InfoNCE": bmi.estimators.InfoNCEEstimator(**NEURAL),
        "MINE": bmi.estimators.MINEEstimator(**NEURAL),
    }
    print(f"{EXAMPLES:,} examples, seed 0, {NEIGHBOURS} neighbours; bits")
    columns = ["truth", "ours", "95 % interval", *theirs, "our warning"]
    print(f"{'task':50}" + "".join(f"{name:>{16 if '%' in name else 12}}" for name in columns))
    covered = trusted = 0
    for name, task in BENCHMARK_TASKS.items():
        x, y = (standardised(values) for values in task.sample(EXAMPLES, 0))
        truth = float(task.mutual_information) * BITS
        ours = ksg(x, y, NEIGHBOURS)
        row = [f"{truth:12.3f}{ours.value_bits:12.3f}"]
        row.append(f"{f'{ours.low_bits:.3f} to {ours.high_bits:.3f}':>16}")
        row += [f"{float(estimator.estimate(x, y)) * BITS:12.3f}" for estimator in theirs.values()]
        print(f"{name:50}" + "".join(row) + f"  {ours.warning or ''}", flush=True)
        if ours.warning is None:
            trusted += 1
            covered += ours.low_bits <= truth <= ours.high_bits
    print(f"Without a warning: {trusted} of {len(BENCHMARK_TASKS)} tasks; the interval holds the")
    print(f"truth in {covered} of them.")


if __name__ == "__main__":
    main()
