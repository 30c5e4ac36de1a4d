"""What all charts share: numbers, how they are drawn, and one way to save them.

The bytes of a picture follow from the numbers alone. Names in it are plain text: Matplotlib takes
text between two dollar signs for a formula, and warns about every letter that its font lacks; XML
has no place for control characters. Names of files, columns and layers may hold any of these.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import matplotlib
import matplotlib.figure

from minbits.errors import ArgumentError
from minbits.files import write_atomically
from minbits.plain_text import shortened, visible

DOTS_PER_INCH = 150
_LONGEST_NAME = 40
# Whatever a user's own settings are; and the same names of the SVG's parts every time.
_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "minbits",
    "font.family": "DejaVu Sans",
    "text.usetex": False,
    "axes.formatter.use_mathtext": False,
}
# What would make every drawing of the same numbers another file, by the kind of file.
_DATES: dict[str, dict[str, None]] = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}

Numbers = TypeVar("Numbers")


@dataclass(frozen=True)
class Chart(Generic[Numbers]):
    """A chart.

    Attributes:
        numbers: all that it shows.
        draw: returns the figure of the numbers; nothing else may change what is drawn.
    """

    numbers: Numbers
    draw: Callable[[Numbers], matplotlib.figure.Figure]

    def picture(self, kind: str = "png") -> bytes:
        """Return the bytes of a file: ``png``, ``svg`` or ``pdf``."""
        buffer = io.BytesIO()
        with drawing():
            figure = self.draw(self.numbers)
            figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH, metadata=_DATES[kind])
        return buffer.getvalue()

    def save(self, path: Path) -> None:
        """Write the chart to a file; its suffix says which kind: .png, .svg or .pdf.

        Raises:
            ArgumentError: if it is another one.
            OutputError: if the file cannot be written.
        """
        write_atomically(path, self.picture(picture_kind(path)))


def picture_kind(path: Path) -> str:
    """Return the kind of picture that a path names.

    Raises:
        ArgumentError: if it names none.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _DATES:
        known = " or ".join(f".{name}" for name in _DATES)
        raise ArgumentError(
            "picture", f"'{path}'", f"a path that ends in {known}", "Change its end."
        )
    return kind


def name_text(name: str, most: int = _LONGEST_NAME) -> str:
    """Return a name from outside as a picture shows it, with at most ``most`` characters.

    The result is for any text of a chart, in a PNG as well as in an SVG. Matplotlib leaves entries
    of a legend out whose text begins with ``_``; give those a word before the name.
    """
    return shortened(visible(name), most).replace("$", r"\$")


@contextmanager
def drawing() -> Iterator[None]:
    """Draw inside the block, whatever a user's own settings are."""
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        # A letter that the font lacks is shown as a box; the name is in the text output, too.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield
