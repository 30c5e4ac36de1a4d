"""How records show themselves: one line in a console, a table and a picture in a notebook."""

from __future__ import annotations

import base64
import html
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

Cells = Sequence[Sequence[str]]


def html_table(cells: Cells, header: Sequence[str] = ()) -> str:
    """Return an HTML table; every cell is text, so that no name in it is read as markup."""

    def row(texts: Sequence[str], tag: str) -> str:
        inner = "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts)
        return f"<tr>{inner}</tr>"

    head = f"<thead>{row(header, 'th')}</thead>" if header else ""
    return f"<table>{head}<tbody>{''.join(row(texts, 'td') for texts in cells)}</tbody></table>"


def html_picture(path: str | Path | None) -> str:
    """Return a PNG file as an HTML image; nothing where there is no such file."""
    if path is None or Path(path).suffix != ".png" or not Path(path).is_file():
        return ""
    data = base64.b64encode(Path(path).read_bytes()).decode("ascii")
    return f'<img src="data:image/png;base64,{data}" alt="{html.escape(Path(path).name)}">'


class Shown(ABC):
    """A record with a short ``__repr__``, and a table for notebooks.

    A dataclass that derives from it is declared with ``repr=False``.
    """

    __slots__ = ()

    @abstractmethod
    def summary(self) -> str:
        """Return what the record says, in one line."""

    @abstractmethod
    def facts(self) -> Cells:
        """Return the rows of its table, a name and a value each or more."""

    def header(self) -> Sequence[str]:
        """Return the names of the table's columns; none by default."""
        return ()

    def picture_path(self) -> str | Path | None:
        """Return the PNG that belongs to the record; None by default."""
        return None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.summary()}>"

    def _repr_html_(self) -> str:
        title = f"<p><b>{html.escape(self.summary())}</b></p>"
        return title + html_table(self.facts(), self.header()) + html_picture(self.picture_path())
