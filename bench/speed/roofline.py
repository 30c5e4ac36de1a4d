"""Where the time of a step goes: every layer of the lanes engine against the machine's ceilings.

A roofline (Williams et al. 2009) sets speed against operations a byte moved: what lies under the
slope is held back by memory, what lies under the flat roof by arithmetic.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minbits.codec.architecture import activation_shapes, run_order
from minbits.layers.base import WeightedLayer
from minbits.layers.linear import Linear
from minbits.networks.grammar import format_layer
from minbits.networks.parameters import parameter_layout
from minbits.training.distortion import random_maps
from minbits.training.lanes.batches import write_inputs
from minbits.training.lanes.plan import Plan, make_plan
from minbits.training.lanes.vector_code import LANES
from minbits.training.lanes.walk import (
    backward_block,
    forward_block,
    linear_gradients,
    turn_kernels,
)
from minbits.training.optimizers import AdamW, Float
from speed.cases import CASES, SGEMM_FLOPS, SGEMM_SIZE, Case

Pass = Literal["forward", "backward", "other"]
_TURNS = 7
_SECONDS_A_TURN = 0.02
_COPIED_FLOATS = 1 << 18  # 1 MiB there and 1 MiB back: in a core's own cache or the shared one


@dataclass(frozen=True)
class Part:
    """One part of a training step on a whole batch.

    Attributes:
        name: a layer's text, or what is done.
        direction: of the layer's pass.
        seconds: processor time.
        flops: useful operations.
        bytes: of activations and errors read and written, each counted once.
    """

    name: str
    direction: Pass
    seconds: float
    flops: int
    bytes: int


@dataclass(frozen=True)
class Roofline:
    """All parts of a step, and the ceilings of the same run.

    Attributes:
        case: key of the case.
        parts: in the order in which they run.
        sgemm_flops_per_second: of a large matrix product on one thread.
        copy_bytes_per_second: read and written, of a copy inside the caches.
    """

    case: str
    parts: tuple[Part, ...]
    sgemm_flops_per_second: float
    copy_bytes_per_second: float

    @property
    def seconds(self) -> float:
        """Processor time of the step."""
        return sum(part.seconds for part in self.parts)

    @property
    def seconds_at_peak(self) -> float:
        """What its useful operations would take at the speed of SGEMM."""
        return sum(part.flops for part in self.parts) / self.sgemm_flops_per_second


def _seconds(call: Callable[[], object]) -> float:
    """Return the median processor time of a call."""
    call()
    start = time.process_time()
    call()
    repeats = max(1, round(_SECONDS_A_TURN / max(time.process_time() - start, 1e-6)))
    found = []
    for _ in range(_TURNS):
        start = time.process_time()
        for _ in range(repeats):
            call()
        found.append((time.process_time() - start) / repeats)
    return float(np.median(found))


def measure_roofline(key: str) -> Roofline:
    """Time every layer of a case, both ways, on one block of examples, scaled up to a batch."""
    case = CASES[key]
    generator = np.random.default_rng(0)
    a, b = generator.standard_normal((2, SGEMM_SIZE, SGEMM_SIZE), np.float32)
    product, copied = np.empty_like(a), np.empty(_COPIED_FLOATS, np.float32)
    original = np.ones_like(copied)
    peak = SGEMM_FLOPS / _seconds(lambda: np.matmul(a, b, out=product))
    copying = 2 * copied.nbytes / _seconds(lambda: np.copyto(copied, original))
    return Roofline(key, _parts(case), peak, copying)


def _parts(case: Case) -> tuple[Part, ...]:
    architecture, _ = case.training()
    layout = parameter_layout(architecture, normalised=True)
    plan = make_plan(layout, case.batch_size // LANES)
    values, nothing = layout.initial(0), np.zeros(1, np.float32)
    gradient = np.zeros_like(values)
    means, variances = np.zeros((2, layout.moments_size), np.float32)
    turn_kernels(plan, values)
    shapes, parts = activation_shapes(architecture), _before(case, plan, values)
    forward_block(plan, 0, values, means, variances)
    for backward in (False, True):
        for index, step in enumerate(run_order(architecture)):
            alone = plan._replace(operations=plan.operations[index : index + 1])

            def run(alone: Plan = alone, backward: bool = backward) -> None:
                if backward:
                    backward_block(alone, 0, values, gradient, nothing)
                else:
                    forward_block(alone, 0, values, means, variances)

            seconds = _seconds(run) * plan.blocks
            if backward and isinstance(step.layer, Linear):
                # Weights of linear layers have their gradients over the whole batch at once.
                seconds += _seconds(partial(linear_gradients, alone, gradient))
            moved = sum(int(np.prod(shape)) for shape in shapes[index : index + 2])
            flops = 0
            if isinstance(step.layer, WeightedLayer):
                flops = 2 * step.layer.multiply_accumulates(shapes[index], shapes[index + 1])
            flops *= (2 if index else 1) if backward else 1
            parts.append(
                Part(
                    format_layer(step.layer),
                    "backward" if backward else "forward",
                    seconds,
                    flops * case.batch_size,
                    4 * moved * case.batch_size * (2 if backward else 1),
                )
            )
    return tuple(parts)


def _before(case: Case, plan: Plan, values: Float) -> list[Part]:
    """Time what a step does beside its layers."""
    _, data = case.training()
    batch = case.batch_size
    chosen = np.arange(batch)
    maps = np.zeros((0, 0, 0), np.float32)
    if case.augmentation:
        maps = random_maps(batch, case.augmentation, np.random.default_rng(0))
    fields = np.zeros((0, 0, 0, 0), np.float32)
    rows, columns = data.inputs.shape[2:]
    bordered = np.zeros((rows + 3, columns + 3), np.float32)
    optimizer, gradient = AdamW(np.ones_like(values), 1e-4), np.zeros_like(values)
    blocks = batch // LANES
    calls: dict[str, tuple[Callable[[], object], int]] = {
        "images": (
            lambda: write_inputs(plan, 0, data.inputs, chosen, maps, fields, bordered), blocks
        ),
        "turned kernels": (lambda: turn_kernels(plan, values), 1),
        "AdamW": (lambda: optimizer.step(values.copy(), gradient, 1e-3), 1),
    }  # fmt: skip
    return [Part(name, "other", _seconds(run) * n, 0, 0) for name, (run, n) in calls.items()]


def draw_roofline(found: Roofline) -> bytes:
    """Return a PNG: the roofline, and a bar of the step beside what its arithmetic would take."""
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    peak, slope = found.sgemm_flops_per_second / 1e9, found.copy_bytes_per_second / 1e9
    intensity = np.geomspace(0.3, 40, 200)
    left.plot(intensity, np.minimum(peak, slope * intensity), color="black", lw=1.2)
    left.text(38, peak * 1.06, f"SGEMM, {peak:.0f} GFLOP/s", ha="right", fontsize=8)
    left.text(0.33, slope * 0.45, f"copies in the cache, {slope:.0f} GB/s", fontsize=8, rotation=38)
    for direction, marker, colour in (("forward", "o", "tab:blue"), ("backward", "s", "tab:red")):
        parts = [p for p in found.parts if p.direction == direction and p.flops]
        left.scatter(
            [part.flops / part.bytes for part in parts],
            [part.flops / part.seconds / 1e9 for part in parts],
            [4e4 * part.seconds / found.seconds / 100 + 8 for part in parts],
            marker=marker, color=colour, alpha=0.7, label=direction,
        )  # fmt: skip
        for number, part in enumerate(parts):
            if part.seconds > 0.06 * found.seconds:
                left.annotate(
                    part.name, (part.flops / part.bytes, part.flops / part.seconds / 1e9),
                    (4, 6 if number % 2 else -10), textcoords="offset points", fontsize=7,
                )  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel="useful operations a byte of activations")
    left.set(ylabel="GFLOP/s", title=f"{found.case}: layers, area by time")
    left.legend(loc="lower right")
    _draw_bars(right, found)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": ""})
    return buffer.getvalue()


def _draw_bars(axes: Axes, found: Roofline) -> None:
    sums = {
        "images": sum(p.seconds for p in found.parts if p.name == "images"),
        "layers forward": sum(p.seconds for p in found.parts if p.direction == "forward"),
        "layers backward": sum(p.seconds for p in found.parts if p.direction == "backward"),
        "weights, AdamW": sum(
            p.seconds for p in found.parts if p.direction == "other" and p.name != "images"
        ),
    }
    bottom = 0.0
    for name, seconds in sums.items():
        axes.bar("a step", 1e3 * seconds, 0.6, 1e3 * bottom, label=name)
        bottom += seconds
    axes.bar("its arithmetic\nat SGEMM's speed", 1e3 * found.seconds_at_peak, 0.6, color="0.6")
    axes.set(ylabel="milliseconds a batch", title="where the time goes")
    axes.legend(fontsize=8)
