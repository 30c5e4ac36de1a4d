"""Estimates of information, ours beside other packages on the same data: ``bench/information.py``.

Each round runs every package in turn on one thread; figures are medians over the rounds, and
ratios theirs over ours: above 1, ours is faster. Ours includes the interval and the warning, which
the others do not compute. Packages that are not installed are left out:
``pip install dit infomeasure`` (infomeasure is AGPL-3.0, and no dependency of minbits).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
Work = Callable[[], float]


def _works() -> dict[str, dict[str, Work]]:
    """Return, for each task, what each package does; every call returns bits, to be compared."""
    import numpy as np
    from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
    from sklearn.metrics import mutual_info_score

    from minbits import distributions
    from minbits.information.counted import counted_information
    from minbits.information.entropy_estimators import ESTIMATORS, fingerprint
    from minbits.information.nearest_neighbours import ksg, ross

    generator = np.random.default_rng(0)
    nats = 1 / np.log(2)
    zipf = 1 / np.arange(1, 1001)
    symbols = generator.choice(1000, 100_000, p=zipf / zipf.sum())
    first = generator.integers(0, 16, 50_000)
    second = (first + generator.integers(0, 8, 50_000)) % 10
    x, y = distributions.GaussianPair(0.8).draw_pair(5000, generator)
    x3, y3 = distributions.GaussianPair(0.6, 3).draw_pair(3000, generator)
    inputs, labels = distributions.GaussianMixture((-1.0, 0.0, 2.0), (0.2, 0.3, 0.5), 20).draw(
        5000, generator
    )

    def ours_entropy(name: str) -> Work:
        return lambda: ESTIMATORS[name](fingerprint(np.bincount(symbols))).value_bits

    works: dict[str, dict[str, Work]] = {
        f"entropy, {name.replace('_', ' ')}, 1,000 states, 100,000 examples": {
            "minbits": ours_entropy(name)
        }
        for name in ESTIMATORS
    }
    counted = "information by counting, 16 x 10 states, 50,000 examples"
    works[counted] = {
        "minbits": lambda: counted_information(first, second).value_bits,
        "scikit-learn": lambda: mutual_info_score(first, second) * nats,
    }
    pair = "KSG, two numbers, 5,000 examples"
    works[pair] = {
        "minbits": lambda: ksg(x / x.std(), y / y.std()).value_bits,
        "scikit-learn": lambda: mutual_info_regression(x, y[:, 0], random_state=0)[0] * nats,
    }
    vectors = "KSG, two vectors of 3 numbers, 3,000 examples"
    works[vectors] = {"minbits": lambda: ksg(x3, y3).value_bits}
    works["Ross, 20 columns one by one, 5,000 examples, 3 classes"] = {
        "minbits": lambda: sum(ross(column, labels).value_bits for column in inputs.T),
        "scikit-learn": lambda: (
            float(mutual_info_classif(inputs, labels, random_state=0).sum()) * nats
        ),
    }
    if importlib.util.find_spec("infomeasure"):
        import infomeasure

        names = {"plug_in": "discrete", "miller_madow": "miller_madow", "chao_shen": "chao_shen",
                 "grassberger": "grassberger", "nsb": "nsb"}  # fmt: skip

        def their_entropy(approach: str) -> Work:
            return lambda: float(infomeasure.entropy(symbols, approach=approach, base=2))

        for (title, work), approach in zip(list(works.items())[:5], names.values(), strict=True):
            assert "entropy" in title
            work["infomeasure"] = their_entropy(approach)
        works[counted]["infomeasure"] = lambda: float(
            infomeasure.mutual_information(first, second, approach="discrete", base=2)
        )
        for title, a, b in ((pair, x, y), (vectors, x3, y3)):
            works[title]["infomeasure"] = lambda a=a, b=b: float(
                infomeasure.mutual_information(a, b, approach="metric", k=3, base=2)
            )
    if importlib.util.find_spec("dit"):
        import dit

        def with_dit() -> float:
            pairs, counts = np.unique(np.column_stack([first, second]), axis=0, return_counts=True)
            outcomes = [tuple(int(v) for v in row) for row in pairs]
            joint = dit.Distribution(outcomes, list(counts / counts.sum()))
            return float(dit.shannon.mutual_information(joint, [0], [1]))

        works[counted]["dit"] = with_dit
    return works


def _timed(work: Work) -> tuple[float, float]:
    start = time.perf_counter()
    bits = work()
    return time.perf_counter() - start, bits


def main() -> int:
    """Print medians, values and ratios for every task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    # Environment first: BLAS reads it when it starts.
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        os.environ.update(ONE_THREAD)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    found = {}
    for title, packages in _works().items():
        times: dict[str, list[float]] = {name: [] for name in packages}
        bits = {name: _timed(work)[1] for name, work in packages.items()}  # warm up
        for _ in range(arguments.rounds):
            for name, work in packages.items():
                times[name].append(_timed(work)[0])
        seconds = {name: statistics.median(values) for name, values in times.items()}
        found[title] = {
            name: {
                "seconds": seconds[name],
                "bits": bits[name],
                "ratio": seconds[name] / seconds["minbits"],
            }
            for name in packages
        }
    if arguments.json:
        print(json.dumps(found, indent=2))
        return 0
    for title, packages in found.items():
        print(title)
        for name, row in packages.items():
            print(
                f"  {name:13} {1000 * row['seconds']:10.2f} ms   {row['bits']:8.4f} bits   "
                f"{row['ratio']:8.2f} x ours"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
