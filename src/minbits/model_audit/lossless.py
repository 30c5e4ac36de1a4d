"""Bits of a model when its stored bytes are compressed as they are."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minbits.model_audit.subject import Subject
from minbits.units import BITS_PER_BYTE, bytes_to_bits

XZ_MAX_BYTES = 1 << 23
SLOW_MAX_BYTES = 1 << 25


@dataclass(frozen=True)
class Compressor:
    """A lossless compressor.

    Attributes:
        name: for tables.
        most_bytes: larger models are not given to it, since it would take too long.
        compress: from bytes to bytes.
        decompress: back.
    """

    name: str
    most_bytes: float
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes], bytes]


def compressors() -> tuple[Compressor, ...]:
    """Return the compressors of this installation; zstd is an extra."""
    found = [
        Compressor("xz", XZ_MAX_BYTES, lambda raw: lzma.compress(raw, preset=6), lzma.decompress),
        Compressor("zlib", SLOW_MAX_BYTES, lambda raw: zlib.compress(raw, 6), zlib.decompress),
    ]
    try:
        import zstandard  # an extra: installed or not, the audit runs
    except ImportError:
        found.append(
            Compressor(
                "zlib, fast", float("inf"), lambda raw: zlib.compress(raw, 1), zlib.decompress
            )
        )
    else:
        for level, most in ((19, XZ_MAX_BYTES), (3, float("inf"))):
            writer = zstandard.ZstdCompressor(level=level)
            reader = zstandard.ZstdDecompressor()
            found.append(Compressor(f"zstd -{level}", most, writer.compress, reader.decompress))
    return tuple(found)


def shuffle_bytes(raw: bytes, bytes_each: int) -> bytes:
    """Return the bytes plane by plane: all first bytes of the values, then all second ones."""
    return np.frombuffer(raw, np.uint8).reshape(-1, bytes_each).T.tobytes()


def unshuffle_bytes(shuffled: bytes, bytes_each: int) -> bytes:
    """Undo `shuffle_bytes`."""
    return np.frombuffer(shuffled, np.uint8).reshape(bytes_each, -1).T.tobytes()


@dataclass(frozen=True)
class LosslessSize:
    """A model compressed as it is, each tensor by itself, every byte string decoded again.

    Attributes:
        method: compressor and order of the bytes.
        size_bits: 8 times the bytes of all tensors; names and shapes are not counted.
        tensor_bits: of each tensor by name.
    """

    method: str
    size_bits: int
    tensor_bits: dict[str, int]


def lossless_sizes(subject: Subject) -> tuple[LosslessSize, ...]:
    """Return the compressed sizes of a model, the smallest first; one tensor is held at a time."""
    total = subject.stored_bits // BITS_PER_BYTE
    chosen = [item for item in compressors() if total <= item.most_bytes]
    sizes: dict[str, dict[str, int]] = {}
    for tensor in subject.tensors:
        raw = tensor.load_bytes()
        width = tensor.bits_each // BITS_PER_BYTE
        for item in chosen:
            packed = item.compress(raw)
            assert item.decompress(packed) == raw
            sizes.setdefault(item.name, {})[tensor.name] = bytes_to_bits(len(packed))
            packed = item.compress(shuffle_bytes(raw, width))
            assert unshuffle_bytes(item.decompress(packed), width) == raw
            planes = sizes.setdefault(f"{item.name}, byte planes", {})
            planes[tensor.name] = bytes_to_bits(len(packed))
    found = [LosslessSize(name, sum(bits.values()), bits) for name, bits in sizes.items()]
    return tuple(sorted(found, key=lambda item: item.size_bits))
