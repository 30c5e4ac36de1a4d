from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minbits.errors import ArgumentError
from minbits.jobs.trainability import plain_trainability, trainability_job
from minbits.jobs.trainability_request import TrainabilityRequest
from minbits.studies.losses import LOSSES, Loss, loss_named, mean_loss_and_hits
from minbits.studies.tensor_losses import tensor_losses
from minbits.types import DataSet


def slow_loss(logits: list[float], label: int, loss: Loss) -> float:
    """Return the loss of one example, written out."""
    if loss == "cross-entropy":
        return float(np.logaddexp.reduce(logits) - logits[label])
    if loss == "squared":
        return sum((value - (k == label)) ** 2 for k, value in enumerate(logits))
    others = [value for k, value in enumerate(logits) if k != label]
    return max(0.0, 1 + max(others) - logits[label])


@given(
    st.sampled_from(LOSSES),
    st.integers(2, 5).flatmap(
        lambda classes: st.lists(
            st.tuples(
                st.lists(st.floats(-20, 20, width=32), min_size=classes, max_size=classes),
                st.integers(0, classes - 1),
            ),
            min_size=1,
            max_size=6,
        )
    ),
)
def test_arrays_and_tensors_have_the_loss_written_out(
    loss: Loss, examples: list[tuple[list[float], int]]
) -> None:
    logits = np.array([row for row, _ in examples], np.float32)
    labels = np.array([label for _, label in examples])
    expected = [slow_loss(row, label, loss) for row, label in examples]
    (found,) = tensor_losses(torch.from_numpy(logits[None]), torch.from_numpy(labels[None]), loss)
    assert found.numpy() == pytest.approx(expected, rel=1e-5, abs=1e-5)
    mean, hits = mean_loss_and_hits(logits, labels, loss)
    assert mean == pytest.approx(np.mean(expected), rel=1e-5, abs=1e-5)
    assert hits == (logits.argmax(1) == labels).sum()


def test_seeds_may_stand_in_front() -> None:
    logits = torch.randn((3, 4, 5), generator=torch.Generator().manual_seed(0))
    labels = torch.arange(12).reshape(3, 4) % 5
    for loss in LOSSES:
        together = tensor_losses(logits, labels, loss)
        assert together.shape == (3, 4)
        for seed in range(3):
            alone = tensor_losses(logits[seed : seed + 1], labels[seed : seed + 1], loss)
            assert torch.equal(together[seed], alone[0])


def test_what_is_no_loss_is_not_taken_for_one() -> None:
    assert loss_named(None) == "cross-entropy"
    assert [loss_named(name) for name in LOSSES] == list(LOSSES)
    with pytest.raises(KeyError):
        loss_named("absolute")


@pytest.mark.parametrize("loss", LOSSES)
def test_a_study_descends_the_loss_that_was_asked_for(
    tmp_path: Path, tiny: DataSet, loss: Loss
) -> None:
    usual = {"ledger": tmp_path / "ledger.sqlite", "seeds": 4, "workers": 1, "learning_rate": 0.02}
    ends = []
    for epochs in (1, 12):
        request = TrainabilityRequest((4, 8), loss=loss, epochs=epochs, **usual)
        ends.append(trainability_job(tiny, request))
    for before, after in zip(ends[0].rows, ends[1].rows, strict=True):
        assert after.train_losses.mean() < before.train_losses.mean()
        assert after.failed == 0
    found = plain_trainability(ends[1])
    assert found["loss"] == loss
    for row in found["widths"]:
        assert (row["train_loss_nats"] is None) == (loss != "cross-entropy")
        assert row["test_loss"]["low"] <= row["test_loss"]["value"] <= row["test_loss"]["high"]


def test_losses_that_lanes_do_not_know_ask_for_connected_layers(
    tmp_path: Path, tiny: DataSet
) -> None:
    request = TrainabilityRequest(
        (2, 4), kind="convolution", loss="hinge", seeds=2, ledger=tmp_path / "ledger.sqlite"
    )
    with pytest.raises(ArgumentError, match="hinge"):
        trainability_job(tiny, request)
