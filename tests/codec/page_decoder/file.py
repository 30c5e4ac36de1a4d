"""From the bytes of a file to its network, as docs/format.md tells it."""

from __future__ import annotations

from tests.codec.page_decoder.architecture import ArchitectureReader, Network, check
from tests.codec.page_decoder.bits import Bits, Contexts
from tests.codec.page_decoder.lean import LeanArchitectureReader
from tests.codec.page_decoder.levels import LevelReader, Tensor

VERSIONS = (1, 2, 3, 15)
LEAN_VERSION = 4


def checksum(data: bytes) -> int:
    """Return the CRC-16: polynomial 1021, start value FFFF, the highest bit of a byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ (0x1021 if value & 0x8000 else 0)) & 0xFFFF
    return value


def opened(content: bytes) -> tuple[int, bytes]:
    """Return the version and the payload of a file with the right checksum."""
    check(1 <= len(content) <= 4 << 20, "no network file")
    if 0xC0 <= content[0] <= 0xDE:
        payload = content[1:]
        check(int.from_bytes(payload) % 31 == content[0] - 0xC0, "the checksum")
        return LEAN_VERSION, payload
    check(len(content) >= 3 and content[0] >> 4 == 0xB, "no network file")
    version, payload = content[0] & 15, content[3:]
    check(version in VERSIONS, "an unknown version")
    check(checksum(content[:1] + payload) == int.from_bytes(content[1:3]), "the checksum")
    return version, payload


def read(content: bytes) -> tuple[Network, list[tuple[Tensor, Tensor | None]]]:
    """Return the network of a file, and weights and biases of its layers.

    Raises:
        RefusedError: if the page says that the file is refused.
    """
    version, payload = opened(content)
    bits = Bits(payload)
    is_lean = version == LEAN_VERSION
    contexts = Contexts(bits, 7 if is_lean else 3)
    reader = LeanArchitectureReader if is_lean else ArchitectureReader
    network = reader(contexts, version).read()
    tensors = LevelReader(contexts, network, version).read()
    check(bits.ending() == payload, "surplus, missing or other bytes at the end")
    return network, tensors
