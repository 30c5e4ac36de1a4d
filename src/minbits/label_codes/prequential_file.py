"""The prequential code of labels, as bytes that decode (Dawid 1984; Blier & Ollivier 2018).

Labels are coded block after block. Before each block, learners learn from the labels so far and
predict the block; a mixture that switches among them gives the probabilities that the labels are
coded with. A receiver who has the program and the inputs learns the same from the labels that were
decoded so far, so that only the labels' bits are sent: no weights. The code also says what the
sender chose: whether images are normalised, and for each block which learners took part
and how long networks were trained.

Learning is arithmetic with rounding. A code is therefore decoded by the versions and on the kind of
machine that wrote it; 16 bits of a checksum tell whether it was.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.codec.adaptive_bits import BitCoder, BitEncoder, BitModel
from minbits.codec.integers import code_plain_bits
from minbits.codec.range_decoder import BitDecoder
from minbits.data.moments import normalise_moments
from minbits.errors import LabelCodeError
from minbits.label_codes.block_plan import EFFORTS, BlockPlan, Planner, block_ends, usual_plan
from minbits.label_codes.learners import LEARNERS
from minbits.label_codes.prediction import predict_block, predictor_names, predictor_table
from minbits.label_codes.protocol import Known, Labels, check_known_labels
from minbits.label_codes.switching import Switching
from minbits.label_codes.symbols import code_symbol, integer_weights, symbol_bits
from minbits.workers.registry import DEFAULT_EXECUTOR, open_executor

CHECK_BITS = 16
_EFFORT_BITS = 3
_LABELS_AT_ONCE = 1000


@dataclass(frozen=True)
class Block:
    """One block of labels.

    Attributes:
        start: labels before it, from which it was predicted.
        labels: how many it has.
        bits: their code length under the mixture.
        correct: how many the mixture had right.
        best: the predictor whose code of this block alone is the shortest.
        best_bits: the length of that code.
        plan: which learners took part.
    """

    start: int
    labels: int
    bits: float
    correct: int
    best: str
    best_bits: float
    plan: BlockPlan


@dataclass(frozen=True, eq=False)
class LabelStream:
    """What a coder has of the labels: an encoder all of them, a decoder those decoded so far.

    Attributes:
        labels: in the order of coding, shape ``(examples,)``; a decoder fills them in.
        classes: how many there are.
        shape: of an example's inputs.
    """

    labels: Labels
    classes: int
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class _PlanModels:
    differs: BitModel
    flags: list[BitModel]


def _code_plan(
    coder: BitCoder, plan: BlockPlan, usual: BlockPlan, models: _PlanModels
) -> BlockPlan:
    """Code what a block is predicted with: mostly, as is usual for so many labels."""
    if not models.differs.code(coder, int(plan != usual)):
        return usual
    used = tuple(
        bool(model.code(coder, int(flag)))
        for model, flag in zip(models.flags, plan.used, strict=True)
    )
    effort = code_plain_bits(coder, plan.effort, _EFFORT_BITS)
    if effort >= len(EFFORTS):
        raise LabelCodeError(
            "plan", f"effort {effort}", f"below {len(EFFORTS)}", "Get the file again."
        )
    return BlockPlan(used, effort)


def code_blocks(
    coder: BitCoder,
    stream: LabelStream,
    executor: Executor,
    planner: Planner | None,
    on_block: Callable[[Block], None],
) -> None:
    """Code all labels: an encoder writes them, a decoder fills them in.

    Args:
        coder: encoder or decoder.
        stream: the labels; those of a block are not looked at before its predictions are made.
        executor: runs learners; it shares all inputs, in the order of coding.
        planner: says what an encoder predicts a block with; None for a decoder, which reads it.
        on_block: called after each block.

    Raises:
        LabelCodeError: if what is read cannot have been written.
    """
    names = predictor_names()
    switching = Switching(len(names))
    models = _PlanModels(BitModel(2), [BitModel() for _ in LEARNERS])
    start = 0
    for number, end in enumerate(block_ends(len(stream.labels))):
        usual = usual_plan(stream.shape, start)
        chosen = usual if planner is None else planner.plan(number)
        plan = _code_plan(coder, chosen, usual, models)
        seen = stream.labels[:start].copy()
        found = predict_block(executor, seen, end, stream.classes, plan)
        if planner is not None:
            planner.learn(found, start, plan)
        bits, correct, alone = 0.0, 0, switching.bits.copy()
        for first in range(start, end, _LABELS_AT_ONCE):
            last = min(first + _LABELS_AT_ONCE, end)
            table = predictor_table(
                found, slice(first - start, last - start), start, stream.classes
            )
            for place in range(first, last):
                column = table[:, place - first]
                weights = integer_weights(switching.mixed(column))
                label = code_symbol(coder, int(stream.labels[place]), weights)
                stream.labels[place] = label
                bits += symbol_bits(label, weights)
                correct += int(weights.argmax()) == label
                switching.learn(column, label)
        alone = switching.bits - alone
        best = int(alone.argmin())
        on_block(Block(start, end - start, bits, correct, names[best], float(alone[best]), plan))
        start = end


def _check(coder: BitCoder, labels: Labels) -> bool:
    """Code a checksum of all labels; return whether it is theirs."""
    value = zlib.crc32(labels.astype("<i8").tobytes()) & ((1 << CHECK_BITS) - 1)
    return code_plain_bits(coder, value, CHECK_BITS) == value


def _opened(known: Known, workers: int, normalise: bool) -> Executor:
    """Return an executor that shares the inputs, scaled and normalised."""
    inputs: npt.NDArray[Any] = np.asarray(known.inputs)
    scaled = inputs.astype(np.float32) * np.float32(2.0**-known.input_exponent)
    if normalise:
        scaled = normalise_moments(scaled)
    return open_executor(DEFAULT_EXECUTOR, workers, np.ascontiguousarray(scaled))


def _shape(known: Known) -> tuple[int, int, int]:
    channels, height, width = known.inputs.shape[1:]
    return int(channels), int(height), int(width)


@dataclass(frozen=True)
class PrequentialCode:
    """Learn from the labels so far, predict the next block, code it, and so on.

    Attributes:
        seconds: for all blocks, of the wall; a decoder takes what the encoder took.
        workers: processes that learners run in.
        normalise: whether images are normalised by their moments first.
        on_block: called after each block.
    """

    seconds: float = math.inf
    workers: int = 1
    normalise: bool = False
    on_block: Callable[[Block], None] = field(default=lambda block: None, compare=False)

    key = "prequential"
    method = "each block by a switching mixture of learners that learned from the labels before it"
    source = "Dawid 1984; Blier & Ollivier 2018"

    def encode(self, known: Known, labels: Labels) -> bytes:
        """Return the code of all labels.

        Raises:
            DataError: if the labels do not fit what is known.
        """
        check_known_labels(known, labels)
        coder = BitEncoder()
        code_plain_bits(coder, int(self.normalise), 1)
        stream = LabelStream(labels.copy(), known.classes, _shape(known))
        planner = Planner(stream.shape, block_ends(known.examples), self.seconds, self.workers)
        with _opened(known, self.workers, self.normalise) as executor:
            code_blocks(coder, stream, executor, planner, self.on_block)
        _check(coder, stream.labels)
        return coder.payload()

    def decode(self, known: Known, code: bytes) -> Labels:
        """Return the labels of a code.

        Raises:
            LabelCodeError: if the code is not of these inputs, or was written by other arithmetic.
            NetworkFileError: if no encoder can have written the bytes.
        """
        coder = BitDecoder(code)
        normalise = bool(code_plain_bits(coder, 0, 1))
        stream = LabelStream(np.zeros(known.examples, np.int64), known.classes, _shape(known))
        with _opened(known, self.workers, normalise) as executor:
            code_blocks(coder, stream, executor, None, self.on_block)
        if not _check(coder, stream.labels):
            raise LabelCodeError(
                "labels", "another checksum", "that of the labels",
                "Decode with the inputs and the versions that the code was written with.",
            )  # fmt: skip
        return stream.labels
