"""The prequential code as a file: decoded by learning again, and blind to what comes later."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest

from minbits.codec.adaptive_bits import BitCoder, BitEncoder
from minbits.codec.integers import ModelBank
from minbits.codec.range_decoder import BitDecoder
from minbits.data import from_arrays, load
from minbits.errors import LabelCodeError, NetworkFileError
from minbits.label_codes import prediction
from minbits.label_codes.block_plan import BlockPlan, Planner, block_ends, expected_plan, takes_part
from minbits.label_codes.label_file import order_of
from minbits.label_codes.learners import LEARNERS
from minbits.label_codes.prequential_file import Block, PrequentialCode, _code_plan
from minbits.label_codes.propagation import propagated
from minbits.label_codes.protocol import Known
from minbits.label_codes.task import Task
from tests.label_codes.quick import ORDER, clusters, coded, known_of, take_only


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the networks out, which take seconds."""
    take_only(monkeypatch, lambda learner: not learner.is_network)


@pytest.fixture
def _quickest(monkeypatch: pytest.MonkeyPatch) -> None:
    take_only(monkeypatch, lambda learner: learner.key in ("frequencies", "neighbours"))


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
    # Networks take part from the block on that begins after 27 labels.
    chosen = order_of(len(data.train_labels), ORDER)[:41]
    known = Known(data.train_inputs[chosen], data.input_exponent, data.class_count)
    labels, blocks = data.train_labels[chosen], list[Block]()
    content = PrequentialCode(on_block=blocks.append).encode(known, labels)
    assert (PrequentialCode(workers=2).decode(known, content) == labels).all()
    assert blocks[-1].plan.used == tuple(
        takes_part(learner, (4, 1, 1), 27) for learner in LEARNERS.values()
    )
    assert {"small", "large"} <= blocks[-1].learner_bits.keys()


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


def plan_bits(plans: list[BlockPlan]) -> float:
    """Return what plans cost, block after block, and check that they are read as written."""
    ends, shape = block_ends(60_000), (1, 28, 28)

    def walk(coder: BitCoder) -> list[BlockPlan]:
        bank, before, start, found = ModelBank(), None, 0, []
        for plan, seen in zip(plans, (0, *ends), strict=False):
            expected = expected_plan(before, shape, start, seen)
            given = plan if isinstance(coder, BitEncoder) else expected
            before = _code_plan(coder, given, expected, bank)
            start = seen
            found.append(before)
        return found

    encoder = BitEncoder()
    assert walk(encoder) == plans
    assert walk(BitDecoder(encoder.payload())) == plans
    return encoder.ideal_bits


def expected_plans() -> list[BlockPlan]:
    plans: list[BlockPlan] = []
    start = 0
    for seen in (0, *block_ends(60_000)[:-1]):
        before = plans[-1] if plans else None
        plans.append(expected_plan(before, (1, 28, 28), start, seen))
        start = seen
    return plans


def test_a_plan_costs_what_changes_in_it() -> None:
    plans = expected_plans()
    as_expected = plan_bits(plans)
    assert as_expected < 6
    # From a block on, networks learn longer and one learner stays out.
    place = [learner.key for learner in LEARNERS.values()].index("logistic")
    changed = [
        plan
        if number < 8
        else BlockPlan((*plan.used[:place], False, *plan.used[place + 1 :]), plan.effort + 3)
        for number, plan in enumerate(plans)
    ]
    assert plan_bits(changed) < as_expected + 18


@pytest.mark.usefixtures("_quickest")
def test_an_interrupted_code_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = clusters(60, 3, 1, 0.2)
    whole, _ = coded(data, data.train_labels)

    def interrupt(block: Block) -> None:
        if block.start == 27:
            raise KeyboardInterrupt

    order = order_of(60, ORDER)
    with pytest.raises(KeyboardInterrupt):
        PrequentialCode(keep_in=tmp_path / "kept", on_block=interrupt).encode(
            known_of(data), data.train_labels[order]
        )
    calls = []
    learn = prediction.predict
    monkeypatch.setattr(
        prediction, "predict", lambda call, seen: (calls.append(call.start), learn(call, seen))[1]
    )
    again, _ = coded(data, data.train_labels, keep_in=tmp_path / "kept")
    assert again == whole
    assert min(calls) == 41  # what came before was kept
    # Other labels, or other inputs, find nothing of it.
    calls.clear()
    other = (data.train_labels + 1) % 3
    coded(data, other, keep_in=tmp_path / "kept")
    assert min(calls) <= 8


def test_labels_spread_along_a_graph() -> None:
    data = clusters(300, 3, 0)
    x, y = data.train_inputs.astype(np.float32), data.train_labels
    # One label of each class; the clusters say the rest.
    first = np.array([np.flatnonzero(y == label)[0] for label in range(3)])
    rest = np.setdiff1d(np.arange(300), first)
    task = Task(x[first], y[first], x[rest[:50]], x[rest[50:]], 3, 0, 1.0)
    found = propagated(task)
    assert found.shape == (2, 50, 3)
    assert found.sum(2) == pytest.approx(np.ones((2, 50)))
    assert (found[0].argmax(1) == y[rest[:50]]).all()
    lonely = Task(x[:1], y[:1], x[1:2], x[:0], 3, 0, 1.0)
    assert np.isfinite(propagated(lonely)).all()
