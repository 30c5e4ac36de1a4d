"""A block's predictions: every learner that takes part, at several temperatures, side by side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from minbits.label_codes.block_plan import EFFORTS, BlockPlan
from minbits.label_codes.kept import Kept
from minbits.label_codes.learners import LEARNERS
from minbits.label_codes.protocol import Labels
from minbits.label_codes.task import Floats, Task
from minbits.workers.work import worker_context

# Learners are seldom as sure as they should be; the mixture finds out which temperature suits.
TEMPERATURES = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0)
_MIN_PROBABILITY = 1e-9


@dataclass(frozen=True, eq=False)
class Prediction:
    """What one learner says of a block.

    Attributes:
        key: the learner.
        probabilities: float32, shape ``(variants, examples, classes)``, of all members together.
        seconds: of workers, all members together.
    """

    key: str
    probabilities: npt.NDArray[np.float32]
    seconds: float


@dataclass(frozen=True)
class Call:
    """One learner's work on one block, as a worker gets it: inputs are shared, labels are not."""

    key: str
    start: int
    end: int
    classes: int
    seed: int
    effort: float


# Probabilities, shape ``(variants, end - start, classes)``, and the seconds that they took.
Answer = tuple[npt.NDArray[np.float32], float]


def predict(call: Call, seen: Labels) -> Answer:
    """Learn from the labels seen and predict a block, in a worker that shares all inputs.

    Returns:
        Probabilities, shape ``(variants, end - start, classes)``, and the seconds that it took.
    """
    began = time.perf_counter()
    inputs = worker_context().shared
    task = Task(
        # Copies: the shared array cannot be written to, which PyTorch warns of.
        np.array(inputs[: call.start]), seen, np.array(inputs[call.start : call.end]),
        inputs[call.end :], call.classes, call.seed, call.effort,
    )  # fmt: skip
    learner = LEARNERS[call.key]
    return learner.predict(task).astype(np.float32), time.perf_counter() - began


def _learned(
    executor: Executor, seen: Labels, calls: Sequence[Call], kept: Kept | None
) -> dict[Call, Answer]:
    """Return what all calls give; what was kept is not worked out again."""
    found: dict[Call, Answer] = {}
    running: dict[Future[Answer], Call] = {}
    for call in calls:
        before = None if kept is None else kept.read(astuple(call), seen)
        if before is not None:
            found[call] = before["probabilities"], float(before["seconds"])
        else:
            running[executor.submit(predict, call, seen)] = call
    for future in as_completed(running):
        call = running[future]
        found[call] = future.result()
        if kept is not None:
            probabilities, seconds = found[call]
            kept.keep(astuple(call), seen, probabilities=probabilities, seconds=seconds)
    return found


def predict_block(
    executor: Executor, seen: Labels, end: int, classes: int, plan: BlockPlan,
    kept: Kept | None = None,
) -> list[Prediction]:  # fmt: skip
    """Return the predictions of all learners that a plan names.

    Each depends on the labels seen and the plan alone: nothing of the block's own labels
    is known here. Members of a learner are averaged as logarithms.
    """
    used = [learner for learner, flag in zip(LEARNERS.values(), plan.used, strict=True) if flag]
    calls = [
        Call(learner.key, len(seen), end, classes, member, EFFORTS[plan.effort])
        # What takes longest begins first, so that workers end at about the same time.
        for learner in sorted(used, key=lambda item: item.is_network, reverse=True)
        for member in range(learner.members)
    ]
    answers = _learned(executor, seen, calls, kept)
    found = []
    for learner in used:
        members = [answers[call] for call in calls if call.key == learner.key]
        logarithms = np.mean(
            [np.log(np.maximum(made, _MIN_PROBABILITY), dtype=np.float64) for made, _ in members],
            axis=0,
        )
        powers = np.exp(logarithms - logarithms.max(axis=-1, keepdims=True))
        mean = powers / powers.sum(axis=-1, keepdims=True)
        shape = (learner.variants, *mean.shape[1:])
        probabilities = np.broadcast_to(mean.astype(np.float32), shape)
        found.append(Prediction(learner.key, probabilities, sum(spent for _, spent in members)))
    return found


def predictor_names() -> list[str]:
    """Return the names of all predictors of the mixture, in the order of `predictor_table`."""
    names = []
    for learner in LEARNERS.values():
        for variant in range(learner.variants):
            which = f" {variant + 1}" if learner.variants > 1 else ""
            names += [f"{learner.name}{which} at temperature {t:g}" for t in TEMPERATURES]
    return names


def predictor_learners() -> list[str]:
    """Return the key of the learner of each predictor, in the order of `predictor_table`."""
    return [
        learner.key
        for learner in LEARNERS.values()
        for _ in range(learner.variants * len(TEMPERATURES))
    ]


def predictor_table(
    found: Sequence[Prediction], examples: slice, seen: int, classes: int
) -> Floats:
    """Return each predictor's probabilities, shape ``(predictors, examples, classes)``.

    A learner that takes no part says that all classes are equally likely. Of every probability, one
    part in ``seen + 2`` is spread evenly: no label is ever impossible.
    """
    given = {item.key: item.probabilities for item in found}
    count = examples.stop - examples.start
    spread = 1.0 / (seen + 2)
    parts = []
    for learner in LEARNERS.values():
        if learner.key not in given:
            shape = (learner.variants * len(TEMPERATURES), count, classes)
            parts.append(np.full(shape, 1.0 / classes))
            continue
        chosen = given[learner.key][:, examples].astype(np.float64)
        logarithms = np.log(np.maximum(chosen, _MIN_PROBABILITY))
        for variant in logarithms:
            for temperature in TEMPERATURES:
                powers = np.exp((variant - variant.max(1, keepdims=True)) / temperature)
                tempered = powers / powers.sum(1, keepdims=True)
                parts.append(((1 - spread) * tempered + spread / classes)[None])
    return np.concatenate(parts)
