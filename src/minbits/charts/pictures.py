"""What all charts share: names in them are plain text, and a picture's bytes follow from numbers.

Matplotlib takes text between two dollar signs for a formula, and warns about every letter that its
font lacks; XML has no place for control characters. Names of files, columns and layers may hold
any of these.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
import matplotlib.figure

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


def name_text(name: str, most: int = _LONGEST_NAME) -> str:
    """Return a name from outside as a picture shows it, with at most ``most`` characters.

    The result is for any text of a chart, in a PNG as well as in an SVG. Matplotlib leaves entries
    of a legend out whose text begins with ``_``; give those a word before the name.
    """
    return shortened(visible(name), most).replace("$", r"\$")


@contextmanager
def drawing() -> Iterator[None]:
    """Draw a chart: its making and its `picture` belong into the block."""
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        # A letter that the font lacks is shown as a box; the name is in the text output, too.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def picture(figure: matplotlib.figure.Figure, kind: str = "png") -> bytes:
    """Return a figure as the bytes of a file, ``png`` or ``svg``."""
    buffer = io.BytesIO()
    # Dates would make every drawing of the same numbers another file.
    metadata = {"Date": None} if kind == "svg" else {}
    figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
    return buffer.getvalue()
