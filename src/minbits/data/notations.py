"""Numbers as people write them: ``1,234.5``, ``1.234,5``, ``12 %``, ``$5``, ``0x1f``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_CURRENCIES = "$€£¥₹"
_EXPONENT = r"(?:[eE][+-]?\d+)?"
# Spaces of several kinds and apostrophes stand between thousands, too.
_GAPS = " '’\u00a0\u2009\u202f"
_AFFIX = re.compile(rf"([{_CURRENCIES}]?)\s*(.*?)\s*([%{_CURRENCIES}]?)")


@dataclass(frozen=True)
class _Style:
    """How the digits of a number are written; ``thousands`` and ``decimal`` are signs of it."""

    key: str
    name: str
    pattern: re.Pattern[str]
    thousands: str = ""
    decimal: str = "."

    def read(self, digits: str) -> float:
        for sign in self.thousands:
            digits = digits.replace(sign, "")
        return float(digits.replace(self.decimal, "."))


class _Hexadecimal(_Style):
    def read(self, digits: str) -> float:
        return float(int(digits, 16))


_PLAIN = _Style("plain", "", re.compile(rf"[+-]?(?:\d+\.?\d*|\.\d+){_EXPONENT}"))
_THOUSANDS = _Style(
    "thousands",
    "thousands separators",
    re.compile(
        rf"[+-]?(?:\d{{1,3}}(?:[,{_GAPS}]\d{{3}})+(?:\.\d*)?|(?:\d+\.?\d*|\.\d+){_EXPONENT})"
    ),
    "," + _GAPS,
)
_COMMA = _Style(
    "comma",
    "a decimal comma",
    re.compile(
        rf"[+-]?(?:\d{{1,3}}(?:[.{_GAPS}]\d{{3}})+(?:,\d*)?|(?:\d+(?:,\d*)?|,\d+){_EXPONENT})"
    ),
    "." + _GAPS,
    ",",
)
_HEX = _Hexadecimal("hexadecimal", "hexadecimal digits", re.compile(r"[+-]?0[xX][0-9a-fA-F]{1,16}"))


@dataclass(frozen=True)
class Notation:
    """How the numbers of a column are written.

    Attributes:
        affix: what stands before or after each of them: ``%``, a currency, or nothing.
        style: how their digits are written.
    """

    affix: str
    style: _Style

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        parts = [self.style.name, f"'{self.affix}'" if self.affix else ""]
        return " and ".join(part for part in parts if part)

    @property
    def key(self) -> str:
        """What it is called in files, such as ``thousands$``."""
        return f"{self.style.key}{self.affix}"

    def read(self, text: str) -> float | None:
        """Return the number that a text stands for, None where it isn't written so."""
        affix, digits = _parts(text)
        if affix != self.affix or not self.style.pattern.fullmatch(digits):
            return None
        return self.style.read(digits)


def _parts(text: str) -> tuple[str, str]:
    """Return what stands around the digits, and the digits; ``-$5`` is -5 as well as ``$-5``."""
    text = text.strip().replace("\u2212", "-")
    sign = "-" if text.startswith("-") and text[1:2] in _CURRENCIES and len(text) > 1 else ""
    match = _AFFIX.fullmatch(text.removeprefix(sign))
    if match is None or (match[1] and match[3]):
        return "?", text
    return match[1] or match[3], sign + match[2]


def find_notation(texts: Iterable[str], decimal: str = ".") -> Notation | None:
    """Return the notation in which all texts are numbers, None where there is none.

    Of ``1,234`` alone, nobody knows whether it is more than one thousand: it is read so where the
    decimal sign is a point.

    Args:
        texts: not missing.
        decimal: the decimal sign that the user named; a point stands for none.
    """
    styles = [_COMMA, _PLAIN, _HEX] if decimal == "," else [_PLAIN, _THOUSANDS, _COMMA, _HEX]
    affix: str | None = None
    for text in texts:
        found, digits = _parts(text)
        affix = found if affix is None else affix
        styles = [style for style in styles if style.pattern.fullmatch(digits)]
        if found != affix or not styles:
            return None
    return None if affix is None else Notation(affix, styles[0])


def notation_of(key: str) -> Notation | None:
    """Return the notation of a key, None where there is none of that key."""
    affix = key[-1:] if key[-1:] and key[-1] in f"%{_CURRENCIES}" else ""
    styles = (_PLAIN, _THOUSANDS, _COMMA, _HEX)
    found = next((style for style in styles if style.key == key.removesuffix(affix)), None)
    return None if found is None else Notation(affix, found)
