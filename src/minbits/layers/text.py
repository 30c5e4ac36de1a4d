"""The words of one layer's text, and the options that layers share."""

from __future__ import annotations

from dataclasses import dataclass

from minbits.errors import NetworkError
from minbits.layers.activations import ACTIVATIONS


@dataclass(frozen=True)
class Options:
    """What may follow a layer's name and number.

    Attributes:
        numbers: kernel, stride, padding and dilation by their letters k, s, p and d.
        activation: key of it.
        bias: whether one is asked for; None where nothing is said.
        flat: whether the kernel has one row.
    """

    numbers: dict[str, int]
    activation: str
    bias: bool | None
    flat: bool


@dataclass(frozen=True)
class LayerText:
    """A layer's text, split into words.

    Attributes:
        text: all of it, for errors.
        name: its first word.
        words: those behind.
        expected: what a text may be, for errors.
    """

    text: str
    name: str
    words: tuple[str, ...]
    expected: str

    def error(self, got: str) -> NetworkError:
        """Return the error for a text that is not in the grammar."""
        return NetworkError(
            f"layer '{self.text.strip()}'", got, self.expected, "Correct the architecture."
        )

    def number(self, place: int = 0) -> int:
        """Return the number at a place behind the name.

        Raises:
            NetworkError: if there is none.
        """
        if len(self.words) <= place:
            raise self.error("no number")
        if not self.words[place].isdigit():
            raise self.error(f"'{self.words[place]}'")
        return int(self.words[place])

    def options(self, start: int = 0) -> Options:
        """Return the options in the words from ``start`` on.

        Raises:
            NetworkError: if a word is none.
        """
        numbers = {"k": 1, "s": 1, "p": 0, "d": 1}
        activation, bias, flat = "none", None, False
        for word in self.words[start:]:
            if word in ACTIVATIONS:
                activation = word
            elif word in ("bias", "nobias"):
                bias = word == "bias"
            elif word == "flat":
                flat = True
            elif word[:1] in numbers and word[1:].isdigit():
                numbers[word[0]] = int(word[1:])
            else:
                raise self.error(f"'{word}'")
        return Options(numbers, activation, bias, flat)


def option_words(activation: str, bias: bool, usual_bias: bool) -> list[str]:
    """Return the words for an activation and a bias, none for what is usual."""
    words = [] if activation == "none" else [activation]
    if bias != usual_bias:
        words.append("bias" if bias else "nobias")
    return words
