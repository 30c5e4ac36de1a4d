"""Trials a second of ~1 ms each on two workers: minbits, Optuna with SQLite, Ray Tune, in one run.

    python bench/trials.py [minbits trials] [Optuna trials] [Ray Tune trials]

All three run the same work, a logistic regression of some hundred steps, at points that are drawn
at random. minbits writes every trial, and its network file, to a real SQLite ledger; Optuna writes
to its SQLite storage from two processes; Ray Tune keeps its results in its own folder. Each starts
from nothing; the time of the first trials, in which processes start, is left out for all.

Before that, trials of exactly 0.2 s each show what minbits adds to them.

Memory is that of the parent and its workers together (proportional set size), at trial 2,000 and at
the last one.
"""

from __future__ import annotations

import dataclasses
import importlib
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minbits.child_processes import child_environment
from minbits.codec.file_format import encode_network
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.data.assemble import assemble
from minbits.ledger.provenance import current_provenance
from minbits.ledger.store import TrialEntry, open_ledger
from minbits.networks.grammar import parse_architecture
from minbits.search.driver import Finished, SearchEvents, SearchSettings, run_search
from minbits.search.reliability import ReliabilityTable
from minbits.search.sampled import RandomPoints, SampledStrategy
from minbits.search.space_file import parse_space
from minbits.search.tasks import TrialTask
from minbits.search.worker_calls import Runner
from minbits.types import DataSet, TrialOutcome
from minbits.workers.processes import ProcessExecutor
from minbits.workers.work import WorkerContext

WORKERS = 2
TRIALS = (20_000, 2_000, 2_000)
# Left out of the time: processes start meanwhile.
WARM_UP = 100
SLEEP_SECONDS, SLEEPING_TRIALS = 0.2, 300
STEPS = 80
FEATURES, EXAMPLES = 4, 64
SPACE = """
version = 1
[[family]]
name = "logistic"
architecture = "linear {classes}"
[family.training]
float_epochs = 80
quantized_epochs = 1
learning_rate = { from = 0.01, to = 1.0, log = true }
weight_decay = { from = 1e-4, to = 0.1, log = true }
"""


def examples() -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and labels of a noisy linear rule."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(EXAMPLES, FEATURES)).astype(np.float32)
    labels = (inputs @ np.ones(FEATURES) + generator.normal(size=EXAMPLES) > 0).astype(np.int64)
    return inputs, labels


INPUTS, LABELS = examples()


def train(learning_rate: float, weight_decay: float, seed: int) -> tuple[np.ndarray, int]:
    """Return the weights of a logistic regression, and how many labels it gets right."""
    weights = np.random.default_rng(seed).normal(size=FEATURES).astype(np.float32)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-(INPUTS @ weights)))
        gradient = INPUTS.T @ (chance - LABELS) / EXAMPLES
        weights -= learning_rate * (gradient + weight_decay * weights)
    return weights, int(np.count_nonzero((INPUTS @ weights > 0) == LABELS))


def run_one(task: TrialTask, data: DataSet, worker: WorkerContext) -> TrialOutcome:
    """Run one trial as minbits does: train, round to three levels, write the file."""
    start = time.perf_counter()
    recipe = task.config.recipe
    weights, correct = train(recipe.learning_rate, recipe.weight_decay, task.config.seed)
    row = np.clip(np.rint(weights), -1, 1).astype(np.int32)
    layer = QuantizedLayer(
        QuantizedTensor(np.stack([-row, row]), -12), QuantizedTensor(np.zeros(2, np.int32), -12)
    )
    architecture = parse_architecture(task.config.architecture, data.input_shape, 0)
    content = encode_network(QuantizedNetwork(architecture, (layer,)))
    return TrialOutcome(
        task.config, "done", time.perf_counter() - start, None, content, correct, EXAMPLES
    )


def sleep_one(task: TrialTask, data: DataSet, worker: WorkerContext) -> TrialOutcome:
    """Run a trial that takes exactly 0.2 s and leaves the processors alone."""
    time.sleep(SLEEP_SECONDS)
    result = run_one(task, data, worker)
    return dataclasses.replace(result, seconds=SLEEP_SECONDS)


@dataclass
class Pace:
    """Counts trials, and takes the time between the first ones and the last."""

    total: int
    done: int = 0
    start: float = 0.0
    counted: int = 0

    def count(self, trials: int) -> None:
        """Count some trials that ended just now."""
        self.done += trials
        if not self.start and self.done >= WARM_UP:
            self.start, self.counted = time.perf_counter(), self.done

    def a_second(self) -> float:
        """Return trials a second up to now."""
        return (self.done - self.counted) / (time.perf_counter() - self.start)


def memory_mebibytes(workers: Sequence[int]) -> float:
    """Return the proportional set size of this process and its workers, by their numbers."""
    pids = [os.getpid(), *workers]
    kibibytes = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kibibytes += int(line.split()[1])
    return kibibytes / 1024


def time_minbits(trials: int, runner: Runner = run_one) -> tuple[float, dict[int, float]]:
    """Return trials a second through the driver, processes and a ledger; and memory by trial."""
    data = assemble("linear", (INPUTS, LABELS), (INPUTS, LABELS), "test", "made by the benchmark")
    family = parse_space(SPACE, "the benchmark's space").family_for(data)
    provenance = current_provenance("cpu", WORKERS)
    pace, memory = Pace(trials), dict[int, float]()
    table = ReliabilityTable(0.9)
    with tempfile.TemporaryDirectory(prefix="minbits-bench-") as folder:
        ledger = open_ledger(Path(folder) / "ledger.sqlite")

        def reserve(first: int, count: int) -> list[int]:
            return ledger.reserve_seeds(data.digest, first, count)

        def remember(finished: Sequence[Finished]) -> None:
            ledger.append_trials(
                [TrialEntry(data, 0.9, item.outcome, provenance) for item in finished]
            )
            for item in finished:
                table.add(item.outcome)
            before = pace.done
            pace.count(len(finished))
            for mark in (2_000, trials):
                if before < mark <= pace.done:
                    memory[mark] = memory_mebibytes(executor.pids)

        strategy = SampledStrategy(family, data, RandomPoints(0))
        settings = SearchSettings(3600.0, trials, 0, WORKERS, runner=runner, reserve=reserve)
        with ProcessExecutor(WORKERS, data) as executor:
            events = SearchEvents(on_results=remember)
            run_search(data, strategy, settings, [], events, executor)
            speed = pace.a_second()
        assert ledger.trial_count(data.digest) == trials
        ledger.close()
    return speed, memory


def _optimize(storage: str, trials: int, seed: int, barrier: Any, seconds: Any) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.RandomSampler(seed)
    study = optuna.load_study(study_name="bench", storage=storage, sampler=sampler)

    def objective(trial: Any) -> float:
        rate = trial.suggest_float("learning_rate", 0.01, 1.0, log=True)
        decay = trial.suggest_float("weight_decay", 1e-4, 0.1, log=True)
        return train(rate, decay, trial.number)[1] / EXAMPLES

    study.optimize(objective, n_trials=WARM_UP // WORKERS)
    barrier.wait()
    start = time.perf_counter()
    study.optimize(objective, n_trials=trials // WORKERS)
    seconds.put(time.perf_counter() - start)


def time_optuna(trials: int) -> float:
    """Return trials a second of two processes that share a study in SQLite."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="minbits-bench-") as folder:
        storage = f"sqlite:///{folder}/optuna.sqlite"
        optuna.create_study(study_name="bench", storage=storage, direction="maximize")
        context = multiprocessing.get_context("spawn")
        barrier, seconds = context.Barrier(WORKERS), context.Queue()
        workers = [
            context.Process(target=_optimize, args=(storage, trials, seed, barrier, seconds))
            for seed in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        taken = [seconds.get() for _ in workers]
        for worker in workers:
            worker.join()
    return trials / max(taken)


def _tuned(config: dict[str, float]) -> dict[str, float]:
    return {"accuracy": train(config["learning_rate"], config["weight_decay"], 0)[1] / EXAMPLES}


def time_ray_tune(trials: int) -> float:
    """Return trials a second of Ray Tune with random search on two CPUs."""
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray import tune

    with tempfile.TemporaryDirectory(prefix="minbits-bench-") as folder:
        ray.init("local", num_cpus=WORKERS, include_dashboard=False, log_to_driver=False,
                 logging_level="ERROR")  # fmt: skip
        space = {"learning_rate": tune.loguniform(0.01, 1.0),
                 "weight_decay": tune.loguniform(1e-4, 0.1)}  # fmt: skip

        def run(count: int) -> float:
            tuner = tune.Tuner(
                _tuned,
                param_space=space,
                tune_config=tune.TuneConfig(num_samples=count, max_concurrent_trials=WORKERS,
                                            reuse_actors=True),
                run_config=tune.RunConfig(storage_path=folder, verbose=0),
            )  # fmt: skip
            start = time.perf_counter()
            assert len(tuner.fit()) == count
            return time.perf_counter() - start

        run(10)
        taken = run(trials)
        ray.shutdown()
    return trials / taken


def main(trials: Sequence[int]) -> None:
    """Time all three and print what they came to."""
    train(0.1, 0.01, 0)
    start = time.perf_counter()
    for seed in range(200):
        train(0.1, 0.01, seed)
    print(f"a trial's work alone: {1000 * (time.perf_counter() - start) / 200:.2f} ms", flush=True)
    slow, _ = time_minbits(SLEEPING_TRIALS, sleep_one)
    ideal = WORKERS / SLEEP_SECONDS
    print(f"minbits, trials of 0.2 s: {slow:.2f} a second of {ideal:.0f}, an overhead of "
          f"{100 * (ideal / slow - 1):.1f} %", flush=True)  # fmt: skip
    ours, memory = time_minbits(trials[0])
    print(f"minbits, {trials[0]:,} trials: {ours:,.0f} a second", flush=True)
    marks = sorted(memory)
    if len(marks) == 2:
        first, last = (memory[mark] for mark in marks)
        print(
            f"memory at trial {marks[0]:,}: {first:.0f} MiB, at {marks[1]:,}: {last:.0f} MiB "
            f"({100 * (last / first - 1):+.1f} %)",
            flush=True,
        )
    others = {"Optuna with SQLite": time_optuna(trials[1])}
    print(f"Optuna with SQLite, {trials[1]:,} trials: {others['Optuna with SQLite']:,.1f} a second",
          flush=True)  # fmt: skip
    others["Ray Tune"] = time_ray_tune(trials[2])
    print(f"Ray Tune, {trials[2]:,} trials: {others['Ray Tune']:,.1f} a second", flush=True)
    best = max(others, key=lambda name: others[name])
    print(f"minbits over {best}: {ours / others[best]:.1f} times")


if __name__ == "__main__":
    os.environ.update(child_environment({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}))
    # Workers never import the main script: what they run is to be found under its own name.
    sys.path.insert(0, str(Path(__file__).parent))
    main = importlib.import_module("trials").main
    given = [int(text) for text in sys.argv[1:]]
    main([*given, *TRIALS[len(given) :]])
