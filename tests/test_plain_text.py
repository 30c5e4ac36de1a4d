from __future__ import annotations

import io
import re
import sys
import unicodedata
from collections import Counter
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minbits.cli.output import PlainConsole, headed, print_json, print_table
from minbits.plain_text import is_visible, shortened, suggested, visible

ANY_TEXT = st.text(st.characters(), max_size=40)
NAMES = [
    "speed [/s]", "mass [kg]", "x[best].mbn", "$a_{$.csv", "\x1b]0;owned\x07", "\x1b[31m", "[/]",
    "[bold]", ":100:", "two\nlines", "\u202egpj.exe", "<script>", "caf\udce9", "\x9b31m", "\ufffe",
    "\u2028", "\U000e0041", "漢字", "می\u200cخواهم", "a\tb", "\x7f", "[link=file:///x]y[/link]", "",
]  # fmt: skip


def given_names(function):  # type: ignore[no-untyped-def]
    """Let a property hold for any text, and for all that is known to have done harm."""
    function = given(ANY_TEXT)(function)
    for name in NAMES:
        function = example(name)(function)
    return function


@given_names
def test_what_is_visible_does_nothing(text: str) -> None:
    shown = visible(text)
    assert all(is_visible(character) for character in shown)
    assert "\n" not in shown
    shown.encode()  # no surrogates
    assert not {unicodedata.bidirectional(c) for c in shown} & {"LRO", "RLO", "RLI", "LRE", "RLE"}
    assert visible(shown) == shown


@given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" ")))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"), ("a\nb", r"a\nb"), ("\u202e", r"\u202e"),
        ("caf\udce9", r"caf\xe9"), ("\ud800", r"\ud800"), ("\U000e0041", r"\U000e0041"),
        ("漢字 [kg] $x$", "漢字 [kg] $x$"), ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)  # fmt: skip
def test_what_stands_for_it_can_be_read(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(max_size=30), st.integers(3, 40))
def test_a_long_name_keeps_both_ends(text: str, most: int) -> None:
    found = shortened(text, most)
    assert len(found) <= most
    assert found == text or (found[0], found[-1]) == (text[0], text[-1])


def printed(*things: object, is_terminal: bool = False) -> str:
    file = io.StringIO()
    console = PlainConsole(file=file, force_terminal=is_terminal, width=500)
    for thing in things:
        console.print(thing, soft_wrap=True)
    return file.getvalue()


@given_names
def test_a_console_prints_names_as_they_are(text: str) -> None:
    assert printed(text) == f"{visible(text)}\n"
    assert printed(headed(text, text)) == f"{visible(text)}: {visible(text)}\n"
    on_terminal = printed(text, is_terminal=True)
    assert on_terminal == f"{visible(text)}\n"


@given_names
def test_json_gives_names_back_and_shows_them(text: str) -> None:
    out = io.StringIO()
    before, sys.stdout = sys.stdout, out
    try:
        print_json({text: [text]})
    finally:
        sys.stdout = before
    import json

    assert json.loads(out.getvalue()) == {text: [text]}
    assert all(is_visible(c) for c in out.getvalue().replace("\n", ""))


def test_a_table_shows_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(name, name, "1") for name in [*NAMES, 300 * "n" + "[/x]"]]
    print_table("title [/] \x1b[31m", [("[bold]", "left"), ("a", "left"), ("b", "right")], rows)
    out = capsys.readouterr().out
    assert r"title [/] \x1b[31m" in out
    assert "[bold]" in out.splitlines()[2]
    for name in NAMES:
        assert visible(name) in out
    assert "[/x]" in out
    assert all(is_visible(c) for c in out.replace("\n", ""))


numbers = st.from_regex(r"[0-9]{1,9} \([0-9]{1,5}–[0-9]{1,5}\)", fullmatch=True)
words = st.text("abc/ .", max_size=90)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[tuple[str, str]], list[tuple[str, ...]]]:
    sides = ["left", *draw(st.lists(st.sampled_from(["left", "right", "whole"]), max_size=9))]
    header = st.from_regex(r"[a-z]{1,9}( [a-z]{1,9}){0,3}", fullmatch=True)
    columns = [(draw(header), side) for side in sides]
    cell = {"left": words, "right": numbers, "whole": numbers}
    row = st.tuples(numbers, *(cell[side] for side in sides[1:]))
    return columns, draw(st.lists(row, min_size=1, max_size=3))


@given(tables(), st.integers(15, 160), st.booleans())
def test_a_table_cuts_no_cell_however_narrow_the_terminal_is(
    table: tuple[list[tuple[str, str]], list[tuple[str, ...]]], width: int, is_terminal: bool
) -> None:
    columns, rows = table
    out = io.StringIO()
    screen = PlainConsole(file=out, width=width, force_terminal=is_terminal, no_color=True)
    with mock.patch("minbits.cli.output.console", return_value=screen):
        print_table("a title", columns, rows)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    letters = Counter("".join(shown.split()))
    for row in rows:
        for index, ((_, side), cell) in enumerate(zip(columns, row, strict=True)):
            assert cell in shown or (side == "left" and index)
    wanted = Counter("".join("".join(row) for row in rows).replace(" ", ""))
    wanted += Counter("".join(header for header, _ in columns).replace(" ", ""))
    assert not wanted - letters


def test_a_known_name_is_suggested_only_where_it_is_like_the_given_one() -> None:
    known = ["Species", "petal_length", "year"]
    assert suggested("species ", known, "none") == "Did you mean 'Species'?"
    assert suggested("Speices", known, "none") == "Did you mean 'Species'?"
    assert suggested("petal-lenght", known, "none") == "Did you mean 'petal_length'?"
    assert suggested("colour", known, "none") == "none"
    assert suggested("", known, "none") == "none"
