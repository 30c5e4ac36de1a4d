"""The prequential code of labels, as bytes that decode (Dawid 1984; Blier & Ollivier 2018).

Labels are coded block after block. Before each block, learners learn from the labels so far and
predict the block; a mixture that switches among them gives the probabilities that the labels are
coded with. A receiver who has the program and the inputs learns the same from the labels that were
decoded so far, so that only the labels' bits are sent: no weights. The code also says what the
sender chose: whether images are normalised, and for each block what differs from the block before
in which learners took part and how long networks were trained.

Learning is arithmetic with rounding. A code is therefore decoded by the versions and on the kind of
machine that wrote it; 16 bits of a checksum tell whether it was.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.codec.adaptive_bits import BitCoder, BitEncoder
from minbits.codec.integers import (
    ModelBank,
    code_adaptive_bit,
    code_difference,
    code_plain_bits,
)
from minbits.codec.range_decoder import BitDecoder
from minbits.data.moments import normalise_moments
from minbits.errors import LabelCodeError
from minbits.label_codes.block_plan import (
    EFFORTS,
    BlockPlan,
    Planner,
    block_ends,
    expected_plan,
)
from minbits.label_codes.kept import Kept
from minbits.label_codes.learned import CodedBlock
from minbits.label_codes.learners import LEARNERS
from minbits.label_codes.prediction import (
    Prediction,
    predict_block,
    predictor_learners,
    predictor_names,
    predictor_table,
)
from minbits.label_codes.protocol import Known, Labels, check_known_labels
from minbits.label_codes.switching import Switching
from minbits.label_codes.symbols import code_symbol, integer_weights, symbol_bits
from minbits.label_codes.task import Floats
from minbits.workers.registry import DEFAULT_EXECUTOR, open_executor

CHECK_BITS = 16
_LABELS_AT_ONCE = 1000


@dataclass(frozen=True)
class Block(CodedBlock):
    """One block of labels, coded with the mixture.

    Attributes:
        best: the predictor whose code of this block alone is the shortest.
        best_bits: the length of that code.
        plan: which learners took part.
        label_bits: code length of each label under the mixture, in the order of coding.
        guesses: the class that the mixture held for the likeliest, likewise.
        learner_bits: for each learner that took part, the length of its shortest code of this
            block alone.
        seconds_left: what all later blocks are expected to take.
    """

    best: str
    best_bits: float
    plan: BlockPlan
    label_bits: tuple[float, ...]
    guesses: tuple[int, ...]
    learner_bits: dict[str, float]
    seconds_left: float


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


def _code_plan(coder: BitCoder, plan: BlockPlan, expected: BlockPlan, bank: ModelBank) -> BlockPlan:
    """Code what a block is predicted with: whether it is as expected, and else what differs."""
    if not code_adaptive_bit(coder, bank, ("plan",), int(plan != expected)):
        return expected
    used = tuple(
        flag != bool(code_adaptive_bit(coder, bank, ("learner",), int(flag != wanted)))
        for flag, wanted in zip(expected.used, plan.used, strict=True)
    )
    difference = plan.effort - expected.effort
    effort = expected.effort + code_difference(coder, bank, ("effort",), difference, 0)
    if not 0 <= effort < len(EFFORTS):
        raise LabelCodeError(
            "plan", f"effort {effort}", f"0 to {len(EFFORTS) - 1}", "Get the file again."
        )
    return BlockPlan(used, effort)


class Plans:
    """What blocks are predicted with: an encoder chooses, or takes up what it once chose."""

    def __init__(self, coder: BitCoder, planner: Planner, is_chosen: bool, kept: Kept | None):
        self._coder, self.planner = coder, planner
        self._is_chosen, self._kept = is_chosen, kept
        self._bank = ModelBank()
        self._before: BlockPlan | None = None
        self._start = 0

    def of(self, number: int, seen: Labels) -> BlockPlan:
        """Code the plan of a block and return it."""
        expected = expected_plan(self._before, self.planner.shape, self._start, len(seen))
        chosen = self._chosen(number, seen) if self._is_chosen else expected
        self._before = _code_plan(self._coder, chosen, expected, self._bank)
        self._start = len(seen)
        return self._before

    def _chosen(self, number: int, seen: Labels) -> BlockPlan:
        about = ("plan", number, self.planner.seconds)
        before = None if self._kept is None else self._kept.read(about, seen)
        if before is not None:
            self.planner.before = float(before["spent"])
            self.planner.effort = int(before["effort"])
            return BlockPlan(tuple(before["used"].tolist()), self.planner.effort)
        plan = self.planner.plan(number)
        if self._kept is not None:
            spent = self.planner.spent_seconds
            self._kept.keep(about, seen, used=plan.used, effort=plan.effort, spent=spent)
        return plan


def code_blocks(
    coder: BitCoder,
    stream: LabelStream,
    executor: Executor,
    plans: Plans,
    kept: Kept | None,
    on_block: Callable[[Block], None],
) -> None:
    """Code all labels: an encoder writes them, a decoder fills them in.

    Args:
        coder: encoder or decoder.
        stream: the labels; those of a block are not looked at before its predictions are made.
        executor: runs learners; it shares all inputs, in the order of coding.
        plans: say what a block is predicted with.
        kept: predictions of blocks that were done before, and those that will be.
        on_block: called after each block.

    Raises:
        LabelCodeError: if what is read cannot have been written.
        OutputError: if predictions cannot be kept.
    """
    switching = Switching(len(predictor_names()))
    start = 0
    for number, end in enumerate(block_ends(len(stream.labels))):
        seen = stream.labels[:start].copy()
        plan = plans.of(number, seen)
        found = predict_block(executor, seen, end, stream.classes, plan, kept)
        plans.planner.learn(found, start, plan)
        alone = switching.bits.copy()
        coded = _code_block(coder, stream, slice(start, end), found, switching)
        seconds_left = plans.planner.seconds_left(number + 1, plan)
        labels = stream.labels[start:end]
        on_block(_told(start, plan, labels, coded, switching.bits - alone, seconds_left))
        start = end


def _code_block(
    coder: BitCoder,
    stream: LabelStream,
    block: slice,
    found: list[Prediction],
    switching: Switching,
) -> tuple[list[float], list[int]]:
    """Code the labels of a block; return the code length and the likeliest class of each."""
    label_bits: list[float] = []
    guesses: list[int] = []
    for first in range(block.start, block.stop, _LABELS_AT_ONCE):
        last = min(first + _LABELS_AT_ONCE, block.stop)
        part = slice(first - block.start, last - block.start)
        table = predictor_table(found, part, block.start, stream.classes)
        for place in range(first, last):
            column = table[:, place - first]
            weights = integer_weights(switching.mixed(column))
            label = code_symbol(coder, int(stream.labels[place]), weights)
            stream.labels[place] = label
            label_bits.append(symbol_bits(label, weights))
            guesses.append(int(weights.argmax()))
            switching.learn(column, label)
    return label_bits, guesses


def _told(
    start: int,
    plan: BlockPlan,
    labels: Labels,
    coded: tuple[list[float], list[int]],
    alone: Floats,
    seconds_left: float,
) -> Block:
    """Return what is told of a block whose code length under each predictor is ``alone``."""
    label_bits, guesses = coded
    correct = int((np.array(guesses) == labels).sum())
    names, learners = predictor_names(), predictor_learners()
    best = int(alone.argmin())
    learner_bits = {
        key: min(float(bits) for bits, owner in zip(alone, learners, strict=True) if owner == key)
        for key, used in zip(LEARNERS, plan.used, strict=True)
        if used
    }
    return Block(
        start, len(label_bits), sum(label_bits), correct, names[best], float(alone[best]), plan,
        tuple(label_bits), tuple(guesses), learner_bits, seconds_left,
    )  # fmt: skip


def _check(coder: BitCoder, labels: Labels) -> bool:
    """Code a checksum of all labels; return whether it is theirs."""
    value = zlib.crc32(labels.astype("<i8").tobytes()) & ((1 << CHECK_BITS) - 1)
    return code_plain_bits(coder, value, CHECK_BITS) == value


def _seen_by_learners(known: Known, normalise: bool) -> npt.NDArray[np.float32]:
    """Return the inputs, scaled and normalised."""
    inputs: npt.NDArray[Any] = np.asarray(known.inputs)
    scaled = inputs.astype(np.float32) * np.float32(2.0**-known.input_exponent)
    return np.ascontiguousarray(normalise_moments(scaled) if normalise else scaled)


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
        keep_in: a folder for the predictions of blocks that are done, from which an interrupted
            run goes on; None for none.
        on_block: called after each block.
    """

    seconds: float = math.inf
    workers: int = 1
    normalise: bool = False
    keep_in: Path | None = None
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
        self._code(coder, stream, _seen_by_learners(known, self.normalise), is_chosen=True)
        _check(coder, stream.labels)
        return coder.payload()

    def _code(
        self, coder: BitCoder, stream: LabelStream, inputs: npt.NDArray[np.float32],
        is_chosen: bool,
    ) -> None:  # fmt: skip
        kept = None if self.keep_in is None else Kept(self.keep_in, inputs)
        ends = block_ends(len(stream.labels))
        planner = Planner(stream.shape, ends, self.seconds, self.workers)
        plans = Plans(coder, planner, is_chosen, kept)
        with open_executor(DEFAULT_EXECUTOR, self.workers, inputs) as executor:
            code_blocks(coder, stream, executor, plans, kept, self.on_block)

    def decode(self, known: Known, code: bytes) -> Labels:
        """Return the labels of a code.

        Raises:
            LabelCodeError: if the code is not of these inputs, or was written by other arithmetic.
            NetworkFileError: if no encoder can have written the bytes.
        """
        coder = BitDecoder(code)
        normalise = bool(code_plain_bits(coder, 0, 1))
        stream = LabelStream(np.zeros(known.examples, np.int64), known.classes, _shape(known))
        self._code(coder, stream, _seen_by_learners(known, normalise), is_chosen=False)
        if not _check(coder, stream.labels):
            raise LabelCodeError(
                "labels", "another checksum", "that of the labels",
                "Decode with the inputs and the versions that the code was written with.",
            )  # fmt: skip
        return stream.labels
