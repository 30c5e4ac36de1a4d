"""Options that are defined once: their checks, TOML files, and the tables of the documentation."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from minbits.cli.flags import with_flags
from minbits.cli.option_tables import RECORDS, with_tables
from minbits.errors import ArgumentError
from minbits.jobs.compress_request import CompressRequest
from minbits.jobs.size_request import SizeRequest
from minbits.requests import Request, options_of

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_every_option_has_a_help_text_and_a_default_that_is_good(record: type[Request]) -> None:
    made = record()
    for item in options_of(record):
        assert item.option.help.endswith("."), item.name
        assert getattr(made, item.name) == item.default


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accuracy": 7}, "`accuracy`: got 7; expected above 0 and at most 1"),
        ({"accuracy": "0.9"}, "`accuracy`: got '0.9'; expected a number"),
        ({"accuracy": True}, "`accuracy`: got True; expected a number"),
        ({"trials": 1.5}, "`trials`: got 1.5; expected a whole number"),
        ({"trials": None}, "`trials`: got None; expected a whole number"),
        ({"moves": 1}, "`moves`: got 1; expected true or false"),
        ({"engine": "abacus"}, "`engine`: got 'abacus'; expected auto, torch or lanes"),
        ({"out": 3}, "`out`: got 3; expected a path"),
        ({"worker_memory": 255}, "`worker_memory`: got 255; expected at least 256 MiB"),
    ],
)
def test_values_are_checked_when_the_request_is_made(options: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(message)):
        SizeRequest(**options)
    with pytest.raises(ArgumentError, match=re.escape(message)):
        dataclasses.replace(SizeRequest(), **options)


def test_several_numbers_are_a_tuple_however_they_are_written() -> None:
    for given in ((0.5, 1.0), [0.5, 1], "0.5,1"):
        assert CompressRequest(rate_weights=given).rate_weights == (0.5, 1)  # type: ignore[arg-type]
    for shape in ((1, 8, 8), [1, 8, 8], "1x8x8", "1,8,8"):
        assert CompressRequest(input=shape).input == (1, 8, 8)  # type: ignore[arg-type]
    for wrong in ("1x8x", "1x8xn", "0x8x8"):
        with pytest.raises(ArgumentError, match="such as 1x28x28"):
            CompressRequest(input=wrong)  # type: ignore[arg-type]


def test_a_toml_file_holds_a_request(tmp_path: Path) -> None:
    path = tmp_path / "search.toml"
    path.write_text('accuracy = 0.9\nminutes = 3\nsampler = "tpe"\nmoves = false\nout = "a.mbn"\n')
    assert SizeRequest.from_toml(path) == SizeRequest(
        0.9, 3, sampler="tpe", moves=False, out="a.mbn"
    )
    path.write_text("rate_weights = [0.5, 1]\ninput = [1, 8, 8]\n")
    assert CompressRequest.from_toml(path) == CompressRequest(
        rate_weights=(0.5, 1), input=(1, 8, 8)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("minuets = 3", r"o\.toml: minuets: got an unknown key; expected one of accuracy, minutes"),
        ('minutes = "three"', r"o\.toml: minutes: got 'three'; expected a number"),
        ("accuracy = 7", r"o\.toml: accuracy: got 7; expected above 0 and at most 1"),
        ("minutes", r"o\.toml: got .*; expected a TOML file"),
        ("[minutes]", r"o\.toml: minutes: got \{\}; expected a number"),
    ],
)
def test_a_bad_toml_file_is_refused_with_file_and_key(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "o.toml").write_text(text)
    with pytest.raises(ArgumentError, match=message):
        SizeRequest.from_toml(tmp_path / "o.toml")


def test_a_toml_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="No such file"):
        SizeRequest.from_toml(tmp_path / "none.toml")
    (tmp_path / "o.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ArgumentError, match="expected a TOML file"):
        SizeRequest.from_toml(tmp_path / "o.toml")


def test_the_tables_of_the_documentation_are_those_of_the_records() -> None:
    marked = 0
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = page.read_text()
        marked += text.count("<!-- options of ")
        assert with_tables(text) == text, f"python -m minbits.cli.option_tables {page}"
    assert marked == len(RECORDS)


def test_the_command_line_shows_flags_for_the_options_of_the_library() -> None:
    text = 'Give `worker_memory`, `any_data=True`, `moves=False`, `sampler="tpe"` or `engine`.'
    assert with_flags(text) == (
        "Give --worker-memory, --any-data, --no-moves, --sampler tpe or --engine."
    )
    for other in ("Run `minbits ledger verify`", "a `Table` of `x + 1`", "no option"):
        assert with_flags(other) == other


def test_no_text_of_the_library_speaks_of_flags() -> None:
    """The library's reader writes Python; the command line puts flags in the place of names."""
    of_others = {"--query-gpu", "--format", "--head", "--no-deps"}
    source = ROOT / "src" / "minbits"
    program = source / "codec" / "run.py"  # which has a flag of its own
    for path in source.rglob("*.py"):
        if source / "cli" not in path.parents and path != program:
            found = set(re.findall(r"(?<![\w<|-])--[a-z][a-z-]*", path.read_text())) - of_others
            assert not found, path
