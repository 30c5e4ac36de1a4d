"""How often what minbits states holds: every interval and bound of ``minbits entropy``, on data.

``python recipes/interval_coverage.py build/interval_coverage.jsonl`` draws each source 60 times,
computes all figures as ``minbits entropy`` does, and counts how often the truth lies where the
figure says. One line is written for each draw, so that the recipe goes on where it was stopped. Two
processes.

An estimate holds where its interval contains the truth, a bound where the end that it states lies
on the right side. ``width`` is the interval's mean width; of a bound it is how far, on average, it
lies from the truth, of which a loose model has its part. Entropies from counts alone and pairs of
real numbers are drawn besides, 200 and 60 times. An intrinsic dimension has no interval.
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from interval_sources import Case, PairCase, cases, distributions, entropy, pair_cases

from minbits.data import from_arrays
from minbits.data.tables import RawTable, assemble_table
from minbits.information.differential import differential_quantities
from minbits.information.discretise import Discretisation, discretise
from minbits.information.entropy_estimators import ESTIMATORS, fingerprint
from minbits.information.entropy_table import entropy_table
from minbits.information.input_ladder import climb
from minbits.information.label_information import label_information
from minbits.information.nearest_neighbours import ksg
from minbits.types import Column, DataSet, Quantity

DRAWS = 60
COUNTED_DRAWS = 200
COUNTED_SIZES = (50, 300, 3000)
PAIR_SIZES = (200, 600)
LADDER_SECONDS = 1.0
DENSITY_SECONDS = 0.1
PROCESSES = 2
TINY = 1e-9
Row = tuple[str, str, bool, float]  # source, figure, whether it holds, width


def data_set(case: Case, seed: int) -> DataSet:
    """Draw a data set, as a table where columns are categories."""
    generator = np.random.Generator(np.random.PCG64(seed))
    inputs, labels = case.draw(generator, case.examples)
    if case.categorical is None:
        return from_arrays(inputs, labels)
    columns, values = [], inputs.astype(np.float64)
    for index in case.categorical:
        known, codes = np.unique(inputs[:, index], return_inverse=True)
        columns.append(Column(f"c{index}", "categorical", tuple(map(str, known))))
        values[:, index] = codes
    return assemble_table("t", tuple(columns), RawTable(values, labels), None, "t", "drawn")


def all_figures(data: DataSet) -> Iterator[Quantity]:
    yield from entropy_table(data).figures
    yield from label_information(data).figures
    yield from differential_quantities(data, None, DENSITY_SECONDS)
    ladder = climb(discretise(data, Discretisation()), LADDER_SECONDS)
    yield from ladder.figures()
    what = ("all_rungs", ladder.bound_bits, "bits", "X", "example", "upper bound", "")
    yield Quantity(*what)


def truth_of(figure: Quantity, truth: dict[str, float], examples: int) -> float | None:
    """Return what a figure is of in this source, in the figure's unit; None where unknown."""
    if figure.key.endswith("_model_cost") or figure.key.startswith("label_entropy_total"):
        return None
    if figure.unit == "bits (differential)":
        return truth.get("density")
    if figure.of == "Y given X":
        one = truth["Y"] - truth["X and Y"]
        return one * examples if figure.scope == "data set" else one
    return truth.get(figure.of) if figure.scope == "example" else None


def judged(source: str, figure: Quantity, truth: float) -> Row | None:
    if figure.kind == "lower bound" and figure.bound is not None:
        return source, figure.key, figure.bound <= truth + TINY, truth - figure.bound
    if figure.kind == "upper bound" and figure.bound is not None:
        return source, figure.key, figure.bound >= truth - TINY, figure.bound - truth
    if figure.low is None and figure.high is None:
        return None
    low = -math.inf if figure.low is None else figure.low
    high = math.inf if figure.high is None else figure.high
    return source, figure.key, low - TINY <= truth <= high + TINY, high - low


def one_draw(job: tuple[int, int]) -> list[Row]:
    """Return what holds of one data set of one source."""
    number, seed = job
    case = cases()[number]
    data = data_set(case, 1000 * number + seed)
    rows = []
    for figure in all_figures(data):
        truth = truth_of(figure, case.truth, len(data.train_labels))
        row = None if truth is None else judged(case.name, figure, truth)
        if row is not None:
            rows.append(row)
    return rows


def counted_rows() -> Iterator[Row]:
    """Entropies from counts alone, the states known or not."""
    generator = np.random.Generator(np.random.PCG64(0))
    for name, p in distributions().items():
        truth = entropy(p)
        for examples in COUNTED_SIZES:
            for _ in range(COUNTED_DRAWS):
                counts = generator.multinomial(examples, p)
                for known in (len(p), None):
                    found = fingerprint(counts, known)
                    for key, estimator in ESTIMATORS.items():
                        one = estimator(found)
                        holds = one.low_bits - TINY <= truth <= one.high_bits + TINY
                        word = "known" if known else "unknown"
                        where = f"{name}, {examples:,} of {word} states"
                        yield where, key, holds, one.high_bits - one.low_bits


def pair_rows(case: PairCase, seed: int) -> Iterator[Row]:
    generator = np.random.Generator(np.random.PCG64(seed))
    for examples in PAIR_SIZES:
        for _ in range(DRAWS):
            one = ksg(*case.draw(generator, examples))
            holds = one.low_bits <= case.bits <= one.high_bits
            yield f"{case.name}, {examples}", "ksg", holds, one.high_bits - one.low_bits


def printed(rows: list[Row]) -> None:
    """Print one line for each source and figure, and how many hold in 90 % of the draws."""
    groups: dict[tuple[str, str], list[tuple[bool, float]]] = defaultdict(list)
    for source, key, holds, width in rows:
        groups[source, key].append((holds, width))
    print(f"{'source':<58}{'figure':<34}{'draws':>6}{'holds':>8}{'width':>10}")
    for (source, key), found in groups.items():
        share = np.mean([holds for holds, _ in found])
        finite = [width for _, width in found if math.isfinite(width)]
        width = f"{np.mean(finite):10.3f}" if finite else f"{'no end':>10}"
        print(f"{source:<58}{key:<34}{len(found):>6}{100 * share:>7.1f}%{width}")
    shares = {
        one: np.mean([holds for holds, _ in found])
        for one, found in groups.items()
        if len(found) >= DRAWS
    }
    below = sorted((share, *one) for one, share in shares.items() if share < 0.9)
    total = np.mean([holds for found in groups.values() for holds, _ in found])
    print(f"\n{len(shares) - len(below)} of {len(shares)} lines of {DRAWS} draws or more hold in ")
    print(f"at least 90 % of them; of all draws {100 * total:.2f} % hold. Below 90 %:")
    for share, source, key in below:
        print(f"  {source}: {key}, {100 * share:.1f} %")
    if not below:
        print("  none")


def main() -> None:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "build/interval_coverage.jsonl")
    path.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    known = {tuple(line["job"]) for line in done}
    jobs = [(number, seed) for seed in range(DRAWS) for number in range(len(cases()))]
    left = [job for job in jobs if job not in known]
    with path.open("a") as file, ProcessPoolExecutor(PROCESSES) as pool:
        for job, rows in zip(left, pool.map(one_draw, left), strict=True):
            done.append({"job": job, "rows": rows})
            file.write(json.dumps(done[-1], default=bool) + "\n")
            file.flush()
    done.sort(key=lambda line: tuple(line["job"]))
    rows: list[Row] = [tuple(row) for line in done for row in line["rows"]]
    for seed, case in enumerate(pair_cases()):
        rows.extend(pair_rows(case, seed))
    rows.extend(counted_rows())
    printed(rows)


if __name__ == "__main__":
    main()
