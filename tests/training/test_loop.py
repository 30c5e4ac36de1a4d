from __future__ import annotations

import math

import numpy as np
import pytest

from minbits.training.loop import Draw, LoopSettings, StoppedError, run_epochs, training_data
from minbits.training.schedule import cosine, make_schedule, one_cycle
from minbits.types import DataSet

SETTINGS = LoopSettings(5, 100, cosine(0.1))


def test_schedules() -> None:
    rate = one_cycle(2.0)
    assert rate(0.05) == pytest.approx(1.0)
    assert rate(0.1) == pytest.approx(2.0)
    assert rate(1.0) == pytest.approx(0.0)
    assert cosine(3.0)(0.0) == 3.0
    assert cosine(3.0)(0.5) == pytest.approx(1.5)
    assert make_schedule("one_cycle", 2.0)(0.05) == pytest.approx(1.0)
    assert make_schedule("cosine", 2.0)(0.0) == 2.0


def test_inputs_are_scaled_as_the_decoder_scales_them(tiny: DataSet) -> None:
    scaled = training_data(tiny, np.arange(len(tiny.train_labels))).inputs
    assert scaled.dtype == np.float32
    assert np.array_equal(scaled * 256, tiny.train_inputs)


def walk(data: DataSet, settings: LoopSettings, seed: int) -> list[tuple[Draw, float, float]]:
    seen: list[tuple[Draw, float, float]] = []

    def step(draw: Draw, rate: float, progress: float) -> float:
        seen.append((draw, rate, progress))
        return 0.0

    examples = training_data(data, np.arange(len(data.train_labels)))
    run_epochs(examples, settings, seed, step, lambda epoch: None, lambda: False)
    return seen


def test_every_epoch_visits_each_example_once_in_a_new_order(tiny: DataSet) -> None:
    seen = walk(tiny, SETTINGS, 0)
    assert len(seen) == 5 * 4
    epochs = [np.concatenate([draw.indices for draw, _, _ in seen[i : i + 4]]) for i in (0, 4)]
    assert all(sorted(epoch) == list(range(400)) for epoch in epochs)
    assert not np.array_equal(epochs[0], epochs[1])
    progress = [part for _, _, part in seen]
    assert progress == sorted(progress)
    assert progress[0] == 0.0
    assert progress[-1] < 1


def test_the_same_seed_gives_the_same_batches_and_distortions(tiny: DataSet) -> None:
    settings = LoopSettings(2, 100, cosine(0.1), 0.5, 0.5)
    first, second, other = (walk(tiny, settings, seed) for seed in (3, 3, 4))
    for (one, _, _), (two, _, _) in zip(first, second, strict=True):
        assert np.array_equal(one.indices, two.indices)
        assert np.array_equal(one.distortions.maps, two.distortions.maps)
        assert np.array_equal(one.distortions.fields, two.distortions.fields)
    assert not np.array_equal(first[0][0].distortions.maps, other[0][0].distortions.maps)


def test_training_stops_when_asked(tiny: DataSet) -> None:
    data = training_data(tiny, np.arange(400))
    with pytest.raises(StoppedError):
        run_epochs(data, SETTINGS, 0, lambda *draw: 0.0, lambda epoch: None, lambda: True)


def test_divergence_is_an_error(tiny: DataSet) -> None:
    data = training_data(tiny, np.arange(400))
    with pytest.raises(FloatingPointError, match="after epoch 1"):
        run_epochs(data, SETTINGS, 0, lambda *draw: math.nan, lambda epoch: None, lambda: False)
