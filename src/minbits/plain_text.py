"""Names from outside as plain text: whatever they hold, they only ever show themselves.

Names of files, columns, classes and layers may hold anything: sequences that command a terminal,
letters that turn the reading direction round, line ends, bytes that are no text.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

# Other, format: these two join or part letters in Persian, Hindi and emoji, and command nothing.
_JOINERS = "\u200c\u200d"
_LIKENESS = 0.7  # of 1, as `difflib` measures it
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
# How Python keeps the bytes of a file's name that are no text: b"\xe9" is "\udce9".
_BYTES_FROM, _BYTES_TO = 0xDC80, 0xDCFF


def is_visible(character: str) -> bool:
    """Return whether a character shows itself and does nothing else."""
    if character.isprintable():
        return True
    if ord(character) & 0xFFFE == 0xFFFE:
        return False  # no character at all, which XML takes no more than a terminal does
    return character in _JOINERS or unicodedata.category(character) not in _HIDDEN


def escaped(character: str) -> str:
    r"""Return what stands for a character that is not visible, such as ``\x1b`` or ``\u202e``."""
    code = ord(character)
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if _BYTES_FROM <= code <= _BYTES_TO:
        code -= 0xDC00
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def visible(text: str) -> str:
    """Return one line of text with every character that is not visible escaped.

    Text that went through this once stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(character if is_visible(character) else escaped(character) for character in text)


def shortened(text: str, most: int) -> str:
    """Return text of at most ``most`` characters: of a longer one, both ends and ``…`` between."""
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[-end:]}"


def suggested(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return ``Did you mean 'x'?`` where a known name is like the one that was given.

    Args:
        name: that was given, and is unknown.
        known: names that there are.
        otherwise: returned where none is like it.
    """
    by_plain = {_plain_name(item): item for item in known}
    close = difflib.get_close_matches(_plain_name(name), list(by_plain), 1, _LIKENESS)
    return f"Did you mean '{by_plain[close[0]]}'?" if close else otherwise


def _plain_name(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
