"""The prequential code as a file: decoded by learning again, and blind to what comes later."""

from __future__ import annotations

import math
import time

import numpy as np
import numpy.typing as npt
import pytest

from minbits.data import from_arrays, load
from minbits.errors import LabelCodeError
from minbits.label_codes.block_plan import BlockPlan, Planner, block_ends
from minbits.label_codes.learners import LEARNERS, Labels, Task
from minbits.label_codes.prequential_archive import (
    Block,
    decode_labels,
    encode_labels,
    order_of,
    read_header,
)
from minbits.types import DataSet
from minbits.workers.inline import InlineExecutor

NETWORKS = {learner.key for learner in LEARNERS if learner.is_network}


class QuickPlanner(Planner):
    """Leaves the networks out, which take seconds."""

    def plan(self, block: int) -> BlockPlan:
        found = super().plan(block)
        used = [
            flag and learner.key not in NETWORKS
            for flag, learner in zip(found.used, LEARNERS, strict=True)
        ]
        return BlockPlan(tuple(used), found.effort)


def ordered(data: DataSet, seed: int) -> npt.NDArray[np.float32]:
    scaled = data.train_inputs.astype(np.float32) * np.float32(2.0**-data.input_exponent)
    return scaled[order_of(len(scaled), seed)]


def coded(
    data: DataSet, labels: Labels, planner: type[Planner] = QuickPlanner, seed: int = 3
) -> tuple[bytes, list[Block]]:
    blocks: list[Block] = []
    ends = block_ends(len(labels))
    content = encode_labels(
        labels, data.class_count, seed, InlineExecutor(ordered(data, seed)),
        planner(data.input_shape, ends, math.inf), blocks.append,
    )  # fmt: skip
    return content, blocks


def test_labels_come_back_from_the_inputs_alone() -> None:
    data = load("wine")
    content, blocks = coded(data, data.train_labels)
    _, count, classes, seed = read_header(content)
    assert (count, classes, seed) == (len(data.train_labels), 3, 3)
    found = decode_labels(content, count, InlineExecutor(ordered(data, seed)))
    assert (found == data.train_labels).all()
    stated = sum(block.bits for block in blocks)
    assert 8 * len(content) <= 1.01 * stated + 64 + 16 * len(blocks) + 128
    assert stated < 0.45 * count * math.log2(3)


def test_with_networks_too() -> None:
    data = load("iris")
    content, blocks = coded(data, data.train_labels, Planner)
    found = decode_labels(content, len(data.train_labels), InlineExecutor(ordered(data, 3)))
    assert (found == data.train_labels).all()
    assert blocks[-1].plan.used == tuple(learner.suits((4, 1, 1), 99) for learner in LEARNERS)


def test_later_labels_leave_earlier_code_lengths_as_they_are() -> None:
    data = load("wine")
    _, before = coded(data, data.train_labels)
    changed = data.train_labels.copy()
    last = order_of(len(changed), 3)[before[-1].start :]
    changed[last] = (changed[last] + 1) % 3
    _, after = coded(data, changed)
    assert [block.bits for block in before[:-1]] == [block.bits for block in after[:-1]]
    assert before[-1].bits != after[-1].bits


def test_random_labels_cost_what_uniform_labels_cost() -> None:
    generator = np.random.default_rng(0)
    data = from_arrays(generator.normal(size=(3000, 6)), generator.integers(0, 4, 3000))
    count = len(data.train_labels)
    _, blocks = coded(data, data.train_labels)
    assert sum(block.bits for block in blocks) == pytest.approx(2 * count, rel=0.03)


def test_learners_see_no_label_of_their_block() -> None:
    """Whatever stands behind the labels seen cannot be reached from a task."""
    assert "labels" not in {name for name in Task.__dataclass_fields__ if name.startswith("new")}


def test_other_inputs_are_told() -> None:
    data = load("iris")
    content, _ = coded(data, data.train_labels)
    with pytest.raises(LabelCodeError, match="labels for"):
        decode_labels(content, 7, InlineExecutor(ordered(data, 3)))
    with pytest.raises(LabelCodeError, match="checksum"):
        decode_labels(content, len(data.train_labels), InlineExecutor(ordered(data, 3)[::-1]))


def test_what_does_not_fit_the_time_is_left_out() -> None:
    now = time.monotonic()
    planner = Planner((4, 1, 1), block_ends(1000), seconds=10.0, clock=lambda: now)
    planner.spent = {"large": (100.0, 200, 4), "small": (1.0, 200, 4)}
    plan = planner.plan(9)
    names = {learner.key for learner, used in zip(LEARNERS, plan.used, strict=True) if used}
    assert "large" not in names
    assert "frequencies" in names


def test_blocks_grow_by_half() -> None:
    assert block_ends(5) == (5,)
    assert block_ends(30) == (8, 12, 18, 27, 30)
