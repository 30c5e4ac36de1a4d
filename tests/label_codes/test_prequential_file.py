"""The prequential code as a file: decoded by learning again, and blind to what comes later."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from minbits.data import from_arrays, load
from minbits.errors import LabelCodeError, NetworkFileError
from minbits.label_codes import prequential_file
from minbits.label_codes.block_plan import BlockPlan, Planner, block_ends
from minbits.label_codes.label_file import order_of
from minbits.label_codes.learners import LEARNERS
from minbits.label_codes.prequential_file import Block, PrequentialCode
from minbits.label_codes.protocol import Known, Labels
from minbits.label_codes.task import Task
from minbits.types import DataSet
from minbits.workers.inline import InlineExecutor

NETWORKS = {learner.key for learner in LEARNERS.values() if learner.is_network}


def known_of(data: DataSet) -> Known:
    inputs = data.train_inputs[order_of(len(data.train_labels), 3)]
    return Known(inputs, data.input_exponent, data.class_count)


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the networks out, which take seconds, and start no processes."""
    plan = Planner.plan

    def without_networks(self: Planner, block: int) -> BlockPlan:
        found = plan(self, block)
        used = (
            flag and not learner.is_network
            for flag, learner in zip(found.used, LEARNERS.values(), strict=True)
        )
        return BlockPlan(tuple(used), found.effort)

    monkeypatch.setattr(Planner, "plan", without_networks)
    monkeypatch.setattr(
        prequential_file, "open_executor", lambda name, workers, shared: InlineExecutor(shared)
    )


def coded(data: DataSet, labels: Labels) -> tuple[bytes, list[Block]]:
    blocks: list[Block] = []
    code = PrequentialCode(on_block=blocks.append)
    order = order_of(len(labels), 3)
    return code.encode(known_of(data), labels[order]), blocks


@pytest.mark.usefixtures("_quick")
def test_labels_come_back_from_the_inputs_alone() -> None:
    data = load("wine")
    content, blocks = coded(data, data.train_labels)
    count = len(data.train_labels)
    found = PrequentialCode().decode(known_of(data), content)
    assert (found == data.train_labels[order_of(len(found), 3)]).all()
    stated = sum(block.bits for block in blocks)
    # Without networks each block differs from what is usual, which is written.
    assert 8 * len(content) <= 1.01 * stated + 100
    assert stated < 0.45 * count * math.log2(3)


def test_with_networks_too_and_other_numbers_of_workers() -> None:
    data = load("iris")
    content, blocks = coded(data, data.train_labels)
    found = PrequentialCode(workers=2).decode(known_of(data), content)
    assert (found == data.train_labels[order_of(len(found), 3)]).all()
    assert blocks[-1].plan.used == tuple(
        learner.suits((4, 1, 1), 99) for learner in LEARNERS.values()
    )


@pytest.mark.usefixtures("_quick")
def test_later_labels_leave_earlier_code_lengths_as_they_are() -> None:
    data = load("wine")
    _, before = coded(data, data.train_labels)
    changed = data.train_labels.copy()
    last = order_of(len(changed), 3)[before[-1].start :]
    changed[last] = (changed[last] + 1) % 3
    _, after = coded(data, changed)
    assert [block.bits for block in before[:-1]] == [block.bits for block in after[:-1]]
    assert before[-1].bits != after[-1].bits


@pytest.mark.usefixtures("_quick")
def test_random_labels_cost_what_uniform_labels_cost() -> None:
    generator = np.random.default_rng(0)
    data = from_arrays(generator.normal(size=(700, 3)), generator.integers(0, 4, 700))
    count = len(data.train_labels)
    _, blocks = coded(data, data.train_labels)
    assert sum(block.bits for block in blocks) == pytest.approx(2 * count, rel=0.06)


def test_learners_see_no_label_of_their_block() -> None:
    """Whatever stands behind the labels seen cannot be reached from a task."""
    assert "labels" not in {name for name in Task.__dataclass_fields__ if name.startswith("new")}


@pytest.mark.usefixtures("_quick")
def test_other_inputs_are_told() -> None:
    data = load("iris")
    content, _ = coded(data, data.train_labels)
    others = Known(known_of(data).inputs[::-1], data.input_exponent, data.class_count)
    with pytest.raises((LabelCodeError, NetworkFileError)):
        PrequentialCode().decode(others, content)


def test_what_does_not_fit_the_time_is_left_out() -> None:
    now = time.monotonic()
    planner = Planner((4, 1, 1), block_ends(1000), seconds=10.0, clock=lambda: now)
    planner.spent = {"large": (100.0, 200, 4), "small": (1.0, 200, 4)}
    plan = planner.plan(9)
    names = {
        learner.key for learner, used in zip(LEARNERS.values(), plan.used, strict=True) if used
    }
    assert "large" not in names
    assert "frequencies" in names


def test_blocks_grow_by_half() -> None:
    assert block_ends(5) == (5,)
    assert block_ends(30) == (8, 12, 18, 27, 30)
