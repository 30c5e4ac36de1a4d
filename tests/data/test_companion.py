"""What belongs to the data of a network file: read back as written, and refused where it is not."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path
from typing import Any

import pytest

from minbits.data import load
from minbits.data.companion import (
    Companion,
    companion_beside,
    companion_bytes,
    companion_of,
    companion_path,
    read_companion,
)
from minbits.errors import DataError
from minbits.files import sha256_hex
from minbits.types import DataSet

NETWORK = "0" * 64


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    path = tmp_path_factory.mktemp("table") / "t.csv"
    lines = [
        f"{i},{'' if i == 3 else i / 3},{'ab'[i % 2]},{'yes' if i % 3 else 'no'}" for i in range(40)
    ]
    path.write_text("n,x,kind,class\n" + "\n".join(lines) + "\n")
    return load(path)


@pytest.fixture
def written(tmp_path: Path, table: DataSet) -> Path:
    path = tmp_path / "f.data.json"
    path.write_bytes(companion_bytes(companion_of(table, NETWORK, 1.5, 6)))
    return path


def without_counts(companion: Companion) -> Companion:
    """Return a companion without the counts of missing values, which nothing needs."""
    columns = companion.columns
    if columns is None:
        return companion
    plain = tuple(dataclasses.replace(column, missing=0) for column in columns)
    return dataclasses.replace(companion, columns=plain)


def test_it_reads_back_what_was_written(written: Path, table: DataSet, tiny: DataSet) -> None:
    found = read_companion(written, NETWORK)
    assert found == without_counts(companion_of(table, NETWORK, 1.5, 6))
    assert (found.class_names, found.label_column) == (("no", "yes"), "class")
    assert companion_bytes(found) == written.read_bytes()
    written.write_bytes(companion_bytes(companion_of(tiny, NETWORK, 0.0, 6)))
    images = read_companion(written, NETWORK)
    assert (images.columns, images.input_shape, images.input_type) == (None, (1, 8, 8), "uint8")
    assert images.encoding_bits == 0


def test_where_it_is(tmp_path: Path, written: Path) -> None:
    assert companion_path(Path("a/mnist-99.4.mbn")) == Path("a/mnist-99.4.data.json")
    assert companion_beside(tmp_path / "f.mbn", NETWORK) is not None
    assert companion_beside(tmp_path / "g.mbn", NETWORK) is None


def test_names_are_counted_in_bytes(table: DataSet) -> None:
    found = companion_of(table, NETWORK, 1.0, 6)
    assert found.names_bits == 8 * len("no yes n x kind a b class ")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("format",), "other", "'other' as 'format'"),
        (("format",), None, "nothing as 'format', where a text stands"),
        (("version",), 2, "version 2, where this minbits reads version 1"),
        (("version",), True, "true or false as 'version'"),
        (("network_sha256",), "1" * 64, "the companion of a network file with SHA-256 1111"),
        (("network_sha256",), "x", "where a SHA-256 stands"),
        (("classes",), ["a"], "1 texts as 'classes'"),
        (("classes",), ["a", "a"], "a text twice in 'classes'"),
        (("classes",), ["a", 3], "a list of texts stands"),
        (("label_column",), 3, "a number as 'label_column'"),
        (("probabilities", "inverse_temperature"), -1, "out of range"),
        (("probabilities", "inverse_temperature"), float("nan"), "out of range"),
        (("probabilities", "inverse_temperature"), float("inf"), "out of range"),
        (("inputs",), [], "a list and no object"),
        (("inputs", "shape"), [6, 1, 1], "columns of 5 channels"),
        (("inputs", "shape"), [2**40, 1, 1], "out of range"),
        (("inputs", "shape"), [6, 1], "2 numbers as 'inputs.shape', where 3 stand"),
        (("inputs", "type"), "float64", "'float64' as 'inputs.type'"),
        (("inputs", "resize"), [0, 8], "out of range"),
        (("columns",), [], "0 columns"),
        (("columns",), {"a": 1}, "an object as 'columns', where a list stands"),
        (("columns", 0), "n", "columns[0]. that is a text and no object"),
        (("columns", 0, "name"), "x", "a name twice in 'columns'"),
        (("columns", 0, "kind"), "float", "'float' as 'columns[0].kind'"),
        (("columns", 0, "exponent"), 10**9, "out of range as 'columns[0].exponent'"),
        (("columns", 0, "offset"), 0.5, "a number as 'columns[0].offset'"),
        (("columns", 1, "missing_channel"), 1, "where true or false stands"),
        (("columns", 2, "categories"), ["a"], "columns of 4 channels"),
        (("columns", 2, "categories"), ["a", "\ud800"], "text that is not UTF-8"),
        (("columns", 2, "categories"), [str(i) for i in range(257)], "257 texts"),
    ],
)
def test_what_is_damaged_or_foreign_is_one_error(
    written: Path, place: tuple[Any, ...], value: object, message: str
) -> None:
    plain = json.loads(written.read_text())
    part = plain
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    written.write_text(json.dumps(plain))
    with pytest.raises(DataError) as caught:
        read_companion(written, NETWORK)
    assert message in str(caught.value)
    assert str(written) in str(caught.value)


@pytest.mark.parametrize("key", ["format", "classes", "inputs", "columns", "probabilities"])
def test_a_key_that_is_missing_is_named(written: Path, key: str) -> None:
    plain = json.loads(written.read_text())
    del plain[key]
    written.write_text(json.dumps(plain))
    with pytest.raises(DataError, match=f"no key '{key}'"):
        read_companion(written, NETWORK)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 50_000, b"1" * 5000])
def test_what_is_no_companion_at_all(written: Path, content: bytes) -> None:
    written.write_bytes(content)
    with pytest.raises(DataError, match=r"f\.data\.json: got "):
        read_companion(written, NETWORK)


def test_whatever_is_changed_is_read_or_refused(written: Path) -> None:
    content = written.read_bytes()
    generator = random.Random(0)
    outcomes = set()
    for _ in range(500):
        changed = bytearray(content)
        for _ in range(generator.choice((1, 1, 2, 8))):
            start = generator.randrange(len(changed))
            if generator.random() < 0.5:
                changed[start] = generator.choice(b'0-9"[]{},:netxa\x00\xff')
            else:
                del changed[start : start + generator.choice((1, 2, 30))]
        written.write_bytes(changed)
        try:
            found = read_companion(written, NETWORK)
        except DataError:
            outcomes.add("refused")
        else:
            outcomes.add("read")
            assert isinstance(companion_bytes(found), bytes)
    assert outcomes == {"read", "refused"}


def test_one_that_is_too_large_is_not_read(written: Path) -> None:
    with written.open("r+b") as file:
        file.truncate(2**27)
    with pytest.raises(DataError, match="more than 67,108,864 bytes"):
        read_companion(written, NETWORK)


def test_the_card_names_it(tmp_path: Path, written: Path) -> None:
    card = tmp_path / "f.json"
    card.write_text(json.dumps({"companion": {"sha256": sha256_hex(written.read_bytes())}}))
    read_companion(written, NETWORK, card)
    written.write_text(written.read_text().replace("1.5", "2.5"))
    with pytest.raises(DataError, match=r"a companion with SHA-256 .*as .*f\.json says"):
        read_companion(written, NETWORK, card)
    for other in ("{", "[]", '{"companion": 3}'):  # for whoever reads cards to refuse
        card.write_text(other)
        read_companion(written, NETWORK, card)
