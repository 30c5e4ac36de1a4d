"""Prequential codes of some learners only, in the caller's own process."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from minbits.data.assemble import assemble
from minbits.label_codes import prequential_file
from minbits.label_codes.block_plan import BlockPlan, Planner
from minbits.label_codes.label_file import order_of
from minbits.label_codes.learners import LEARNERS, Learner
from minbits.label_codes.prequential_file import Block, PrequentialCode
from minbits.label_codes.protocol import Known, Labels
from minbits.types import DataSet
from minbits.workers.inline import InlineExecutor

ORDER = 3


def known_of(data: DataSet) -> Known:
    inputs = data.train_inputs[order_of(len(data.train_labels), ORDER)]
    return Known(inputs, data.input_exponent, data.class_count)


def take_only(patch: pytest.MonkeyPatch, is_taken: Callable[[Learner], bool]) -> None:
    """Leave learners out, and start no processes."""
    plan = Planner.plan

    def restricted(self: Planner, block: int) -> BlockPlan:
        found = plan(self, block)
        used = (
            flag and is_taken(learner)
            for flag, learner in zip(found.used, LEARNERS.values(), strict=True)
        )
        return BlockPlan(tuple(used), found.effort)

    patch.setattr(Planner, "plan", restricted)
    patch.setattr(
        prequential_file, "open_executor", lambda name, workers, shared: InlineExecutor(shared)
    )


def coded(data: DataSet, labels: Labels, **options: object) -> tuple[bytes, list[Block]]:
    blocks: list[Block] = []
    code = PrequentialCode(on_block=blocks.append, **options)  # type: ignore[arg-type]
    return code.encode(known_of(data), labels[order_of(len(labels), ORDER)]), blocks


def clusters(examples: int, classes: int, seed: int, noise: float = 0.0) -> DataSet:
    """Classes far from each other; a part of the labels is another one, drawn evenly."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, examples)
    angles = 2 * np.pi * labels / classes
    centres = 20 * np.stack([np.cos(angles), np.sin(angles)], 1)
    inputs = (centres + generator.normal(size=(examples, 2))).astype(np.float32)
    is_wrong = generator.permutation(examples) < round(noise * examples)
    labels = (labels + is_wrong * generator.integers(1, classes, examples)) % classes
    return all_for_training(inputs, labels, classes)


def all_for_training(inputs: np.ndarray, labels: Labels, classes: int) -> DataSet:
    test = (inputs[:classes], np.arange(classes))
    return assemble("drawn", (inputs, labels), test, "test", "made by the tests")
