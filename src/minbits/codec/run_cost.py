"""What running a network costs, told before it is spent; and the limit on it.

A network file of twenty bytes may be valid and ask for hours: the format bounds the work of one
example, not the examples. So the cost is estimated from the architecture alone, and a run above the
limit is refused unless it is wanted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from minbits.codec.architecture import (
    Architecture,
    activation_shapes,
    class_count,
    multiply_accumulate_count,
    run_order,
)
from minbits.codec.forward import last_uses
from minbits.errors import CostError
from minbits.layers.cost import Work

MAX_SECONDS = 120.0
MAX_LOGITS_BYTES = 1 << 29
# What all batches that are worked on at a time may take in memory.
_MAX_BATCH_BYTES = 3 << 26
# Batches are small enough that the largest array of one fits into a processor's cache.
_WORKSPACE_VALUES = 1 << 18
_LARGEST_BATCH = 512
_FRONT_END_SHARE = 16
_VALUE_BYTES = 4

# Inputs are transposed, which is slow, and each batch has calls of its own.
_INPUT_PASSES = 10
_BATCH_CALLS = 20


@dataclass(frozen=True)
class RunCost:
    """What running a network on some examples costs.

    Attributes:
        multiply_accumulates: of one example, all views.
        examples: how many.
        seconds: about how long that takes on one core.
    """

    multiply_accumulates: int
    examples: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.multiply_accumulates:,} multiply-accumulates an example × {self.examples:,} "
            f"examples, about {_duration(self.seconds)} on one core"
        )


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.2g} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:,.1f} hours"


def batch_size(architecture: Architecture) -> int:
    """Return how many examples are run at a time."""
    shapes = activation_shapes(architecture)
    largest = max(math.prod(shape) for shape in shapes)
    for index, step in enumerate(run_order(architecture)):
        largest = max(largest, step.layer.workspace(shapes[index], shapes[index + 1]))
    if architecture.front_end is not None:
        # It passes over its arrays a few times only, so that a cache gains little.
        made = architecture.front_end.workspace(architecture.input_shape)
        largest = max(largest, made // _FRONT_END_SHARE)
    return max(1, min(_LARGEST_BATCH, _WORKSPACE_VALUES // largest))


def batch_bytes(architecture: Architecture) -> int:
    """Return about what a batch takes in memory where it takes most, weights not counted."""
    shapes, steps = activation_shapes(architecture), run_order(architecture)
    sizes = [math.prod(shape) for shape in shapes]
    uses, batch, most = last_uses(steps), batch_size(architecture), 0
    for index, step in enumerate(steps):
        kept = sum(sizes[number] for number in range(index + 1) if uses[number] >= index)
        made = 3 * sizes[index + 1]  # a result, and what its activation makes on the way
        made += step.layer.workspace(shapes[index], shapes[index + 1], batch)
        most = max(most, kept + made)
    if architecture.front_end is not None:
        # All views are made at once.
        seen = architecture.views * sizes[0]
        most = max(most + seen, seen + architecture.front_end.workspace(architecture.input_shape))
    return _VALUE_BYTES * batch * most


def thread_count(architecture: Architecture, threads: int) -> int:
    """Return how many batches may be worked on at a time, at most ``threads``."""
    return max(1, min(threads, _MAX_BATCH_BYTES // batch_bytes(architecture)))


def run_cost(architecture: Architecture, examples: int) -> RunCost:
    """Return what running a network on so many examples costs."""
    shapes, steps, batch = (
        activation_shapes(architecture), run_order(architecture), batch_size(architecture),
    )  # fmt: skip
    of_one = sum(
        step.layer.work(shapes[index], shapes[index + 1], batch).seconds
        for index, step in enumerate(steps)
    )
    values = math.prod(architecture.input_shape)
    of_input = Work(passed=_INPUT_PASSES * values, calls=_BATCH_CALLS / batch).seconds
    if architecture.front_end is not None:
        of_input += architecture.front_end.work(architecture.input_shape).seconds
    return RunCost(
        multiply_accumulates=multiply_accumulate_count(architecture),
        examples=examples,
        seconds=examples * architecture.views * (of_one + of_input),
    )


def check_cost(architecture: Architecture, examples: int, with_logits: bool = False) -> None:
    """Refuse a run that takes too long, or logits that take too much memory.

    Raises:
        CostError: if it does.
    """
    cost = run_cost(architecture, examples)
    remedy = "Run fewer examples, or allow it with `allow_slow=True`."
    if cost.seconds > MAX_SECONDS:
        raise CostError("network", str(cost), f"at most {MAX_SECONDS:g} s", remedy)
    logits_bytes = _VALUE_BYTES * examples * class_count(architecture)
    if with_logits and logits_bytes > MAX_LOGITS_BYTES:
        raise CostError(
            "network", f"{class_count(architecture):,} logits × {examples:,} examples, "
            f"{logits_bytes:,} bytes", f"at most {MAX_LOGITS_BYTES:,} bytes", remedy,
        )  # fmt: skip
