"""The search beside random search: equal processor time, five to sixteen repeats, three data sets.

``python recipes/search_ablation.py run PROCESSES [NAME [REPEAT …]]`` runs searches, so many at
once, and appends one line each to ``recipes/search_ablation.jsonl``; those that are in it already
are not run again. ``python recipes/search_ablation.py`` prints the comparison.

Time is that of one thread's processor, so that a busy machine changes little. Every search ends
like the main job: the smallest file that is accepted to reach the target is chosen without a look
at the test set, decoded in a fresh process, and run on the test set. If it misses the target there,
one more is put to the test, which clears it by one standard error more on what it was trained on,
or gets most right there.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from scipy.stats import combine_pvalues, mannwhitneyu

import minbits
from minbits.child_processes import child_environment
from minbits.claims.selection import (
    SECOND_CLAIM_MARGIN,
    choose_claim,
    choose_second_claim,
    digest_of,
)
from minbits.claims.verification import verify_file
from minbits.data.splits import validation_split
from minbits.evaluation.accuracy import accuracy_reaches
from minbits.evaluation.goal import Goal
from minbits.files import sha256_hex
from minbits.ledger.provenance import current_provenance
from minbits.search.driver import Finished, SearchEvents, SearchSettings, run_search
from minbits.search.options import SearchOptions
from minbits.search.strategy_choice import StrategyRequest, make_strategy
from minbits.search.worker_calls import compile_once
from minbits.types import DataSet, TrialOutcome, Verification
from minbits.workers.inline import InlineExecutor

RECORD = Path(__file__).with_suffix(".jsonl")


@dataclass(frozen=True)
class Experiment:
    """Searches that are compared.

    Attributes:
        data: the data set.
        accuracy: target on the test set.
        seconds: of one thread's processor, for a search.
        repeats: searches of each strategy, which differ in their seeds.
        strategies: names of `STRATEGIES`.
    """

    data: str
    accuracy: float
    seconds: float
    repeats: int
    strategies: tuple[str, ...]


BASE = "random search"
SEARCH = "the search"
# Sampler and whether there are moves.
STRATEGIES: dict[str, tuple[str, bool]] = {
    BASE: ("random", False),
    "ladder": ("ladder", False),
    "random search and moves": ("random", True),
    "ladder and moves": ("ladder", True),
    SEARCH: ("auto", True),
}
EXPERIMENTS = {
    "mnist": Experiment("mnist", 0.98, 360.0, 5, (BASE, SEARCH)),
    "mnist1d": Experiment("mnist1d", 0.90, 300.0, 6, (BASE, SEARCH)),
    "digits": Experiment("digits", 0.95, 300.0, 6, (BASE, SEARCH)),
    "digits97": Experiment("digits", 0.97, 300.0, 16, (BASE, SEARCH)),
}


def search(name: str, data: DataSet, strategy_name: str, seed: int) -> dict[str, Any]:
    """Search once and return what came of it."""
    accuracy, seconds = EXPERIMENTS[name].accuracy, EXPERIMENTS[name].seconds
    sampler, moves = STRATEGIES[strategy_name]
    _, held_out = validation_split(data)
    goal = Goal(accuracy, len(held_out))
    outcomes: list[TrialOutcome] = []
    contents: dict[str, bytes] = {}

    def note(finished: Sequence[Finished]) -> None:
        for item in finished:
            outcome = item.outcome
            goal.learn(outcome)
            outcomes.append(outcome)
            if item.outcome.network_file is not None:
                contents[sha256_hex(item.outcome.network_file)] = item.outcome.network_file

    options = SearchOptions(seed=seed, sampler=sampler, moves=moves)
    request = StrategyRequest(data, goal, seconds, contents.get, options)
    settings = SearchSettings(
        seconds, sys.maxsize, seed=1000 * seed, workers=1, engine="lanes", clock=time.process_time
    )
    executor = InlineExecutor(data, time.process_time)
    start = time.process_time()
    run_search(data, make_strategy(request), settings, [], SearchEvents(on_results=note), executor)
    spent = time.process_time() - start
    accepted = [outcome for outcome in outcomes if goal.is_met(outcome)]
    claims = claim(accepted, contents, data, goal)
    row: dict[str, Any] = {
        "experiment": name,
        "target": accuracy,
        "strategy": strategy_name,
        "repeat": seed,
        "processor": current_provenance("cpu", 1).machine["processor"],
        "processor_seconds": round(spent, 1),
        "trials": len(outcomes),
        "failed": sum(o.status == "failed" for o in outcomes),
        "claims": [
            {
                "size_bits": verification.size_bits,
                "validation_accuracy": outcome.validation_accuracy,
                "test_accuracy": verification.test_accuracy,
            }
            for outcome, verification in claims
        ],
    }
    return row


def claim(
    accepted: Sequence[TrialOutcome], contents: dict[str, bytes], data: DataSet, goal: Goal
) -> list[tuple[TrialOutcome, Verification]]:
    """Put the smallest file to the test, and if it misses one more that has a larger margin."""
    # All are accepted, so that all reach the target by one standard error on validation.
    files = list({one.sha256: one for one in accepted}.values())
    claims: list[tuple[TrialOutcome, Verification]] = []
    chosen = choose_claim(files, goal.accuracy, math.inf)
    while chosen is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.mbn"
            path.write_bytes(contents[digest_of(chosen)])
            found = verify_file(path, data)
        assert found.size_bits == chosen.size_bits
        claims.append((chosen, found))
        if len(claims) > 1 or accuracy_reaches(found.test_accuracy, goal.accuracy):
            break
        others = [file for file in files if file.sha256 != chosen.sha256]
        needed = goal.training_accuracy_needed(SECOND_CLAIM_MARGIN)
        chosen = choose_second_claim(others, goal.accuracy, math.inf, needed)
    return claims


def rows() -> list[dict[str, Any]]:
    """Return what is recorded."""
    return [json.loads(line) for line in RECORD.read_text().splitlines()] if RECORD.exists() else []


Job = tuple[str, str, int]


def run_one(job: Job) -> str:
    """Search once, append what came of it, and return the line."""
    torch.set_num_threads(1)
    compile_once()
    name, strategy, repeat = job
    line = json.dumps(search(name, minbits.load(EXPERIMENTS[name].data), strategy, repeat))
    with RECORD.open("a") as file:
        file.write(line + "\n")
    return line


def run(processes: int, names: Sequence[str], repeats: Sequence[int]) -> None:
    """Run what is not recorded yet, long searches first, each in a process of its own."""
    known = {(row["experiment"], row["strategy"], row["repeat"]) for row in rows()}
    jobs: list[Job] = [
        (name, strategy, repeat)
        for name in names
        for repeat in repeats or range(EXPERIMENTS[name].repeats)
        for strategy in EXPERIMENTS[name].strategies
        if (name, strategy, repeat) not in known
    ]
    jobs.sort(key=lambda job: -EXPERIMENTS[job[0]].seconds)
    compile_once()
    # Its processes, too, import nothing from the current folder.
    os.environ.update(child_environment())
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, maxtasksperchild=1) as pool:
        for line in pool.imap_unordered(run_one, jobs, chunksize=1):
            print(line, flush=True)


def _bits(own: Sequence[dict[str, Any]], accuracy: float) -> list[float]:
    """Return the bits of each search's file that reached the target on test, infinity for none."""
    return [
        next(
            (
                claim["size_bits"]
                for claim in row["claims"]
                if accuracy_reaches(claim["test_accuracy"], accuracy)
            ),
            math.inf,
        )
        for row in own
    ]


def _chosen_bits(own: Sequence[dict[str, Any]]) -> list[float]:
    """Return the bits of each search's first choice, whatever it reached on test."""
    return [row["claims"][0]["size_bits"] if row["claims"] else math.inf for row in own]


def _p(values: Sequence[float], base: Sequence[float]) -> float:
    """Return the one-sided p value of the Mann-Whitney test that ``values`` are no smaller."""
    return float(mannwhitneyu(values, base, alternative="less", method="auto").pvalue)


def _words(row: dict[str, Any], accuracy: float) -> str:
    return (
        " then ".join(
            f"{claim['size_bits']:,}"
            f"{'' if accuracy_reaches(claim['test_accuracy'], accuracy) else '*'} "
            f"({100 * claim['test_accuracy']:.2f})"
            for claim in row["claims"]
        )
        or "none"
    )


def _median(size_bits: float) -> str:
    return f"{size_bits:,.0f}" if size_bits < math.inf else "nothing found"


def table() -> None:
    """Print bits by strategy, and each beside random search by the Mann-Whitney test."""
    by_name: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows():
        by_name[row["experiment"]][row["strategy"]].append(row)
    for strategies in by_name.values():
        for own in strategies.values():
            own.sort(key=lambda row: row["repeat"])
    chances: list[float] = []
    for name, experiment in EXPERIMENTS.items():
        found, accuracy = by_name[name], experiment.accuracy
        if not found:
            continue
        print(
            f"{name}: {experiment.data} at {100 * accuracy:g} %, {experiment.seconds:g} seconds of "
            "one thread's processor a search\nby repeat: bits of the file that validation chose, "
            "its accuracy on test in %, * below the target"
        )
        bits = {
            strategy: _bits(found[strategy], accuracy)
            for strategy in STRATEGIES
            if strategy in found
        }
        for strategy, values in bits.items():
            own = found[strategy]
            median = statistics.median(values)
            text = f"  {strategy}: {'; '.join(_words(row, accuracy) for row in own)}\n"
            text += f"    median {_median(median)}"
            if strategy != BASE and BASE in bits:
                base = statistics.median(bits[BASE])
                ratio = f"{median / base:.2f} of random search's, " if base < math.inf else ""
                first = _p(_chosen_bits(own), _chosen_bits(found[BASE]))
                text += (
                    f", {ratio}one-sided p = {_p(values, bits[BASE]):.3f} ({first:.3f} for the "
                    "first choices, misses too)"
                )
            trials = statistics.median(row["trials"] for row in own)
            print(f"{text}; {trials:g} trials")
        if BASE in bits and SEARCH in bits:
            chances.append(_p(bits[SEARCH], bits[BASE]))
        print()
    if len(chances) > 1:
        together = combine_pvalues(chances, method="fisher").pvalue
        print(f"{SEARCH} beside {BASE}, all {len(chances)} together (Fisher): p = {together:.5f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run(
            int(sys.argv[2]),
            [sys.argv[3]] if len(sys.argv) > 3 else list(EXPERIMENTS),
            [int(text) for text in sys.argv[4:]],
        )
    else:
        table()
