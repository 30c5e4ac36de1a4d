"""What a learner took from labels: the excess of its prequential code over the rate it came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minbits.evaluation.accuracy import reaches


@dataclass(frozen=True)
class CodedBlock:
    """One block of labels.

    Attributes:
        start: labels before it, from which it was predicted.
        labels: how many it has.
        bits: their code length.
        correct: how many were predicted right.
    """

    start: int
    labels: int
    bits: float
    correct: int


@dataclass(frozen=True)
class PrequentialLength:
    """The length of a prequential code of all training labels, block by block.

    Attributes:
        blocks: in order.
        examples: labels in all.
        network: the learner that predicted the last block best.
        size_bits: 8 × the bytes of the file; what it holds beside the labels is counted.
    """

    blocks: tuple[CodedBlock, ...]
    examples: int
    network: str
    size_bits: int

    @property
    def total_bits(self) -> float:
        """The code length of all labels."""
        return _bits(self.blocks)

    @property
    def excess_bits(self) -> float:
        """What labels took before the second half, less what they were at the rate of that half.

        The second half is what blocks that begin there hold, or the last block. Below 0 where it
        was harder than what came before: then nothing was learned.
        """
        late = [block for block in self.blocks if 2 * block.start >= self.examples]
        return self._excess(late or self.blocks[-1:])

    def learned_bits(self, accuracy: float) -> float | None:
        """Return what was learned from labels until new ones were predicted at an accuracy.

        The code length of the labels before the first block from which on that was so, less what
        they would have cost at the rate from there on: the excess that went into the learner. An
        estimate, of this learner, and no bound of anything; below 0 where later labels were harder.
        None where no block was predicted that well; the first one is predicted by nobody.
        """
        for place in range(1, len(self.blocks)):
            later = self.blocks[place:]
            correct = sum(block.correct for block in later)
            if reaches(correct, _labels(later), accuracy):
                return self._excess(later)
        return None

    def _excess(self, later: Sequence[CodedBlock]) -> float:
        start = later[0].start
        return self.total_bits - _bits(later) - start * _bits(later) / _labels(later)


def _bits(blocks: Sequence[CodedBlock]) -> float:
    return sum(block.bits for block in blocks)


def _labels(blocks: Sequence[CodedBlock]) -> int:
    return sum(block.labels for block in blocks)
