"""Adaptive codes for integers, built from adaptive bits.

One description serves both directions: each function takes the value to write, or anything when
the coder is a decoder, and returns the value that was written or read.
"""

from __future__ import annotations

from minbits.codec.adaptive_bits import HALF, BitCoder, BitModel
from minbits.errors import NetworkFileError

Context = tuple[str | int, ...]

# A magnitude is written in unary up to this many flags; what is beyond goes to an Exp-Golomb code.
UNARY_FLAGS = 18
SHARED_FLAG = 4
EXCESS_ORDER = 2
MAX_EXPONENT = 24
# A flag that says "not the usual" starts as if the usual had been seen this often; in version 4,
# whose usual values say more, that is more often.
USUAL_COUNT = 3
LEAN_USUAL_COUNT = 7


def integer_too_long() -> NetworkFileError:
    """Return the error for a prefix longer than any valid value has."""
    return NetworkFileError(
        "payload",
        "an integer of over 24 bits",
        "a smaller one",
        "The file is damaged: get another copy.",
    )


def not_canonical() -> NetworkFileError:
    """Return the error for what can be said in fewer fields."""
    return NetworkFileError(
        "payload", "bits that no encoder writes", "a canonical encoding",
        "The file is damaged: get another copy.",
    )  # fmt: skip


class ModelBank:
    """The adaptive models of one file, made when a context is first met.

    Args:
        usual_count: how often a flag starts as if the usual had been seen.
    """

    def __init__(self, usual_count: int = USUAL_COUNT) -> None:
        self.usual_count = usual_count
        self._models: dict[Context, BitModel] = {}
        self._families: dict[str | int, list[BitModel]] = {}

    def model(self, context: Context, zeros: int = 0) -> BitModel:
        """Return the model of ``context``, which starts with ``zeros`` zeros counted."""
        found = self._models.get(context)
        if found is None:
            found = self._models[context] = BitModel(zeros)
            self._families.setdefault(context[0], []).append(found)
        return found

    def counts(self, context: Context) -> tuple[int, int]:
        """Return the zeros and ones counted in ``context``."""
        found = self._models.get(context)
        return (found.zeros, found.ones) if found else (0, 0)

    def shrink(self, family: str, limit: int) -> None:
        """Shrink the counts of every model whose context starts with ``family``."""
        for model in self._families.get(family, ()):
            model.shrink(limit)


def code_adaptive_bit(coder: BitCoder, bank: ModelBank, context: Context, bit: int) -> int:
    """Code one bit with the adaptive model of ``context``."""
    return bank.model(context).code(coder, bit)


def code_exception(coder: BitCoder, bank: ModelBank, context: Context, exception: int) -> int:
    """Code a flag that is expected to be zero."""
    return bank.model(context, bank.usual_count).code(coder, exception)


def code_plain_bits(coder: BitCoder, value: int, width: int) -> int:
    """Code ``width`` equiprobable bits, the highest first."""
    result = 0
    for shift in reversed(range(width)):
        result = result << 1 | coder.code(value >> shift & 1, HALF)
    return result


def code_unsigned(
    coder: BitCoder, bank: ModelBank, context: Context, value: int, order: int = 0
) -> int:
    """Code ``value >= 0`` in Exp-Golomb of ``order`` with an adaptive prefix.

    Raises:
        NetworkFileError: if the prefix read is longer than any valid value has.
    """
    shifted = value + (1 << order)
    width = shifted.bit_length() - 1
    exponent = order
    while code_adaptive_bit(coder, bank, (*context, exponent), int(exponent < width)):
        exponent += 1
        if exponent > MAX_EXPONENT:
            raise integer_too_long()
    rest = code_plain_bits(coder, shifted & ((1 << exponent) - 1), exponent)
    return (1 << exponent) + rest - (1 << order)


def code_signed(
    coder: BitCoder, bank: ModelBank, context: Context, value: int, order: int = 0
) -> int:
    """Code a signed integer that is expected to be zero: zero flag, sign, magnitude."""
    if not code_exception(coder, bank, (*context, "nonzero"), int(value != 0)):
        return 0
    return _code_nonzero(coder, bank, context, value, order)


def code_difference(
    coder: BitCoder, bank: ModelBank, context: Context, value: int, order: int
) -> int:
    """Code a signed integer of which zero is not expected more than others."""
    if not code_adaptive_bit(coder, bank, (*context, "nonzero"), int(value != 0)):
        return 0
    return _code_nonzero(coder, bank, context, value, order)


def _code_nonzero(
    coder: BitCoder, bank: ModelBank, context: Context, value: int, order: int
) -> int:
    negative = code_adaptive_bit(coder, bank, (*context, "negative"), int(value < 0))
    magnitude = 1 + code_unsigned(coder, bank, (*context, "magnitude"), abs(value) - 1, order)
    return -magnitude if negative else magnitude


def code_weight(
    coder: BitCoder, bank: ModelBank, family: str, value: int, is_positive: bool = False
) -> int:
    """Code a quantised weight: zero flag, sign, then the magnitude in adaptive unary.

    Training under a rate penalty leaves magnitudes close to geometric, so that all flags from
    ``SHARED_FLAG`` on share one model; contexts of neighbouring weights were tried and cost more
    than they gave.

    Args:
        coder: encoder or decoder.
        bank: the file's models.
        family: the kind of tensor that the weight belongs to.
        value: the weight in units of its step.
        is_positive: whether a weight that is not zero is known to be positive: no sign is coded.
    """
    if not code_adaptive_bit(coder, bank, (family, "nonzero"), int(value != 0)):
        return 0
    negative = 0 if is_positive else coder.code(int(value < 0), HALF)
    magnitude = 1
    while magnitude <= UNARY_FLAGS:
        context = (family, "more", min(magnitude, SHARED_FLAG))
        if not code_adaptive_bit(coder, bank, context, int(abs(value) > magnitude)):
            break
        magnitude += 1
    else:
        excess = max(abs(value) - magnitude, 0)
        magnitude += code_unsigned(coder, bank, (family, "excess"), excess, EXCESS_ORDER)
    return -magnitude if negative else magnitude
