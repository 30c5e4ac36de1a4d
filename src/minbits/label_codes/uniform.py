"""The uniform code: all sequences of labels are equally likely, whatever the inputs."""

from __future__ import annotations

import numpy as np

from minbits.label_codes.protocol import Known, Labels, bad_code, check_known_labels

_FEW = 32


class UniformCode:
    """The labels as the digits of one number in base C: N log2 C bits, rounded up to bytes."""

    key = "uniform"
    method = "N log2 C bits, rounded up to bytes"
    source = "Hartley 1928"

    def encode(self, known: Known, labels: Labels) -> bytes:
        """Return the code of all labels."""
        check_known_labels(known, labels)
        number = _joined([int(label) for label in labels], known.classes)
        return number.to_bytes(_byte_count(known), "big")

    def decode(self, known: Known, code: bytes) -> Labels:
        """Return the labels of a code."""
        size = _byte_count(known)
        if len(code) != size:
            raise bad_code(f"{len(code)} bytes", f"{size} bytes")
        number = int.from_bytes(code, "big")
        if number >= _sequences(known):
            raise bad_code("a number too large for the labels", "one below C ** N")
        return np.array(_digits(number, known.examples, known.classes), np.int64)


def _byte_count(known: Known) -> int:
    return ((_sequences(known) - 1).bit_length() + 7) // 8


def _sequences(known: Known) -> int:
    number: int = known.classes**known.examples
    return number


def _joined(digits: list[int], base: int) -> int:
    """Return the number of some digits, the highest first; in halves, which long numbers need."""
    if len(digits) <= _FEW:
        number = 0
        for digit in digits:
            number = number * base + digit
        return number
    middle = len(digits) // 2
    low = digits[middle:]
    places: int = base ** len(low)
    return _joined(digits[:middle], base) * places + _joined(low, base)


def _digits(number: int, count: int, base: int) -> list[int]:
    """Return so many digits of a number, the highest first."""
    if count <= _FEW:
        found = []
        for _ in range(count):
            number, digit = divmod(number, base)
            found.append(digit)
        return found[::-1]
    below = count - count // 2
    high, low = divmod(number, base**below)
    return [*_digits(high, count - below, base), *_digits(low, below, base)]
