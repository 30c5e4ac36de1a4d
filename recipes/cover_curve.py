"""The perceptron's memory by linear programming, beside Cover's curve: MacKay's figure measured."""

from __future__ import annotations

import time
from pathlib import Path

from scipy import stats

from minbits.capacity.linear_separability import SeparablePoint, measure_separability
from minbits.charts.cover_chart import cover_curves, draw_cover_curves

DRAWS = 200
LOADS = {
    10: (1.2, 1.5, 1.8, 2.0, 2.2, 2.5, 3.0),
    50: (1.5, 1.7, 1.85, 2.0, 2.15, 2.3, 2.6),
    100: (1.7, 1.9, 2.0, 2.1, 2.3),
    200: (2.0, 2.1),
}


def measure(weights: int, load: float) -> SeparablePoint:
    return measure_separability(round(load * weights), weights, DRAWS, seed=0)


def main() -> None:
    start = time.perf_counter()
    jobs = [(weights, load) for weights, loads in LOADS.items() for load in loads]
    # A band that all points keep to together with probability 0.95.
    together = 0.95 ** (1 / len(jobs))
    print(f"{DRAWS} random labellings a point, Gaussian inputs, HiGHS")
    print(f"{'K':>5}{'N':>6}{'Cover':>9}{'measured':>10}   band for all points")
    inside = alone = 0
    points = []
    for job in jobs:
        point = measure(*job)
        low, high = stats.binom.interval(together, DRAWS, point.predicted)
        single = stats.binom.interval(0.95, DRAWS, point.predicted)
        is_inside = low <= point.separable <= high
        inside += is_inside
        alone += single[0] <= point.separable <= single[1]
        points.append(point)
        print(
            f"{point.weights:>5}{point.points:>6}{point.predicted:>9.4f}{point.measured:>10.4f}"
            f"   {low / DRAWS:.3f} to {high / DRAWS:.3f} {'' if is_inside else 'OUTSIDE'}",
            flush=True,
        )
    print(
        f"{inside} of {len(points)} points inside the band of all, "
        f"{alone} inside their own 95 % band"
    )
    picture = draw_cover_curves(cover_curves(tuple(LOADS)), points)
    picture.save(Path("docs/images/cover-curve.png"))
    print(f"Picture: docs/images/cover-curve.png; {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
