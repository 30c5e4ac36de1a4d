"""A file of labels: which code it is, in which order, and its bytes.

Two bytes say what the file is, one says which code follows, one is the seed of the order, and the
rest is the code. The number of labels and of classes is known to whoever has the inputs, and is not
in the file. Examples are coded in a random order: that in which they were collected may tell labels
by itself, as where all examples of a class stand together.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from minbits.errors import LabelCodeError
from minbits.label_codes.protocol import SEEDS, Known, LabelCode, Labels
from minbits.label_codes.registry import LABEL_CODES

MAGIC = b"ML"
HEADER_BYTES = len(MAGIC) + 2
# Never reorder: files hold the place of a code.
NUMBERED = ("uniform", "empirical", "two-part", "prequential")


def order_of(examples: int, seed: int) -> Labels:
    """Return the order in which labels are coded, drawn by NumPy's PCG64 generator."""
    return np.random.Generator(np.random.PCG64(seed)).permutation(examples)


def _ordered(known: Known, order: Labels) -> Known:
    return dataclasses.replace(known, inputs=np.asarray(known.inputs)[order])


def written(code: LabelCode, known: Known, labels: Labels, seed: int = 0) -> bytes:
    """Return the file of labels under a code.

    Args:
        code: writes them.
        known: what the receiver has.
        labels: shape ``(examples,)``.
        seed: of the order, in ``[0, 256)``.

    Raises:
        DataError: if the labels do not fit what is known.
        LabelCodeError: if the code cannot say them, or has no number.
    """
    if code.key not in NUMBERED or not 0 <= seed < SEEDS:
        raise LabelCodeError(
            "file of labels", f"'{code.key}', seed {seed}",
            f"one of {', '.join(NUMBERED)}, seed 0 to {SEEDS - 1}", "Give another one.",
        )  # fmt: skip
    order = order_of(known.examples, seed)
    content = code.encode(_ordered(known, order), labels[order])
    return MAGIC + bytes([NUMBERED.index(code.key), seed]) + content


def code_of(content: bytes) -> LabelCode:
    """Return the code that a file of labels is of.

    Raises:
        LabelCodeError: if this is no file of labels.
    """
    is_whole = content[: len(MAGIC)] == MAGIC and len(content) >= HEADER_BYTES
    if not is_whole or content[len(MAGIC)] >= len(NUMBERED):
        raise LabelCodeError(
            "header", repr(content[:HEADER_BYTES]), "a file of `minbits codelength`",
            "Give another file.",
        )  # fmt: skip
    return LABEL_CODES[NUMBERED[content[len(MAGIC)]]]


def read_labels(content: bytes, known: Known, code: LabelCode | None = None) -> Labels:
    """Return the labels of a file, from what the receiver has.

    Args:
        content: the file.
        known: the inputs.
        code: decodes it; None takes the one of the registry.

    Raises:
        LabelCodeError: if it is no file of labels, or not of these inputs.
        DataError: if it is not of that many labels.
        NetworkFileError: if a network in it cannot be read.
    """
    decoder = code or code_of(content)
    order = order_of(known.examples, content[len(MAGIC) + 1])
    found = decoder.decode(_ordered(known, order), content[HEADER_BYTES:])
    labels = np.empty_like(found)
    labels[order] = found
    return labels
