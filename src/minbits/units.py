"""Conversions between the units of information that minbits prints.

One byte is eight bits; one nat is 1 / ln 2 bits (Shannon 1948, §1). Every name of a quantity in
this package ends in its unit, so that the conversions below are the only place where it changes.
"""

from __future__ import annotations

import math

BITS_PER_BYTE = 8
BITS_PER_NAT = 1.0 / math.log(2.0)


def bytes_to_bits(size_bytes: int) -> int:
    """Return the length in bits of a file of ``size_bytes`` bytes."""
    return BITS_PER_BYTE * size_bytes


def nats_to_bits(information_nats: float) -> float:
    """Return the information in bits of ``information_nats`` nats."""
    return information_nats * BITS_PER_NAT


def bits_to_nats(information_bits: float) -> float:
    """Return the information in nats of ``information_bits`` bits."""
    return information_bits / BITS_PER_NAT
