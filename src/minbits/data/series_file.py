"""Labelled time series in ``.ts`` files: a header of @ lines, then one example a line.

The format of the UEA and UCR archive (https://www.timeseriesclassification.com), which sktime and
aeon read too: values are separated by commas, dimensions by colons, and the class stands behind
the last colon.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from minbits.data.array_pairs import ArraySource, pair_data_set
from minbits.data.assemble import Pair
from minbits.data.labels import text_labels
from minbits.data.limits import check_column_count
from minbits.data.options import ROWS, LoadOptions
from minbits.data.text_lines import CountedLines, open_text
from minbits.data.typed_columns import is_number
from minbits.errors import DataError
from minbits.types import DataSet

TRAIN_END, TEST_END = "_TRAIN", "_TEST"
_COMMENTS = ("#", "%")
_YES = "true"


@dataclass(frozen=True)
class _Series:
    """One example.

    Attributes:
        values: shape ``(dimensions, length)``, float64.
        label: its class, as the file has it.
        row: its line in the file.
    """

    values: npt.NDArray[np.float64]
    label: str
    row: int


def load_series(path: Path, options: LoadOptions) -> DataSet:
    """Load a ``.ts`` file; beside ``NAME_TRAIN.ts``, ``NAME_TEST.ts`` is the test set.

    Inputs have the shape ``(examples, dimensions, 1, length)``.

    Raises:
        DataError: if a file cannot be read, has no classes, or its series differ in length.
    """
    options.only("a .ts file", *ROWS)
    name, test = path.stem, None
    if name.endswith(TRAIN_END):
        name = name.removesuffix(TRAIN_END)
        beside = path.with_name(f"{name}{TEST_END}.ts")
        test = beside if beside.exists() else None
    return series_data_set(name, path, test, f"file {path.name}", options)


def series_data_set(
    name: str, train: Path, test: Path | None, origin: str, options: LoadOptions
) -> DataSet:
    """Return the data set of a file, and of one for the test set where there is one.

    Raises:
        DataError: as `load_series` does.
    """
    pair = read_series(train)
    test_pair = None if test is None else read_series(test, pair[0].shape[1:])
    source = ArraySource(name, str(train), origin, channels_first=True)
    return pair_data_set(source, pair, test_pair, options)


def read_series(path: Path, shape: tuple[int, ...] | None = None) -> Pair:
    """Return inputs ``(examples, dimensions, 1, length)`` and labels, as text, of a file.

    Args:
        path: of the file.
        shape: of an example, ``(dimensions, 1, length)``; None where the first one decides.

    Raises:
        DataError: if the file cannot be read, has no classes, or its series differ in length.
    """
    where = str(path)
    inputs: list[npt.NDArray[np.float32]] = []
    labels: list[str] = []
    with open_text(path, "utf-8") as file:
        for series in _examples(CountedLines(file, where)):
            found = (series.values.shape[0], 1, series.values.shape[1])
            shape = shape or found
            if found != shape:
                raise DataError(
                    f"{where}, row {series.row}", f"a series of {_told(found)}",
                    f"{_told(shape)}, as the first example has", "Cut or pad all to one length.",
                )  # fmt: skip
            inputs.append(series.values.astype(np.float32)[:, None])
            labels.append(series.label)
    if not inputs:
        raise DataError(where, "no example", "lines of values behind @data", "Check the file.")
    return np.stack(inputs), text_labels(labels, where)


def _told(shape: tuple[int, ...]) -> str:
    dimensions, _, length = shape
    return f"{dimensions:,} x {length:,} values" if dimensions > 1 else f"{length:,} values"


def _examples(lines: CountedLines) -> Iterator[_Series]:
    """Read the header, then yield every example."""
    _read_header(lines)
    for line in lines:
        text = line.strip()
        if text and not text.startswith(_COMMENTS):
            yield _example(text, lines.where, lines.row - 1)


def _read_header(lines: CountedLines) -> None:
    """Read up to ``@data``, and refuse what the header says that cannot be used."""
    has_classes = False
    for line in lines:
        text = line.strip()
        if not text or text.startswith(_COMMENTS):
            continue
        place = f"{lines.where}, row {lines.row - 1}"
        if not text.startswith("@"):
            break
        key, *words = text[1:].lower().split()
        if key == "data":
            if has_classes:
                return
            raise DataError(
                place, "no line @classLabel true before it", "series with classes",
                "Numbers as targets are not classified: choose another set.",
            )  # fmt: skip
        has_classes = has_classes or (key == "classlabel" and words[:1] == [_YES])
        if key == "timestamps" and words[:1] == [_YES]:
            raise DataError(place, "values with time stamps", "values alone", "Leave them out.")
    raise DataError(lines.where, "no line @data", "a .ts file of time series", "Check the file.")


def _example(text: str, where: str, row: int) -> _Series:
    *dimensions, label = text.split(":")
    place = f"{where}, row {row}"
    if not dimensions or not label.strip():
        raise DataError(
            place, f"'{text[-40:]}' at the end", "values, a colon and the class", "Add the class."
        )
    check_column_count(place, text.count(",") + len(dimensions), "values")
    parts = [_values(part, place) for part in dimensions]
    lengths = sorted({len(part) for part in parts})
    if len(lengths) > 1:
        raise DataError(
            place, f"dimensions of {lengths[0]:,} and of {lengths[-1]:,} values",
            "as many in each", "Cut or pad all to one length.",
        )  # fmt: skip
    return _Series(np.stack(parts), label.strip(), row)


def _values(part: str, place: str) -> npt.NDArray[np.float64]:
    texts = part.split(",")
    bad = next((text for text in texts if not is_number(text)), None)
    if bad is not None:
        raise DataError(
            place, f"'{bad.strip()[:40]}' as a value", "numbers, none missing",
            "Fill the gap, or leave the series out.",
        )  # fmt: skip
    return np.asarray([float(text) for text in texts])
