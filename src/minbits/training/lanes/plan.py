"""The plan of a network: every layer as a row of numbers that compiled code walks through.

A batch is worked off in blocks of `LANES` examples, each block forward and backward through the
whole network before the next one starts, so that its activations are still in the cache when the
gradients need them. All activations, sums and errors lie in one *arena*; a *place* in it is a
``[channel, row, column, lane]`` image, perhaps with a border of zeros.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Step, activation_shapes, run_order
from minbits.errors import NetworkError
from minbits.layers.activations import ACTIVATIONS
from minbits.layers.base import Shape, shares_kernels
from minbits.layers.geometry import Geometry, pooling_window
from minbits.layers.lanes_rows import (
    ConvolutionRow,
    LanesRow,
    LinearRow,
    Obstacle,
    PoolingRow,
    RootMeanSquareRow,
    SumRow,
)
from minbits.networks.parameters import ParameterLayout
from minbits.training.lanes.vector_code import LANES

DENSE, DEPTHWISE, LINEAR, MAXIMUM, MEAN, ADDITION, ROOT_MEAN_SQUARE = range(7)
# How a layer's sums become its outputs: in the registers of the linear map, normalised, by a pass.
FUSED, NORMALISED, PASSED = range(3)
# What becomes of the errors of a layer's inputs.
NOWHERE, DIRECT, COPIED, ADDED = range(4)

# Activations that are a factor on negative values, and those of a pass of their own.
SLOPED, SWISHED = range(2)

_PLACE = ("at", "channel", "row", "block")
_NAMES = (
    "kind", "mode", "activation", "period",
    "channels", "high", "wide", "outputs", "rows", "columns", "taps",
    *(f"in_{part}" for part in _PLACE),
    *(f"out_{part}" for part in _PLACE),
    *(f"error_{part}" for part in _PLACE),  # of the outputs, turned into those of the sums in place
    *(f"back_{part}" for part in _PLACE),  # of the inputs
    "back_mode", "target_at", "target_channel", "target_row", "target_block",
    "spread_at", "spread_channel", "spread_row", "spread_line", "spread_column", "spread_stride",
    "back_first", "back_first_block", "back_taps",
    "first", "stride_row", "stride_column",
    "sums", "statistics", "offsets", "back_offsets", "chosen", "window",
    "weights", "scale", "shift", "moments", "turned", "tile",
    "skip_mode", *(f"skip_{part}" for part in _PLACE), *(f"skip_error_{part}" for part in _PLACE),
)  # fmt: skip
OPERATION = np.dtype([(name, np.int64) for name in _NAMES] + [("slope", np.float32)], align=True)

_TENSOR_NAMES = ("outputs", "sources", "kernel", "weights", "turned", "is_dense", "is_turned")
TENSOR = np.dtype([(name, np.int64) for name in _TENSOR_NAMES])


class Plan(NamedTuple):
    """What compiled code reads: it is the same for every batch.

    Attributes:
        operations: one `OPERATION` a layer, in the order in which they run.
        tensors: one `TENSOR` a layer with weights, in file order.
        offsets: steps from the first tap of a position to every other, in floats.
        arena: activations, sums and errors of one block.
        turned: kernels turned by half a turn for the errors of inputs, written anew for every
            batch.
        statistics: mean, inverse deviation, factor and summand of each normalised channel.
        blocks: blocks of a batch.
        classes: number of logits.
        input_at, input_channel, input_row, input_block: where a block's images go.
        logits_at, logits_block: where its logits are; a class is ``LANES`` floats.
        errors_at, errors_block: where the errors of the logits go.
    """

    operations: npt.NDArray[Any]
    tensors: npt.NDArray[Any]
    offsets: npt.NDArray[np.int64]
    arena: npt.NDArray[np.float32]
    turned: npt.NDArray[np.float32]
    statistics: npt.NDArray[np.float32]
    blocks: int
    classes: int
    input_at: int
    input_channel: int
    input_row: int
    input_block: int
    logits_at: int
    logits_block: int
    errors_at: int
    errors_block: int


@dataclass
class _Buffer:
    """A piece of the arena; ``at`` is known once all buffers are."""

    size: int
    at: int = 0


@dataclass(frozen=True)
class _Place:
    """An image inside a buffer; steps in floats, ``block`` 0 where blocks share the memory."""

    buffer: _Buffer
    shape: Shape
    border: tuple[int, int]
    block: int

    @property
    def row(self) -> int:
        return (self.shape[2] + 2 * self.border[1]) * LANES

    @property
    def channel(self) -> int:
        return (self.shape[1] + 2 * self.border[0]) * self.row

    @property
    def start(self) -> int:
        """Where the first pixel lies, the border skipped, relative to the buffer."""
        return self.border[0] * self.row + self.border[1] * LANES

    @property
    def is_dense(self) -> bool:
        return self.border == (0, 0)


def _bordered_size(shape: Shape, border: tuple[int, int]) -> int:
    return shape[0] * (shape[1] + 2 * border[0]) * (shape[2] + 2 * border[1]) * LANES


def _uncovered(geometry: Geometry) -> tuple[int, int]:
    """Return how many rows and columns a kernel reaches beyond its padding."""
    far, padding = geometry.reach, geometry.paddings
    return (far[0] - padding[0], far[1] - padding[1])


def obstacle_to(step: Step) -> str | None:
    """Return why lanes do not cover a layer, None if they do."""
    row = step.layer.lanes_row()
    if isinstance(row, Obstacle):
        return f"layer {step.layer_index} {row.reason}"
    activation = ACTIVATIONS[_activation_of(step)]
    if activation.slope is None and not activation.has_lanes_pass:
        return f"layer {step.layer_index} with activation {activation.key}"
    return None


def _activation_of(step: Step) -> str:
    return getattr(step.layer, "activation", "none")


def _covered(step: Step) -> LanesRow:
    """Return the row of a layer.

    Raises:
        NetworkError: if lanes do not cover it.
    """
    obstacle, row = obstacle_to(step), step.layer.lanes_row()
    if obstacle or isinstance(row, Obstacle):
        raise NetworkError("lanes engine", str(obstacle), "what it covers", "Use torch.")
    return row


@dataclass
class _Arena:
    """Hands out memory; errors are short-lived, and what one layer is done with serves another."""

    buffers: list[_Buffer] = field(default_factory=list)
    _free: dict[tuple[int, ...], list[_Buffer]] = field(default_factory=dict)

    def new(self, size: int) -> _Buffer:
        self.buffers.append(_Buffer(size))
        return self.buffers[-1]

    def borrow(self, key: tuple[int, ...], size: int) -> _Buffer:
        """Return a free buffer of the same geometry: its border of zeros is still intact."""
        free = self._free.setdefault(key, [])
        if not free:
            return self.new(size)
        buffer = free.pop()
        buffer.size = max(buffer.size, size)
        return buffer

    def give_back(self, key: tuple[int, ...], buffer: _Buffer) -> None:
        self._free[key].append(buffer)

    def place_all(self) -> int:
        at = 0
        for buffer in self.buffers:
            buffer.at = at
            at += buffer.size
        return at


class _Planner:
    """Builds a plan in four passes: activations, errors, memory, rows."""

    def __init__(self, layout: ParameterLayout, blocks: int) -> None:
        self.layout = layout
        self.blocks = blocks
        architecture = layout.architecture
        self.steps = run_order(architecture)
        self.shapes = activation_shapes(architecture)
        # By which pass each layer is trained; the rows below are these in numbers.
        self.lanes = [_covered(step) for step in self.steps]
        self.arena = _Arena()
        self.offsets: list[int] = []
        self.turned_size = 0
        self.statistics_size = 0
        self.rows = np.zeros(len(self.steps), OPERATION)
        self.tensors = np.zeros(len(layout.slots), TENSOR)

    def plan(self) -> Plan:
        self.activations = [self._activation(index) for index in range(len(self.shapes))]
        self._plan_tensors()
        sums: dict[int, _Buffer] = {}
        chosen: dict[int, _Buffer] = {}
        spreads: dict[int, _Buffer] = {}
        for index, step in enumerate(self.steps):
            size = math.prod(self.shapes[index + 1]) * LANES
            row = self.lanes[index]
            if isinstance(row, PoolingRow) and row.kind == "max":
                chosen[index] = self.arena.new(size)
            if isinstance(row, RootMeanSquareRow):
                sums[index] = self.arena.new(3 * LANES)
            elif self._mode(step) != FUSED:
                sums[index] = self.arena.new(size)
        self._plan_errors(spreads)
        self.tile = self.arena.new(0)
        if any(isinstance(row, LinearRow) for row in self.lanes):
            self.tile.size = self.blocks * LANES * LANES
        total = self.arena.place_all()
        for index in range(len(self.steps)):
            self._fill(index, sums.get(index), chosen.get(index), spreads.get(index))
        last, first = self.activations[-1], self.activations[0]
        errors = self.errors[len(self.steps)]
        return Plan(
            self.rows, self.tensors, np.array(self.offsets or [0], np.int64),
            np.zeros(total, np.float32), np.zeros(max(1, self.turned_size), np.float32),
            np.zeros(max(1, self.statistics_size), np.float32), self.blocks,
            math.prod(self.shapes[-1]), first.buffer.at + first.start, first.channel, first.row,
            first.block, last.buffer.at, last.block, errors.buffer.at, errors.block,
        )  # fmt: skip

    def _consumers(self, index: int) -> list[LanesRow]:
        found = self.lanes[index : index + 1]
        for number, row in enumerate(self.lanes):
            if isinstance(row, SumRow) and number - row.back == index:
                found.append(row)
        return found

    def _activation(self, index: int) -> _Place:
        consumers = self._consumers(index)
        border = (0, 0)
        for row in consumers:
            if isinstance(row, ConvolutionRow):
                paddings = row.geometry.paddings
                border = (max(border[0], paddings[0]), max(border[1], paddings[1]))
        shape = self.shapes[index]
        size = _bordered_size(shape, border)
        # Gradients of linear layers are taken over the whole batch at once; logits stay readable.
        keeps = not consumers or any(isinstance(row, LinearRow) for row in consumers)
        buffer = self.arena.new(size * self.blocks if keeps else size)
        return _Place(buffer, shape, border, size if keeps else 0)

    def _error_border(self, index: int) -> tuple[int, int]:
        """Return the border that the layer which makes activation ``index`` wants its errors in."""
        if index == 0:
            return (0, 0)
        row = self.lanes[index - 1]
        if index == 1 or not isinstance(row, ConvolutionRow) or self._is_spread(index - 1, row):
            return (0, 0)
        return _uncovered(row.geometry)

    def _is_spread(self, index: int, row: ConvolutionRow) -> bool:
        """Whether errors of a layer's outputs must be copied before its inputs can have theirs."""
        # Errors of the logits are written without a border.
        is_last = index + 1 == len(self.steps)
        geometry = row.geometry
        return geometry.strides != (1, 1) or (is_last and _uncovered(geometry) != (0, 0))

    def _error_place(self, index: int) -> _Place:
        border, shape = self._error_border(index), self.shapes[index]
        size = _bordered_size(shape, border)
        made_by = self.lanes[index - 1] if index else None
        if isinstance(made_by, LinearRow) or index == len(self.steps):
            return _Place(self.arena.new(size * self.blocks), shape, border, size)
        return _Place(self.arena.borrow(self._key(shape, border), size), shape, border, 0)

    def _key(self, shape: Shape, border: tuple[int, int]) -> tuple[int, ...]:
        return () if border == (0, 0) else (shape[1], shape[2], *border)

    def _plan_errors(self, spreads: dict[int, _Buffer]) -> None:
        """Walk backward, as the gradient does, and lend memory to the errors."""
        count = len(self.steps)
        self.errors: dict[int, _Place] = {count: self._error_place(count)}
        self.back_modes: dict[int, int] = {}
        self.skip_modes: dict[int, int] = {}
        self.temporary = self.arena.new(0)
        for index in reversed(range(count)):
            row = self.lanes[index]
            self.back_modes[index] = NOWHERE
            if index:
                is_new = index not in self.errors
                if is_new:
                    self.errors[index] = self._error_place(index)
                place = self.errors[index]
                direct = is_new and (place.is_dense or not isinstance(row, LinearRow))
                self.back_modes[index] = DIRECT if direct else COPIED if is_new else ADDED
                if not direct:
                    size = math.prod(self.shapes[index]) * LANES
                    self.temporary.size = max(self.temporary.size, size)
                if isinstance(row, ConvolutionRow) and self._is_spread(index, row):
                    spreads[index] = self.arena.new(self._spread_size(index, row.geometry))
            if isinstance(row, SumRow) and index - row.back > 0:
                source = index - row.back
                self.skip_modes[index] = ADDED if source in self.errors else COPIED
                if source not in self.errors:
                    self.errors[source] = self._error_place(source)
            done = self.errors[index + 1]
            if not done.block:
                self.arena.give_back(self._key(done.shape, done.border), done.buffer)

    def _spread_size(self, index: int, geometry: Geometry) -> int:
        _, high, wide = self.shapes[index]
        far = geometry.reach
        return self.shapes[index + 1][0] * (high + far[0]) * (wide + far[1]) * LANES

    def _mode(self, step: Step) -> int:
        if step.tensor is None:
            return FUSED
        if self.layout.slots[step.tensor].scale_at is not None:
            return NORMALISED
        return PASSED if ACTIVATIONS[_activation_of(step)].slope is None else FUSED

    def _plan_tensors(self) -> None:
        for number, slot in enumerate(self.layout.slots):
            row = self.tensors[number]
            lanes = self.lanes[next(i for i, s in enumerate(self.steps) if s.tensor == number)]
            depthwise = isinstance(lanes, ConvolutionRow) and lanes.depthwise
            kernel = math.prod(slot.shape[2:])
            row["outputs"], row["sources"], row["kernel"] = slot.outputs, slot.shape[1], kernel
            row["weights"], row["is_dense"] = slot.weights_at, not depthwise
            # Kernels of one weight are read as they lie, with other steps.
            row["turned"] = -1
            if kernel > 1:
                row["turned"] = self.turned_size
                self.turned_size += slot.outputs * slot.taps

    def _fill(
        self, index: int, sums: _Buffer | None, chosen: _Buffer | None, spread: _Buffer | None
    ) -> None:
        step, row, lanes = self.steps[index], self.rows[index], self.lanes[index]
        (row["channels"], row["high"], row["wide"]) = self.shapes[index]
        (row["outputs"], row["rows"], row["columns"]) = self.shapes[index + 1]
        row["mode"] = self._mode(step)
        slope = ACTIVATIONS[_activation_of(step)].slope
        row["activation"] = SWISHED if slope is None else SLOPED
        row["slope"] = 1.0 if slope is None else slope
        self._fill_place(row, "in", self.activations[index])
        self._fill_place(row, "out", self.activations[index + 1])
        self._fill_place(row, "error", self.errors[index + 1])
        self._fill_back(index)
        if sums is not None:
            row["sums"] = sums.at
        if row["mode"] == NORMALISED:
            row["statistics"] = self.statistics_size
            self.statistics_size += 4 * int(row["outputs"])
        match lanes:
            case PoolingRow():
                self._fill_pooling(index, lanes, chosen)
            case SumRow():
                self._fill_sum(index, lanes)
            case RootMeanSquareRow():
                row["kind"] = ROOT_MEAN_SQUARE
            case LinearRow():
                self._fill_weighted(index)
                self._fill_linear(index)
            case ConvolutionRow():
                self._fill_weighted(index)
                self._fill_convolution(index, lanes, spread)

    def _fill_place(self, row: Any, name: str, place: _Place) -> None:
        row[f"{name}_at"] = place.buffer.at + place.start
        row[f"{name}_channel"], row[f"{name}_row"] = place.channel, place.row
        row[f"{name}_block"] = place.block

    def _fill_back(self, index: int) -> None:
        """Say where errors of the inputs are computed, and where they end up."""
        row = self.rows[index]
        row["back_mode"] = self.back_modes[index]
        if row["back_mode"] == NOWHERE:
            return
        self._fill_place(row, "target", self.errors[index])
        back = self.errors[index]
        if row["back_mode"] != DIRECT:
            back = _Place(self.temporary, self.shapes[index], (0, 0), 0)
        self._fill_place(row, "back", back)

    def _fill_pooling(self, index: int, lanes: PoolingRow, chosen: _Buffer | None) -> None:
        row = self.rows[index]
        row["kind"] = MAXIMUM if lanes.kind == "max" else MEAN
        row["chosen"] = 0 if chosen is None else chosen.at
        down, across = pooling_window(lanes.size, int(row["high"]), int(row["wide"]))
        row["window"] = down * across
        row["stride_row"], row["stride_column"] = down, across
        row["offsets"] = self._add_grid(1, 0, down, int(row["in_row"]), across, 1)
        row["back_offsets"] = self._add_grid(1, 0, down, int(row["back_row"]), across, 1)

    def _fill_sum(self, index: int, lanes: SumRow) -> None:
        row, source = self.rows[index], index - lanes.back
        row["kind"] = ADDITION
        self._fill_place(row, "skip", self.activations[source])
        row["skip_mode"] = self.skip_modes.get(index, NOWHERE)
        if row["skip_mode"] != NOWHERE:
            self._fill_place(row, "skip_error", self.errors[source])

    def _fill_weighted(self, index: int) -> None:
        row, step = self.rows[index], self.steps[index]
        assert step.tensor is not None
        slot, tensor = self.layout.slots[step.tensor], self.tensors[step.tensor]
        row["weights"], row["taps"] = slot.weights_at, slot.taps
        for name, at in (
            ("scale", slot.scale_at), ("shift", slot.shift_at), ("moments", slot.moments_at)
        ):  # fmt: skip
            row[name] = -1 if at is None or shares_kernels(step.layer) else at
        row["turned"] = tensor["turned"]
        lanes = self.lanes[index]
        depthwise = isinstance(lanes, ConvolutionRow) and lanes.depthwise
        row["period"] = slot.outputs
        row["back_taps"] = (1 if depthwise else slot.outputs) * tensor["kernel"]
        tensor["is_turned"] |= row["back_mode"] != NOWHERE and row["turned"] >= 0

    def _fill_linear(self, index: int) -> None:
        row = self.rows[index]
        row["kind"], row["first"] = LINEAR, row["in_at"]
        row["tile"] = self.tile.at
        row["offsets"] = self._add_grid(
            int(row["channels"]), int(row["in_channel"]), int(row["high"]), int(row["in_row"]),
            int(row["wide"]), 1,
        )  # fmt: skip
        row["back_first"], row["back_first_block"] = row["error_at"], row["error_block"]
        row["back_offsets"] = self._add_grid(int(row["outputs"]), LANES, 1, 0, 1, 1)

    def _fill_convolution(self, index: int, lanes: ConvolutionRow, spread: _Buffer | None) -> None:
        row, geometry = self.rows[index], lanes.geometry
        row["kind"] = DEPTHWISE if lanes.depthwise else DENSE
        (down, across), (above, left) = geometry.kernel, geometry.paddings
        row["first"] = row["in_at"] - above * row["in_row"] - left * LANES
        row["stride_row"], row["stride_column"] = geometry.strides
        sources = 1 if lanes.depthwise else int(row["channels"])
        apart = geometry.dilation
        row["offsets"] = self._add_grid(
            sources, int(row["in_channel"]), down, int(row["in_row"]), across, apart
        )
        if row["back_mode"] == NOWHERE:
            return
        back_sources = 1 if lanes.depthwise else int(row["outputs"])
        far, border = geometry.reach, _uncovered(geometry)
        channel, line = int(row["error_channel"]), int(row["error_row"])
        start = int(row["error_at"]) - border[0] * line - border[1] * LANES
        if spread is not None:
            line = (int(row["wide"]) + far[1]) * LANES
            channel = (int(row["high"]) + far[0]) * line
            start = spread.at
            row["spread_stride"] = 1
            row["spread_at"] = start + border[0] * line + border[1] * LANES
            row["spread_row"] = geometry.strides[0] * line
            row["spread_column"] = geometry.strides[1] * LANES
        else:
            row["back_first_block"] = row["error_block"]
        row["spread_channel"], row["spread_line"] = channel, line
        row["back_first"] = start
        row["back_offsets"] = self._add_grid(back_sources, channel, down, line, across, apart)

    def _add_grid(
        self, sources: int, channel: int, rows: int, row: int, columns: int, apart: int
    ) -> int:
        """Append the steps to every tap and return where they start."""
        start = len(self.offsets)
        for source in range(sources):
            for down in range(rows):
                for across in range(columns):
                    self.offsets.append(source * channel + apart * (down * row + across * LANES))
        return start


def make_plan(layout: ParameterLayout, blocks: int) -> Plan:
    """Return the plan of a network for batches of ``blocks`` blocks of `LANES` examples.

    Raises:
        NetworkError: if a layer is not covered.
    """
    return _Planner(layout, blocks).plan()
