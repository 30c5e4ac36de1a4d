from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minbits.errors import ArgumentError
from minbits.evaluation.goal import Goal
from minbits.search.driver import Finished, SearchEvents, SearchSettings, run_search
from minbits.search.ladder_strategy import LadderStrategy
from minbits.search.space import Candidate
from minbits.types import DataSet, TrainingRecipe
from minbits.workers.ray_cluster import RayExecutor
from minbits.workers.registry import open_executor
from minbits.workers.work import TimeLimitError, WorkerDiedError
from tests.traps import lay_traps, run_script, sprung
from tests.workers import calls

ray = pytest.importorskip("ray")

TEXT = "conv 4 k3 p1 relu; maxpool 2; conv 4 k3 relu; avgpool all; linear 2"
RECIPE = TrainingRecipe(float_epochs=3, quantized_epochs=3, batch_size=64, augmentation=0.2)
STORE = 100 * 2**20


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of three nodes, each with processes of its own; the head runs no trials."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": STORE}
    found = Cluster(initialize_head=True, head_node_args=head)
    found.kept = found.add_node(num_cpus=1, object_store_memory=STORE)
    found.lost = found.add_node(num_cpus=1, object_store_memory=STORE)
    ray.init(address=found.address, include_dashboard=False, log_to_driver=False)
    yield found
    ray.shutdown()
    found.shutdown()


def test_calls_run_fail_and_are_ended_alone(
    cluster: Any, tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minbits.workers.ray_cluster.STOPPING_SECONDS", 0.5)
    with RayExecutor(8, {"array": tiny.train_inputs}) as executor:
        assert executor.capacity == 2
        assert list(executor.map(calls.double, range(10))) == [2 * i for i in range(10)]
        total, writable, _ = executor.submit(calls.shared_facts).result(60)
        assert (total, writable) == (float(tiny.train_inputs.sum()), False)
        with pytest.raises(ValueError, match="as asked"):
            executor.submit(calls.raise_value_error, "as asked").result(60)
        with pytest.raises(WorkerDiedError):
            executor.submit(calls.die, signal.SIGKILL).result(60)
        # The killed process is started anew meanwhile, which is not the call's time.
        with pytest.raises(TimeLimitError, match="process was ended"):
            executor.submit_within(0.5, calls.sleep_deaf, 600.0).result(60)
        assert executor.submit(calls.double, 4).result(60) == 8
    assert ray.is_initialized()  # the cluster was somebody else's


def test_a_lost_node_costs_its_running_trials_alone(cluster: Any, tiny: DataSet) -> None:
    found: list[Finished] = []
    nodes: Counter[str] = Counter()

    def note(finished: Any) -> None:
        found.extend(finished)
        if len(found) == 2:
            cluster.remove_node(cluster.lost, allow_graceful=False)  # kills its processes
            nodes.update(["lost"])

    strategy = LadderStrategy([Candidate("one", TEXT, RECIPE)], 0, Goal(0.5, 40), 120.0)
    settings = SearchSettings(120.0, 6, seed=0, workers=8, runner=calls.slow_trial)
    executor = RayExecutor(8, tiny)
    try:
        run_search(tiny, strategy, settings, [], SearchEvents(on_results=note), executor)
    finally:
        executor.shutdown(cancel_futures=True)
    assert nodes["lost"] == 1
    assert len({item.outcome.config.seed for item in found}) == len(found) == 6
    assert {item.outcome.status for item in found} == {"done"}


def test_a_search_trains_on_the_cluster(cluster: Any, tiny: DataSet) -> None:
    found: list[Finished] = []
    strategy = LadderStrategy([Candidate("one", TEXT, RECIPE)], 0, Goal(0.5, 40), 120.0)
    settings = SearchSettings(600.0, 2, seed=0, workers=8)
    executor = open_executor("ray", 8, tiny)
    try:
        run_search(tiny, strategy, settings, [], SearchEvents(on_results=found.extend), executor)
    finally:
        executor.shutdown(cancel_futures=True)
    assert [item.outcome.status for item in found] == ["done", "done"]


def test_workers_on_a_cluster_see_no_module_of_the_current_folder(
    cluster: Any, tmp_path: Path
) -> None:
    trap = lay_traps(tmp_path / "trap")
    script = tmp_path / "connect.py"
    script.write_text(
        "from minbits.workers.ray_cluster import RayExecutor\n"
        "with RayExecutor(1) as executor:\n"
        '    path = \'__import__("json").dumps(__import__("sys").path)\'\n'
        "    print(executor.submit(eval, path).result(120))\n"
    )
    done = run_script(script, cwd=trap, RAY_ADDRESS=cluster.address)
    assert done.returncode == 0, done.stderr
    assert not {str(trap), str(tmp_path)} & set(json.loads(done.stdout.splitlines()[-1]))
    assert sprung(trap) == ""


def test_ray_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ArgumentError, match=r"minbits\[ray\]"):
        open_executor("ray", 1)


def test_a_cluster_that_is_not_there_is_told() -> None:
    if ray.is_initialized():
        ray.shutdown()
    with pytest.raises(ArgumentError, match=r"no Ray cluster at ray://127\.0\.0\.1:9"):
        open_executor("ray://127.0.0.1:9", 1)
    with pytest.raises(ArgumentError, match="got 'dask'"):
        open_executor("dask", 1)
