"""What a page consists of: sections of sentences, charts and tables."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from minbits.plain_text import shortened, visible

Spec = dict[str, Any]
_LONGEST_NAME = 48


def name_text(name: str, most: int = _LONGEST_NAME) -> str:
    """Return a name from outside as a page shows it, with at most ``most`` characters."""
    return shortened(visible(name), most)


def bits_text(bits: float) -> str:
    """Return a number of bits with its unit."""
    return f"{bits:,.0f} bits" if bits >= 100 or bits == int(bits) else f"{bits:,.2f} bits"


def percent(share: float, digits: int = 2) -> str:
    """Return a share as a percentage."""
    return f"{100 * share:.{digits}f} %"


def target_text(accuracy: float) -> str:
    """Return an accuracy that was asked for: 99 %, and not 99.00 %."""
    return f"{100 * accuracy:.10g} %"


def command_line(*words: str, **options: str) -> str:
    """Return a command as a shell reads it.

    Args:
        words: from its name on.
        options: each with its value.
    """
    named = [part for name, value in options.items() for part in (f"--{name}", value)]
    return shlex.join(["minbits", *words, *named])


@dataclass(frozen=True)
class PageTable:
    """A table.

    Attributes:
        title: of the table.
        columns: their headers; one that ends in ``|`` holds numbers.
        rows: of cells.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def headers(self) -> list[tuple[str, bool]]:
        """The headers, each with whether its column holds numbers."""
        return [(name.removesuffix("|"), name.endswith("|")) for name in self.columns]


def page_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> PageTable:
    """Return a table whose cells are plain text, whatever names are in them."""
    cells = tuple(tuple(visible(cell) for cell in row) for row in rows)
    return PageTable(title, tuple(columns), cells)


@dataclass(frozen=True)
class PageChart:
    """A chart with the table behind it.

    Attributes:
        title: of the chart.
        text: what it shows, and how to read it.
        spec: Vega-Lite. Every mark that stands for a value has a field ``label``, the value in
            words, for pointer and keyboard.
        table: the same numbers.
    """

    title: str
    text: str
    spec: Spec
    table: PageTable


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading of its own."""

    title: str
    texts: tuple[str, ...] = ()
    charts: tuple[PageChart, ...] = ()
    tables: tuple[PageTable, ...] = ()
