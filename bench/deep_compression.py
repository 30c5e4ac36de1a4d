"""Prune, share weights, Huffman-code: Deep Compression (Han et al. 2016), counted to the byte.

Our own implementation of the paper's recipe without retraining: the smallest weights of every layer
are set to zero; the others share ``2 ** bits`` values, found by k-means from a linear start; gaps
between weights (as in the paper, with a filler where a gap does not fit) and indices are coded by
Huffman codes. The stream holds all that a decoder needs: code lengths of both canonical codes,
codebooks and biases as float32, and the bit counts. `decode` reads it back.
"""

from __future__ import annotations

import heapq
import struct
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]

_ITERATIONS = 25
_LARGEST_GAP = 15  # four bits before Huffman coding; the last value is the filler


def code_lengths(symbols: Sequence[int], alphabet: int) -> list[int]:
    """Return the length of each symbol's Huffman code, 0 for a symbol that is unused."""
    counts = Counter(symbols)
    lengths = [0] * alphabet
    if len(counts) == 1:
        lengths[next(iter(counts))] = 1
        return lengths
    heap = [(count, index, [symbol]) for index, (symbol, count) in enumerate(counts.items())]
    heapq.heapify(heap)
    number = len(heap)
    while len(heap) > 1:
        first, second = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in first[2] + second[2]:
            lengths[symbol] += 1
        heapq.heappush(heap, (first[0] + second[0], number, first[2] + second[2]))
        number += 1
    return lengths


def _codes(lengths: Sequence[int]) -> dict[int, str]:
    """Return canonical codes as strings of bits, ordered by length and symbol."""
    code = previous = 0
    found: dict[int, str] = {}
    for length, symbol in sorted((n, s) for s, n in enumerate(lengths) if n):
        code <<= length - previous
        found[symbol] = format(code, f"0{length}b")
        code, previous = code + 1, length
    return found


def _pack(bits: str) -> bytes:
    padded = bits + "0" * (-len(bits) % 8)
    return int(padded or "0", 2).to_bytes(len(padded) // 8, "big") if padded else b""


def _huffman(symbols: Sequence[int], alphabet: int) -> bytes:
    lengths = code_lengths(symbols, alphabet)
    codes = _codes(lengths)
    body = "".join(codes[symbol] for symbol in symbols)
    # Lengths take a byte each, or a nibble where all fit.
    wide = max(lengths) > 15
    table = bytes(lengths) if wide else _pack("".join(format(n, "04b") for n in lengths))
    return struct.pack(">BII", wide, len(symbols), len(body)) + table + _pack(body)


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, count: int) -> bytes:
        self.at += count
        return self.content[self.at - count : self.at]

    def huffman(self, alphabet: int) -> list[int]:
        wide, symbols, size = struct.unpack(">BII", self.take(9))
        if wide:
            lengths = list(self.take(alphabet))
        else:
            nibbles = "".join(format(b, "08b") for b in self.take((alphabet + 1) // 2))
            lengths = [int(nibbles[4 * i : 4 * i + 4], 2) for i in range(alphabet)]
        bits = "".join(format(b, "08b") for b in self.take((size + 7) // 8))
        table = {code: symbol for symbol, code in _codes(lengths).items()}
        found: list[int] = []
        start = 0
        for end in range(1, size + 1):
            if bits[start:end] in table:
                found.append(table[bits[start:end]])
                start = end
        assert len(found) == symbols
        return found


def _k_means(values: Float, clusters: int) -> tuple[Float, npt.NDArray[np.int64]]:
    centres = np.linspace(values.min(), values.max(), clusters).astype(np.float32)
    for _ in range(_ITERATIONS):
        edges = (centres[1:] + centres[:-1]) / 2
        nearest = np.searchsorted(edges, values)
        sums = np.bincount(nearest, values, clusters)
        counts = np.bincount(nearest, minlength=clusters)
        centres = np.sort(np.where(counts, sums / np.maximum(counts, 1), centres)).astype(
            np.float32
        )
    return centres, np.searchsorted((centres[1:] + centres[:-1]) / 2, values)


def encode(tensors: Sequence[Float], kept: float, bits: int) -> bytes:
    """Return the stream of some tensors; those of one axis, biases, are float32.

    Args:
        tensors: weights and biases.
        kept: share of each weight tensor that is not pruned.
        bits: of an index into the codebook.
    """
    parts: list[bytes] = [struct.pack(">B", bits)]
    for tensor in tensors:
        flat = tensor.ravel()
        if tensor.ndim == 1:
            parts.append(flat.astype(">f4").tobytes())
            continue
        count = max(1, round(kept * len(flat)))
        places = np.sort(np.argsort(-np.abs(flat), kind="stable")[:count])
        centres, indices = _k_means(flat[places], 1 << bits)
        gaps: list[int] = []
        for gap in np.diff(places, prepend=-1) - 1:
            gaps += [_LARGEST_GAP] * (int(gap) // _LARGEST_GAP) + [int(gap) % _LARGEST_GAP]
        parts += [
            centres.astype(">f4").tobytes(),
            _huffman(gaps, _LARGEST_GAP + 1),
            _huffman(indices.tolist(), 1 << bits),
        ]
    return b"".join(parts)


def decode(content: bytes, shapes: Sequence[tuple[int, ...]]) -> list[Float]:
    """Return the tensors of a stream; their shapes are the architecture, known to the reader."""
    reader = _Reader(content)
    (bits,) = struct.unpack(">B", reader.take(1))
    found: list[Float] = []
    for shape in shapes:
        size = int(np.prod(shape))
        if len(shape) == 1:
            found.append(np.frombuffer(reader.take(4 * size), ">f4").astype(np.float32))
            continue
        centres = np.frombuffer(reader.take(4 << bits), ">f4").astype(np.float32)
        gaps, indices = reader.huffman(_LARGEST_GAP + 1), reader.huffman(1 << bits)
        flat = np.zeros(size, np.float32)
        place, weights = -1, iter(indices)
        for gap in gaps:
            if gap == _LARGEST_GAP:
                place += _LARGEST_GAP
            else:
                place += gap + 1
                flat[place] = centres[next(weights)]
        found.append(flat.reshape(shape))
    return found
