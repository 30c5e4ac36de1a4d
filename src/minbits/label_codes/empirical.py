"""The empirical code: how often each class occurs, then which of such sequences it is.

The sequence is coded label by label, each class with the probability with which it is drawn from
the labels that are left (an enumerative code, Cover 1973, by arithmetic coding). So all sequences
of the same counts cost the same: log2 of N! / (n_1! … n_C!) bits, which is below N times the
plug-in entropy, and the counts cost what they take in the same stream.
"""

from __future__ import annotations

import numpy as np

from minbits.codec.adaptive_bits import BitCoder, BitEncoder
from minbits.codec.integers import code_plain_bits
from minbits.codec.range_decoder import PROBABILITY_BITS, BitDecoder
from minbits.errors import NetworkFileError
from minbits.label_codes.protocol import Known, Labels, bad_code, check_known_labels

_ONE = 1 << PROBABILITY_BITS


class EmpiricalCode:
    """Counts of the classes, then the sequence by drawing without replacement."""

    key = "empirical"
    method = "counts of the classes, then log2 N! / (n_1! ... n_C!) bits"
    source = "Cover 1973"

    def encode(self, known: Known, labels: Labels) -> bytes:
        """Return the code of all labels."""
        check_known_labels(known, labels)
        encoder = BitEncoder()
        counts = np.bincount(labels, minlength=known.classes).tolist()
        _code(encoder, known, counts, labels.tolist())
        return encoder.payload()

    def decode(self, known: Known, code: bytes) -> Labels:
        """Return the labels of a code."""
        decoder = BitDecoder(code)
        try:
            labels = _code(decoder, known, [0] * known.classes, [0] * known.examples)
        except NetworkFileError as error:
            raise bad_code(error.got, error.expected) from error
        # Every sequence has one code only.
        if decoder.payload() != code:
            raise bad_code("bytes that no encoder writes", "what an encoder writes")
        return np.array(labels, np.int64)


def _code(coder: BitCoder, known: Known, counts: list[int], labels: list[int]) -> list[int]:
    """Code counts and labels, or read them, where what is passed in their place does not matter."""
    urn = _Urn(_code_counts(coder, known, counts))
    return [urn.code(coder, label) for label in labels]


def _code_counts(coder: BitCoder, known: Known, counts: list[int]) -> list[int]:
    """Code each count but the last, in as many bits as the labels that are left need."""
    left, found = known.examples, []
    for count in counts[:-1]:
        found.append(code_plain_bits(coder, count, left.bit_length()))
        left -= found[-1]
        if left < 0:
            raise bad_code("counts of more labels than there are", f"{known.examples} in all")
    return [*found, left]


class _Urn:
    """The labels that are left, as sums over a binary tree of the classes.

    Node 1 is the root, and nodes ``2 i`` and ``2 i + 1`` are below node ``i``; the leaves are the
    classes in order. So a label of C classes takes about log2 C binary decisions.
    """

    def __init__(self, counts: list[int]) -> None:
        self.depth = (len(counts) - 1).bit_length()
        leaves = 1 << self.depth
        self.sums = [0] * leaves + counts + [0] * (leaves - len(counts))
        for node in reversed(range(1, leaves)):
            self.sums[node] = self.sums[2 * node] + self.sums[2 * node + 1]

    def code(self, coder: BitCoder, label: int) -> int:
        """Code the next label and take it out."""
        node, sums = 1, self.sums
        sums[1] -= 1
        for shift in reversed(range(self.depth)):
            zeros, ones = sums[2 * node], sums[2 * node + 1]
            if not zeros or not ones:
                bit = int(ones > 0)  # nothing to be said
            else:
                share = ones * _ONE // (zeros + ones)
                bit = coder.code(label >> shift & 1, min(max(share, 1), _ONE - 1))
            node = 2 * node + bit
            sums[node] -= 1
        return node - (1 << self.depth)
