"""The two-part code of labels as one file: a network, and the labels given its probabilities.

Whoever has the inputs decodes the network, runs it on them to the last bit (`exact_logits`), and
reads the labels with its probabilities (`integer_softmax`). The file is decoded on every machine
alike. Behind the network's own file stand, entropy-coded: a range for each of its layers, the
temperature, the labels, and 16 bits of a checksum.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.adaptive_bits import BitCoder, BitEncoder
from minbits.codec.file_format import decode_network
from minbits.codec.integers import ModelBank, code_difference, code_plain_bits
from minbits.codec.range_decoder import BitDecoder
from minbits.errors import LabelCodeError
from minbits.information.temperature import best_temperature
from minbits.label_codes.exact_logits import ExactNetwork, measured_ranges
from minbits.label_codes.integer_softmax import (
    TEMPERATURE_BITS,
    factor_of,
    nearest_index,
    softmax_weights,
)
from minbits.label_codes.learners import Labels
from minbits.label_codes.symbols import code_symbol

MAGIC = b"MBT1"
LENGTH_BYTES = 3
CHECK_BITS = 16


@dataclass(frozen=True, eq=False)
class TwoPartFile:
    """A file of network and labels.

    Attributes:
        content: its bytes.
        network_bits: 8 × the bytes of the network's own file.
        labels_bits: the ideal code length of the labels alone.
        wrong: labels that the network gets wrong.
    """

    content: bytes
    network_bits: int
    labels_bits: float
    wrong: int

    @property
    def size_bits(self) -> int:
        """8 × the bytes of the file."""
        return 8 * len(self.content)


def _code_ranges(coder: BitCoder, ranges: list[int]) -> list[int]:
    """Code the ranges of the sums, each as its difference from the one before."""
    bank, before, found = ModelBank(), 0, []
    for value in ranges:
        before += code_difference(coder, bank, ("range",), value - before, 0)
        found.append(before)
    return found


def _code_labels(coder: BitCoder, labels: Labels, weights: npt.NDArray[np.int64]) -> Labels:
    return np.array(
        [
            code_symbol(coder, label, row)
            for label, row in zip(labels.tolist(), weights, strict=True)
        ],
        np.int64,
    )


def _check_value(labels: Labels) -> int:
    return zlib.crc32(labels.astype("<i8").tobytes()) & ((1 << CHECK_BITS) - 1)


def _best_index(logits: npt.NDArray[np.float32], labels: Labels) -> int:
    """Return the temperature that gives the labels the shortest code, as its index."""
    temperature = best_temperature(logits, labels, doubt=1.0)
    middle = nearest_index(float(np.log2(np.e)) / temperature if temperature else 2.0**63)
    rows = np.arange(len(labels))

    def bits(index: int) -> float:
        weights = softmax_weights(logits, factor_of(index))
        return float((np.log2(weights.sum(1)) - np.log2(weights[rows, labels])).sum())

    candidates = range(max(middle - 1, 0), min(middle + 2, 1 << TEMPERATURE_BITS))
    return min(candidates, key=bits)


def encode_two_part(
    network_file: bytes, inputs: npt.NDArray[np.generic], labels: Labels
) -> TwoPartFile:
    """Return the file of a network and of the labels given it.

    Args:
        network_file: the network's own file.
        inputs: raw, shape ``(examples, …)``.
        labels: shape ``(examples,)``, below the network's number of classes.

    Raises:
        NetworkFileError: if the network cannot be decoded.
        LabelCodeError: if its sums cannot be made exact, or it is too long.
        DataError: if the shape of the inputs does not fit.
    """
    network = decode_network(network_file)
    if len(network_file) >= 1 << (8 * LENGTH_BYTES):
        raise LabelCodeError(
            "network", f"{len(network_file):,} bytes", "below 16 MiB", "Shrink it."
        )
    ranges = measured_ranges(network, inputs)
    logits = ExactNetwork(network, ranges).logits(inputs)
    index = _best_index(logits, labels)
    weights = softmax_weights(logits, factor_of(index))
    coder = BitEncoder()
    _code_ranges(coder, ranges)
    code_plain_bits(coder, index, TEMPERATURE_BITS)
    before = coder.ideal_bits
    _code_labels(coder, labels, weights)
    labels_bits = coder.ideal_bits - before
    code_plain_bits(coder, _check_value(labels), CHECK_BITS)
    length = len(network_file).to_bytes(LENGTH_BYTES, "little")
    content = MAGIC + length + network_file + coder.payload()
    wrong = int((logits.argmax(1) != labels).sum())
    return TwoPartFile(content, 8 * len(network_file), labels_bits, wrong)


def decode_two_part(content: bytes, inputs: npt.NDArray[np.generic]) -> Labels:
    """Return the labels of the inputs.

    Raises:
        LabelCodeError: if the file is not one of labels, or not of these inputs.
        NetworkFileError: if its network cannot be decoded.
        DataError: if the shape of the inputs does not fit.
    """
    head = len(MAGIC) + LENGTH_BYTES
    if content[: len(MAGIC)] != MAGIC or len(content) < head:
        raise LabelCodeError("header", repr(content[:4]), repr(MAGIC), "Give a file of labels.")
    end = head + int.from_bytes(content[len(MAGIC) : head], "little")
    network = decode_network(content[head:end])
    coder = BitDecoder(content[end:])
    ranges = _code_ranges(coder, [0] * ExactNetwork(network).sums)
    index = code_plain_bits(coder, 0, TEMPERATURE_BITS)
    weights = softmax_weights(ExactNetwork(network, ranges).logits(inputs), factor_of(index))
    labels = _code_labels(coder, np.zeros(len(inputs), np.int64), weights)
    if code_plain_bits(coder, 0, CHECK_BITS) != _check_value(labels):
        raise LabelCodeError(
            "labels", "another checksum", "that of the labels",
            "Give the inputs that the file was made for.",
        )  # fmt: skip
    return labels
