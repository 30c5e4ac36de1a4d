"""Whatever people bring, there is a data set and its summary, or one error that says what to do."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minbits.data import from_arrays, load
from minbits.data.summary import plain_summary, summarise
from minbits.errors import MinbitsError
from minbits.types import DataSet

Case = tuple[str, Callable[[], DataSet]]

CELLS = {
    "whole numbers": [str(i % 7) for i in range(24)],
    "sorted numbers": [str(i) for i in range(24)],
    "fractions": [f"{i / 3:.2f}" for i in range(24)],
    "huge numbers": [f"{i}e{300 - i}" for i in range(24)],
    "infinite": ["inf"] * 24,
    "text": ["xyz"[i % 3] for i in range(24)],
    "names": [f"name {i}" for i in range(24)],
    "sentences": [f"this is the free text of row {i}" for i in range(24)],
    "dates": [f"2020-01-{i + 1:02d}" for i in range(24)],
    "times": [f"{i:02d}:30" for i in range(24)],
    "decimal comma": [f"{i},5" for i in range(24)],
    "thousands": [f"{i},000" for i in range(1, 25)],
    "percent": [f"{i} %" for i in range(24)],
    "money": [f"${i}.50" for i in range(24)],
    "hex": [hex(i) for i in range(24)],
    "mixed": ["1", "two", "3"] * 8,
    "mixed notations": ["$1", "2 %", "0x3"] * 8,
    "missing": [""] * 24,
    "mostly missing": ["", "NA", "?", "5"] * 6,
    "constant": ["1"] * 24,
    "booleans": ["True", "False"] * 12,
    "quotes": ['"a ""b"", c"', "'d'"] * 12,
    "markup": ["[red]x[/red]", "\x1b[31my", "\u202ez"] * 8,
    "emoji": ["😀", "é", "日本"] * 8,
    "pairs": [f"v{i // 2}" for i in range(24)],
}
LABELS = {
    "label": ["a", "b"] * 12,
    "class": [str(i % 3) for i in range(24)],
    "last": [str(i % 2) for i in range(24)],
    "target": [f"{i}.5" for i in range(24)],
    "number": [str(i * 1000) for i in range(24)],
    "y": ["a"] * 23 + ["b"],
    "species": ["a"] * 24,
    "big": [str(2**60 + i % 2) for i in range(24)],
}


def table(columns: dict[str, list[str]], delimiter: str, header: bool) -> str:
    def cell(text: str) -> str:
        is_plain = delimiter not in text or text.startswith('"')
        return text if is_plain else f'"{text}"'

    rows = [list(columns)] if header else []
    rows += [list(row) for row in zip(*columns.values(), strict=True)]
    return "\n".join(delimiter.join(map(cell, row)) for row in rows) + "\n"


def text_tables(folder: Path) -> Iterator[Case]:
    """Each kind of column beside each kind of label, in forms that take turns."""
    forms = itertools.cycle(itertools.product(",;\t| ", (True, False), ("", ".gz"), range(3)))
    for number, (cells, label) in enumerate(itertools.product(CELLS, LABELS)):
        delimiter, header, zipped, encoding = next(forms)
        content = table({cells: CELLS[cells], label: LABELS[label]}, delimiter, header)
        raw = content.encode(("utf-8", "utf-8-sig", "utf-16")[encoding])
        path = folder / f"{number}.csv{zipped}"
        path.write_bytes(gzip.compress(raw, 1) if zipped else raw)
        options = {"encoding": "utf-16"} if encoding == 2 else {}
        yield f"{cells}, {label}, {delimiter!r}", lambda p=path, o=options: load(p, **o)


def broken_texts(folder: Path) -> Iterator[Case]:
    texts = [
        "", "\n", "a", "a,b", "a,b\n", ",\n,\n", "a,a\n1,2\n", "a,label\n1\n", "a,label\n1,2,3\n",
        "label\nx\ny\n", '"', '"a,label\n1,x\n', "a,label\r1,x\r2,y\r", "a b\n1 x\n2 y\n3 x\n4 y\n",
        "a,label\n" + "\n" * 9 + "1,x\n", "\x00,label\n1,x\n", "a,label\n1,\x00\n",
        "a,label\n" + "1,x\n" * 3 + "2,y\n", "1,2\n3,4\n", "1,2\n3,x\n", ";;;;\n;;;;\n", "{}",
        "<x/>",
    ]  # fmt: skip
    options = [
        {}, {"header": False}, {"header": True}, {"drop": ["a"]}, {"drop_missing": True},
        {"drop_rare": True}, {"decimal": ","}, {"shape": "1x1"}, {"label": "a"},
        {"categorical": ["label"]},
    ]  # fmt: skip
    for number, (text, option) in enumerate(itertools.product(texts, options)):
        path = folder / f"b{number % len(texts)}.csv"
        yield f"{text!r} {option}", lambda p=path, t=text, o=option: write_and_load(p, t, o)


def write_and_load(path: Path, text: str, options: dict[str, object]) -> DataSet:
    path.write_text(text)
    return load(path, **options)


def other_tables(folder: Path) -> Iterator[Case]:
    lines = [
        [{"a": i, "label": i % 2} for i in range(9)], [{"a": [1]}], [{}], [[]], ["x"], [1], [None],
        [{"a": {"b": 1}, "label": 1}], [{"a": None, "label": "x"}] * 4, [{"label": True}] * 3,
        [{"a": i} if i % 2 else {"label": i} for i in range(9)], [{"\ud800": 1, "label": 2}],
        [{"a": 1e999, "label": 0}, {"a": 2, "label": 1}],
        [{"a": "\ud800", "label": i} for i in "xxyy"],
    ]  # fmt: skip
    for number, rows in enumerate(lines):
        path = folder / f"{number}.jsonl"
        text = "\n".join(map(json.dumps, rows))
        yield f"JSON {rows[:1]}", lambda p=path, t=text: write_and_load(p, t, {})
    for number, text in enumerate(["{", "nul", "[" * 10_000, '{"a":1}{"a":2}', "\ufeff{}"]):
        path = folder / f"n{number}.jsonl"
        yield f"JSON {text[:9]}", lambda p=path, t=text: write_and_load(p, t, {})
    head = "@relation r\n@attribute a numeric\n@attribute class {x,y}\n@data\n"
    bodies = [
        "1,x\n2,y\n" * 4, "1,z\n", "1\n", "{0 1}\n", "?,x\n?,y\n" * 3, "a,x\n", "", "1,x\n'2,y\n",
    ]  # fmt: skip
    for number, text in enumerate([*(head + body for body in bodies), "", "@data\n", "@x\n", "%"]):
        path = folder / f"{number}.arff"
        yield f"ARFF {text[-20:]!r}", lambda p=path, t=text: write_and_load(p, t, {})


def in_memory(folder: Path) -> Iterator[Case]:
    inputs: list[object] = [
        np.zeros((12, 3)), np.arange(36.0).reshape(12, 3), np.ones((12, 3), bool), np.zeros(12),
        np.zeros((12, 0)), np.zeros((0, 3)), np.zeros((12, 2, 2)),
        np.zeros((12, 2, 2, 3), np.uint8),
        np.zeros((12, 2, 2, 2, 2)), np.full((12, 2), np.nan), np.full((12, 2), 1e300),
        [[1, 2]] * 12,
        np.full((12, 2), "x"), np.full((12, 2), None), np.zeros((11, 2)),
        np.zeros((12, 2), complex),
        np.zeros((12, 2), np.float16), np.zeros((12, 2), "M8[s]"), [[1], [1, 2]],
    ]  # fmt: skip
    labels: list[object] = [
        np.arange(12) % 2, np.arange(12), np.arange(12) / 2, np.eye(12)[np.arange(12) % 3],
        (np.arange(12) % 2)[:, None], ["a", "b"] * 6, [None] * 12, [True, False] * 6, np.zeros(12),
        ["a", 1] * 6, np.zeros((12, 2)),
    ]  # fmt: skip
    for x, y in itertools.product(inputs, labels):
        name = f"{np.shape(x) if isinstance(x, np.ndarray) else x!r} {y!r}"
        yield name, lambda x=x, y=y: from_arrays(x, y)  # type: ignore[arg-type]


def archives(folder: Path) -> Iterator[Case]:
    x, y = np.arange(48.0).reshape(24, 2), np.arange(24) % 2
    names = [
        ("x", "y"), ("X", "Y"), ("images", "labels"), ("data", "target"), ("a", "b"), ("x",),
        ("arr_0", "arr_1"), ("arr_0",), ("arr_0", "arr_1", "arr_2"), ("x", "data", "y"),
        ("train_images", "train_labels", "test_images", "test_labels"), ("X_train", "y_train"),
        ("x_train", "y_train", "x_val", "y_val"), ("x_train", "y_train", "x_test"), (),
        ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"), ("trainX", "trainY"),
        ("arr_0", "arr_1", "arr_2", "arr_3"), ("x", "y", "names"), ("x_test", "y_test"),
    ]  # fmt: skip
    for number, keys in enumerate(names):
        path = folder / f"{number}.npz"
        is_label = [key.lower().strip("_").endswith(("y", "s", "t", "1")) for key in keys]
        held = {key: y if last else x for key, last in zip(keys, is_label, strict=True)}
        np.savez(path, **held)
        for options in ({}, {"shape": "1x2"}, {"shape": "3x3"}, {"drop_rare": True}):
            yield f"npz {keys} {options}", lambda p=path, o=options: load(p, **o)


def picture_folders(folder: Path) -> Iterator[Case]:
    generator = np.random.default_rng(0)
    layouts = [
        ["cat/0", "cat/1", "cat/2", "dog/0", "dog/1", "dog/2"],
        ["Train/cat/0", "Train/cat/1", "Train/dog/0", "Train/dog/1", "TEST/cat/0", "TEST/dog/0"],
        ["set/cat/0", "set/cat/1", "set/dog/0", "set/dog/1"],
        ["cat.0", "cat.1", "dog.0", "dog.1"], ["0_7", "1_7", "2_8", "3_8"], ["x", "y", "z"],
        ["train/cat/0", "train/cat/1", "train/dog/0", "train/dog/1", "test/0", "test/1"],
        ["train/cat/0", "train/cat/1", "train/dog/0", "train/dog/1", "val/cat/0", "val/dog/1"],
        ["cat/0"], ["a/b/c/d/e/0"],
    ]  # fmt: skip
    forms = [
        ("png", (5, 4), {}), ("jpg", (5, 4, 3), {}), ("webp", (5, 4, 3), {"colour": "grey"}),
        ("bmp", (5, 4), {"resize": "3x3"}), ("gif", (5, 4), {"colour": "grey"}),
        ("png", (5, 4, 4), {}), ("png", (5, 4, 4), {"background": "white"}), ("png", (5, 4, 2), {}),
    ]  # fmt: skip
    for number, (layout, form) in enumerate(itertools.product(layouts, forms)):
        suffix, shape, options = form
        place = folder / str(number)
        for name in layout:
            path = place / f"{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(generator.integers(0, 256, shape).astype(np.uint8)).save(path)
        yield f"{layout[0]} {form}", lambda p=place, o=options: load(p, **o)


FAMILIES = (
    (text_tables, 200), (broken_texts, 230), (other_tables, 30), (in_memory, 200), (archives, 80),
    (picture_folders, 80),
)  # fmt: skip


@pytest.mark.parametrize(("family", "least"), FAMILIES, ids=[item[0].__name__ for item in FAMILIES])
def test_odd_inputs_are_described_or_refused(
    tmp_path: Path, family: Callable[[Path], Iterator[Case]], least: int
) -> None:
    answers, refusals = 0, 0
    for name, get in family(tmp_path):
        try:
            found = plain_summary(summarise(get()))
        except MinbitsError as error:
            refusals += 1
            text = str(error)
            assert "got " in text, name
            assert "; expected " in text, name
            assert text.isprintable(), name
        else:
            answers += 1
            assert sum(item["train"] for item in found["classes"]) == found["train_examples"], name
            json.dumps(found, allow_nan=False)
    assert answers + refusals >= least
    assert answers
    assert refusals
