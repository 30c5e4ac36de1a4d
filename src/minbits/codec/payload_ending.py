"""How a payload ends: the fewest bytes inside the last interval of the range coder.

A range coder may end anywhere inside its last interval, and a decoder continues a payload with
zero bytes. So for each length there are two strings to look at: the coder's own ending cut off
there, and the one above it. The encoder takes the shortest; the decoder, which knows the same
interval, computes it again, so that a file has one spelling only, and no network need be encoded to
check that.
"""

from __future__ import annotations

WORD_BITS = 32
WORD_BYTES = 4
STATE_MASK = (1 << 64) - 1
_LAST_INTERVAL_BYTES = 8
# The bytes of very long payloads do not matter: those keep the coder's own ending.
MAX_BITS_TO_SHORTEN = 1 << 18


def own_ending(lower: int, width: int, full: bytes) -> bytes:
    """Return what constriction wrote without the word of zeros that a decoder adds by itself.

    Args:
        lower, width: the last interval, in units of the coder's window of 64 bits.
        full: what constriction wrote.
    """
    point = (lower + (1 << WORD_BITS) - 1 & STATE_MASK) >> WORD_BITS
    has_zeros = ((lower + width & STATE_MASK) >> WORD_BITS) == point
    return full[:-WORD_BYTES] if has_zeros else full


def shortest_ending(full: bytes, lower: int, width: int, bit_count: int) -> bytes:
    """Return the payload: the shortest string that stays inside the last interval.

    Args:
        full: the coder's own ending: the least multiple of ``2 ** 32`` inside the interval, as all
            words up to the upper one of the window.
        lower, width: as for `own_ending`.
        bit_count: how many bits were coded.
    """
    if bit_count > MAX_BITS_TO_SHORTEN:
        return full.rstrip(b"\0")
    point = (lower + (1 << WORD_BITS) - 1 & STATE_MASK) >> WORD_BITS
    offset = (point << WORD_BITS) - lower & STATE_MASK
    value = int.from_bytes(full, "big") << WORD_BITS
    for length in range(max(0, len(full) - _LAST_INTERVAL_BYTES), len(full)):
        cut = 8 * (len(full) - length) + WORD_BITS
        head = value >> cut
        if 0 <= (head << cut) - value + offset < width:
            return full[:length].rstrip(b"\0")
        if 0 <= (head + 1 << cut) - value + offset < width and (head + 1) >> 8 * length == 0:
            return (head + 1).to_bytes(length, "big").rstrip(b"\0")
    return full.rstrip(b"\0")
