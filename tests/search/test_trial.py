from __future__ import annotations

import dataclasses
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from minbits.codec.file_format import decode_network
from minbits.codec.inference import predict
from minbits.data.splits import validation_split
from minbits.search.planning import EpochSeconds, plan_epochs, plan_second_phase, step_seconds
from minbits.search.precompile import precompile
from minbits.search.trial import run_trial
from minbits.types import DataSet, Progress, TrainingRecipe, TrialConfig
from minbits.workers.environment import WORKER_ENVIRONMENT
from minbits.workers.work import WorkerContext

TEXT = "conv 4 k3 p1 relu; maxpool 2; conv 4 k3 relu; avgpool all; linear 2"
# Batches of 64 are trained by the lanes engine, those of 40 by PyTorch.
RECIPE = TrainingRecipe(float_epochs=6, quantized_epochs=5, batch_size=64, augmentation=0.2)
CONFIG = TrialConfig(TEXT, RECIPE, seed=3)


def test_a_trial_gives_a_file_whose_validation_is_what_it_says(tiny: DataSet) -> None:
    signs: list[Progress] = []
    result = run_trial(CONFIG, tiny, 7, WorkerContext(report=signs.append))
    assert result.status == "done"
    assert result.network_file is not None
    _, held_out = validation_split(tiny)
    predicted = predict(decode_network(result.network_file), tiny.train_inputs[held_out])
    assert result.validation_correct == np.count_nonzero(predicted == tiny.train_labels[held_out])
    assert result.validation_examples == len(held_out)
    stages = [sign.stage for sign in signs if sign.stage != "compiling"]
    assert stages == ["training"] * 6 + ["quantising"] * 5
    assert result.config.engine == "lanes"
    assert all(sign.trial == 7 for sign in signs)
    assert signs[-1].size_bits is not None


@pytest.mark.parametrize(("batch", "engine"), [(64, "lanes"), (40, "torch")])
def test_the_same_config_gives_the_same_bytes(tiny: DataSet, batch: int, engine: str) -> None:
    config = dataclasses.replace(CONFIG, recipe=dataclasses.replace(RECIPE, batch_size=batch))
    first, second = (run_trial(config, tiny, 0, WorkerContext()) for _ in range(2))
    assert first.network_file == second.network_file
    assert first.config.engine == engine


def test_compiling_is_reported_once_a_process(
    tiny: DataSet,
) -> None:
    precompile.cache_clear()
    stages: list[list[str]] = []
    for _ in range(2):
        signs: list[Progress] = []
        run_trial(CONFIG, tiny, 0, WorkerContext(report=signs.append))
        stages.append([sign.stage for sign in signs])
    assert stages[0][:2] == ["compiling", "training"]
    assert "compiling" not in stages[1]


def test_a_trial_on_lanes_needs_no_pytorch() -> None:
    code = (
        "import sys; from tests.conftest import stripes;"
        "from tests.search.test_trial import CONFIG;"
        "from minbits.data.assemble import assemble; from minbits.search.trial import *;"
        "data = assemble('stripes', stripes(400, 0), stripes(200, 1), 'test', 'made by the tests');"
        "result = run_trial(CONFIG, data, 0, WorkerContext());"
        "print(result.status, 'torch' in sys.modules)"
    )
    folder = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder
    )
    assert done.stdout.split() == ["done", "False"]


def test_workers_run_pytorch_on_one_thread() -> None:
    code = "import torch; print(torch.get_num_threads())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, **WORKER_ENVIRONMENT},
    )  # fmt: skip
    assert done.stdout.strip() == "1"


def test_a_trial_that_cannot_work_is_a_failed_result(tiny: DataSet) -> None:
    wrong = TrialConfig(TEXT.replace("linear 2", "linear 5"), RECIPE, 0)
    result = run_trial(wrong, tiny, 0, WorkerContext())
    assert result.status == "failed"
    assert result.error is not None
    assert "got 5 logits; expected 2" in result.error
    assert result.network_file is None


def test_a_trial_that_is_stopped_is_interrupted(tiny: DataSet) -> None:
    result = run_trial(CONFIG, tiny, 0, WorkerContext(should_stop=lambda: True))
    assert result.status == "interrupted"


def test_epochs_are_fitted_to_the_time_and_recorded(tiny: DataSet) -> None:
    long = TrialConfig(TEXT, TrainingRecipe(100_000, 100_000, batch_size=64), 0)
    result = run_trial(long, tiny, 0, WorkerContext(), seconds=8.0)
    assert result.status == "done"
    assert 1 <= result.config.recipe.float_epochs < 100_000
    assert result.seconds < 32  # the machine may be busy with other things


def test_a_step_is_timed_without_what_a_run_costs_once() -> None:
    now = 0.0

    def train(tick: Callable[[], bool]) -> None:
        nonlocal now
        now += 100.0
        for _ in range(48):
            now += 0.5
            assert not tick()
        now += 1000.0

    assert step_seconds(train, lambda: now) == pytest.approx(0.5)


def test_plans() -> None:
    recipe = TrainingRecipe(60, 40)
    fast = EpochSeconds(0.01, 0.01)
    assert plan_epochs(recipe, fast, math.inf) == recipe
    half = plan_epochs(recipe, EpochSeconds(1.0, 2.0), 3 + 70 / 0.93)
    assert (half.float_epochs, half.quantized_epochs) == (30, 20)
    assert plan_epochs(recipe, fast, 0.0).float_epochs == 1
    # Epochs of finishing are as long as those of the second phase, and are cut alike.
    finishing = dataclasses.replace(recipe, quantized_epochs=30, finishing_epochs=10)
    cut = plan_epochs(finishing, EpochSeconds(1.0, 2.0), 3 + 70 / 0.93)
    assert (cut.float_epochs, cut.quantized_epochs, cut.finishing_epochs) == (30, 15, 5)
    kept = plan_second_phase(cut, 40, EpochSeconds(1.0, 2.0), 30.0, 3 + 40 / 0.93)
    assert (kept.quantized_epochs, kept.finishing_epochs) == (15, 5)
    # The first phase took twice as long as measured before: half as many epochs fit.
    second = plan_second_phase(half, 40, EpochSeconds(1.0, 2.0), 60.0, 3 + 40 / 0.93)
    assert second.quantized_epochs == 10
    assert plan_second_phase(half, 40, fast, 0.3, 1000.0).quantized_epochs == 40
