"""The two-part code of labels: a network's file, and the labels given its probabilities.

Whoever has the inputs decodes the network, runs it on them to the last bit (`exact_logits`), and
reads the labels with its probabilities (`integer_softmax`). The code is decoded on every machine
alike. Behind the network's own file stand, entropy-coded: a range for each sum of the run, the
temperature, the labels, and 16 bits of a checksum.
"""

from __future__ import annotations

import zlib

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
from minbits.label_codes.protocol import Known, Labels, check_known_labels
from minbits.label_codes.symbols import code_symbol

CHECK_BITS = 16
_SEVEN = 7


def _length_bytes(length: int) -> bytes:
    """Return a length as bytes of seven bits each, the lowest first; the last has no eighth bit."""
    out = bytearray()
    while length >= 1 << _SEVEN:
        out.append(length & 0x7F | 0x80)
        length >>= _SEVEN
    return bytes([*out, length])


def _split(code: bytes) -> tuple[bytes, bytes]:
    """Return the network's file and what stands behind it."""
    length = place = 0
    for place, byte in enumerate(code[:4]):
        length |= (byte & 0x7F) << (_SEVEN * place)
        if byte < 1 << _SEVEN:
            break
    end = place + 1 + length
    if not code or end > len(code):
        raise LabelCodeError(
            "two-part code", f"{len(code):,} bytes", f"{end:,} or more", "Get the file again."
        )
    return code[place + 1 : end], code[end:]


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


class TwoPartCode:
    """A network's file, then the labels given its probabilities.

    Args:
        network_file: of the network that an encoder takes; a decoder needs none.
    """

    key = "two-part"
    method = "the file of a network, then the labels by its softmax, both entropy-coded"
    source = "Rissanen 1978"

    def __init__(self, network_file: bytes | None = None) -> None:
        self._file = network_file

    def encode(self, known: Known, labels: Labels) -> bytes:
        """Return the code of all labels.

        Raises:
            NetworkFileError: if the network cannot be decoded.
            LabelCodeError: if there is no network, or its sums cannot be made exact.
            DataError: if the network does not fit the inputs, or the labels do not.
        """
        check_known_labels(known, labels)
        if self._file is None:
            raise LabelCodeError("two-part code", "no network", "a network's file", "Name one.")
        network = decode_network(self._file)
        ranges = measured_ranges(network, known.inputs)
        logits = ExactNetwork(network, ranges).logits(known.inputs)
        if logits.shape[1] != known.classes:
            raise LabelCodeError(
                "network", f"{logits.shape[1]} classes", f"{known.classes}", "Take another one."
            )
        index = _best_index(logits, labels)
        coder = BitEncoder()
        _code_ranges(coder, ranges)
        code_plain_bits(coder, index, TEMPERATURE_BITS)
        _code_labels(coder, labels, softmax_weights(logits, factor_of(index)))
        code_plain_bits(coder, _check_value(labels), CHECK_BITS)
        return _length_bytes(len(self._file)) + self._file + coder.payload()

    def decode(self, known: Known, code: bytes) -> Labels:
        """Return the labels of a code.

        Raises:
            LabelCodeError: if the bytes are no such code, or not of these inputs.
            NetworkFileError: if the network cannot be decoded.
            DataError: if the network does not fit the inputs.
        """
        network_file, payload = _split(code)
        network = decode_network(network_file)
        coder = BitDecoder(payload)
        ranges = _code_ranges(coder, [0] * ExactNetwork(network).sums)
        index = code_plain_bits(coder, 0, TEMPERATURE_BITS)
        weights = softmax_weights(
            ExactNetwork(network, ranges).logits(known.inputs), factor_of(index)
        )
        labels = _code_labels(coder, np.zeros(known.examples, np.int64), weights)
        if code_plain_bits(coder, 0, CHECK_BITS) != _check_value(labels):
            raise LabelCodeError(
                "labels", "another checksum", "that of the labels",
                "Give the inputs that the code was made for.",
            )  # fmt: skip
        return labels
