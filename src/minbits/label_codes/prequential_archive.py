"""The prequential code of labels as a file that decodes (Dawid 1984; Blier & Ollivier 2018).

Labels are coded block after block. Before each block, learners learn from the labels so far and
predict the block; a mixture that switches among them gives the probabilities that the labels are
coded with. A receiver who has the program and the inputs learns the same from the labels that were
decoded so far, so that nothing but the labels' bits is sent: no weights. The file holds what the
sender chose besides: the order's seed, and for each block which learners took part, and how long
networks were trained.

Learning is arithmetic with rounding, so that a file decodes with the versions and on the kind of
machine that wrote it; 32 bits of a checksum tell whether it did.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from minbits.codec.adaptive_bits import BitCoder, BitEncoder, BitModel
from minbits.codec.integers import code_plain_bits
from minbits.codec.range_decoder import BitDecoder
from minbits.errors import LabelCodeError
from minbits.label_codes.block_plan import EFFORTS, BlockPlan, Planner, block_ends
from minbits.label_codes.learners import LEARNERS, Labels
from minbits.label_codes.prediction import predict_block, predictor_names, predictor_table
from minbits.label_codes.switching import Switching
from minbits.label_codes.symbols import code_symbol, integer_weights, symbol_bits

MAGIC = b"MBP1"
COUNT_BITS = 32
CLASS_BITS = 20
SEED_BITS = 8
CHECK_BITS = 32
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
        seed: of the order, and of what learners draw.
    """

    labels: Labels
    classes: int
    seed: int


def order_of(examples: int, seed: int) -> Labels:
    """Return the order in which labels are coded."""
    return np.random.default_rng(seed).permutation(examples)


def _code_plan(coder: BitCoder, plan: BlockPlan, models: list[BitModel]) -> BlockPlan:
    used = tuple(
        bool(model.code(coder, int(flag))) for model, flag in zip(models, plan.used, strict=True)
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
    choose: Callable[[int], BlockPlan],
    on_block: Callable[[Block], None] = lambda block: None,
) -> None:
    """Code all labels: an encoder writes them, a decoder fills them in.

    Args:
        coder: encoder or decoder.
        stream: the labels; those of a block are not looked at before its predictions are made.
        executor: runs learners; it shares all inputs, in the order of coding.
        choose: gives an encoder what a block is predicted with; a decoder reads it.
        on_block: called after each block.

    Raises:
        LabelCodeError: if what is read cannot have been written.
    """
    names = predictor_names()
    switching = Switching(len(names))
    models = [BitModel() for _ in LEARNERS]
    start = 0
    for number, end in enumerate(block_ends(len(stream.labels))):
        plan = _code_plan(coder, choose(number), models)
        seen = stream.labels[:start].copy()
        found = predict_block(executor, seen, end, stream.classes, plan, stream.seed)
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
    value = zlib.crc32(labels.astype("<i8").tobytes())
    return code_plain_bits(coder, value, CHECK_BITS) == value


def encode_labels(
    labels: Labels,
    classes: int,
    seed: int,
    executor: Executor,
    planner: Planner,
    on_block: Callable[[Block], None] = lambda block: None,
) -> bytes:
    """Return the file of labels.

    Args:
        labels: in the order of the data set, shape ``(examples,)``.
        classes: how many there are.
        seed: in ``[0, 256)``.
        executor: shares the inputs, in the order of `order_of`.
        planner: fits the work to the time.
        on_block: called after each block.
    """
    coder = BitEncoder()
    for value, bits in ((len(labels), COUNT_BITS), (classes, CLASS_BITS), (seed, SEED_BITS)):
        code_plain_bits(coder, value, bits)
    stream = LabelStream(labels[order_of(len(labels), seed)].copy(), classes, seed)
    code_blocks(coder, stream, executor, planner.plan, on_block)
    _check(coder, stream.labels)
    return MAGIC + coder.payload()


def read_header(content: bytes) -> tuple[BitDecoder, int, int, int]:
    """Return the decoder behind the header, the number of labels, the classes and the seed.

    Raises:
        LabelCodeError: if this is not a file of labels.
    """
    if content[: len(MAGIC)] != MAGIC:
        raise LabelCodeError("header", repr(content[:4]), repr(MAGIC), "Give a file of labels.")
    coder = BitDecoder(content[len(MAGIC) :])
    count, classes, seed = (
        code_plain_bits(coder, 0, bits) for bits in (COUNT_BITS, CLASS_BITS, SEED_BITS)
    )
    return coder, count, classes, seed


def decode_labels(content: bytes, examples: int, executor: Executor) -> Labels:
    """Return the labels of a file, in the order of the data set.

    Args:
        content: the file.
        examples: how many inputs there are.
        executor: shares the inputs, in the order of `order_of` for the file's seed.

    Raises:
        LabelCodeError: if the file is not of these inputs, or was written by other arithmetic.
    """
    coder, count, classes, seed = read_header(content)
    if count != examples:
        raise LabelCodeError(
            "labels", f"{count:,} labels for {examples:,} inputs", "one label an input",
            "Give the data set that the file was made for.",
        )  # fmt: skip
    stream = LabelStream(np.zeros(count, np.int64), classes, seed)
    nothing = BlockPlan(tuple(False for _ in LEARNERS), 0)
    code_blocks(coder, stream, executor, lambda number: nothing)
    if not _check(coder, stream.labels):
        raise LabelCodeError(
            "labels", "another checksum", "that of the labels",
            "Decode with the inputs and the versions that the file was written with.",
        )  # fmt: skip
    labels = np.empty_like(stream.labels)
    labels[order_of(count, seed)] = stream.labels
    return labels
