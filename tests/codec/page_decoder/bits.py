"""The bit coder and the codes of integers, as docs/format.md tells them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

PLAIN = 32_768
WORD = 1 << 32
WINDOW = 1 << 64
MAX_SHORTENED_BITS = 1 << 18


class RefusedError(Exception):
    """The page says that this file is refused."""


class Bits:
    """Reads the payload bit by bit."""

    def __init__(self, payload: bytes) -> None:
        padded = payload + bytes(-len(payload) % 4)
        self.words = [int.from_bytes(padded[at : at + 4]) for at in range(0, len(padded), 4)]
        self.taken, self.count = 0, 0
        self.lower, self.range = 0, WINDOW - 1
        self.point = self._word() * WORD + self._word()

    def _word(self) -> int:
        self.taken += 1
        return self.words[self.taken - 1] if self.taken <= len(self.words) else 0

    def bit(self, p: int) -> int:
        """Read a bit whose probability of a one is p / 65536."""
        self.count += 1
        scale = self.range >> 24
        part = (self.point - self.lower) % WINDOW // scale
        zeros = 1 + (65_536 - p) * (2**24 - 2) // 65_536
        if part >= 1 << 24:
            raise RefusedError("no valid code word")
        bit = int(part >= zeros)
        if bit:
            self.lower = (self.lower + scale * zeros) % WINDOW
        self.range = scale * (2**24 - zeros if bit else zeros)
        if self.range < WORD:
            self.lower = self.lower * WORD % WINDOW
            self.range *= WORD
            self.point = (self.point * WORD + self._word()) % WINDOW
        return bit

    def ending(self) -> bytes:
        """Return the payload that an encoder writes for the bits read so far."""
        # The interval as numbers of as many words as were taken.
        taken = [*self.words, *[0] * self.taken][: self.taken]
        value = int.from_bytes(b"".join(word.to_bytes(4) for word in taken))
        low = value - (self.point - self.lower) % WINDOW
        high = low + self.range
        size = 4 * self.taken
        own = -(-low // WORD) * WORD
        if self.count <= MAX_SHORTENED_BITS:
            for length in range(size):
                cut = 8 * (size - length)
                for candidate in (own >> cut << cut, (own >> cut) + 1 << cut):
                    if low <= candidate < high and candidate < 1 << 8 * size:
                        return candidate.to_bytes(size).rstrip(b"\0")
        return own.to_bytes(size).rstrip(b"\0")


def shrunk(counts: list[int], most: int) -> None:
    """Scale the counts of a context down to a total of at most ``most``."""
    total = sum(counts)
    if total > most:
        counts[:] = [count * most // total for count in counts]


class Contexts:
    """The adaptive contexts of one file; the first part of a name is the family."""

    def __init__(self, bits: Bits, zeros_of_exceptions: int = 3) -> None:
        self.bits, self.zeros_of_exceptions = bits, zeros_of_exceptions
        self.counts: dict[tuple[str, ...], list[int]] = {}
        self.families: defaultdict[str, list[list[int]]] = defaultdict(list)

    def _coded(self, name: tuple[str, ...], zeros: int) -> int:
        if name not in self.counts:
            self.counts[name] = [zeros, 0]
            self.families[name[0]].append(self.counts[name])
        counts = self.counts[name]
        p = 65_536 * (2 * counts[1] + 1) // (2 * sum(counts) + 2)
        bit = self.bits.bit(min(max(p, 32), 65_504))
        counts[bit] += 1
        if sum(counts) >= 1024:
            shrunk(counts, 512)
        return bit

    def adaptive(self, *name: str) -> int:
        """Read an adaptive bit."""
        return self._coded(name, 0)

    def exception(self, *name: str) -> int:
        """Read an exception."""
        return self._coded(name, self.zeros_of_exceptions)

    def kind_exception(self, *name: str) -> int:
        """Read a flag of kinds of layers, which starts alike in all versions."""
        return self._coded(name, 3)

    def plain(self, width: int) -> int:
        """Read a number of plain bits, the highest first."""
        value = 0
        for _ in range(width):
            value = 2 * value + self.bits.bit(PLAIN)
        return value

    def scale_down(self, family: str) -> None:
        """Let new statistics outweigh old ones."""
        for counts in self.families[family]:
            shrunk(counts, 24)

    def unsigned(self, *name: str, order: int = 0) -> int:
        """Read a number of the code `unsigned`."""
        return exp_golomb(lambda w: self.adaptive(*name, str(w)), self.plain, order)

    def signed(self, *name: str, order: int = 0) -> int:
        """Read a number of the code `signed`."""
        return self._nonzero(name, order) if self.exception(*name, "not zero") else 0

    def difference(self, *name: str, order: int) -> int:
        """Read a number of the code `difference`."""
        return self._nonzero(name, order) if self.adaptive(*name, "not zero") else 0

    def _nonzero(self, name: tuple[str, ...], order: int) -> int:
        negative = self.adaptive(*name, "negative")
        magnitude = 1 + self.unsigned(*name, "magnitude", order=order)
        return -magnitude if negative else magnitude

    def weight(self, family: str, has_sign: bool = True) -> int:
        """Read a level of the code `weight`."""
        if not self.adaptive(family, "not zero"):
            return 0
        negative = self.plain(1) if has_sign else 0
        magnitude = 1
        while magnitude <= 18 and self.adaptive(family, "more", str(min(magnitude, 4))):
            magnitude += 1
        if magnitude == 19:
            magnitude += self.unsigned(family, "rest", order=2)
        return -magnitude if negative else magnitude


def exp_golomb(longer: Callable[[int], int], plain: Callable[[int], int], order: int) -> int:
    """Read a number in Exp-Golomb code, its prefix by ``longer`` and its digits by ``plain``."""
    w = order
    while longer(w):
        w += 1
        if w > 24:
            raise RefusedError("a prefix beyond 24")
    return (1 << w) + plain(w) - (1 << order)
