"""Data sets in NumPy's own files: an archive, a matrix, or a folder of arrays left on disk."""

from __future__ import annotations

import dataclasses
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.assemble import Pair, assemble
from minbits.data.labels import check_characters
from minbits.data.limits import check_column_count, check_ratio, rows_at_once
from minbits.data.options import LoadOptions
from minbits.data.reading import reading
from minbits.data.tables import assemble_table
from minbits.data.typed_columns import ColumnTyper, TableBuilder, listed
from minbits.errors import DataError
from minbits.files import open_regular, regular_size
from minbits.types import DataSet

_LAYOUTS = "x and y, or x_train, y_train, x_test and y_test"
_TWO = ("x", "y")
_FOUR = ("x_train", "y_train", "x_test", "y_test")
_CHUNK = 65_536


def _checked_arrays(
    archive: zipfile.ZipFile, path: Path, wanted_names: tuple[str, ...] | None
) -> set[str]:
    """Return the names of the arrays; those that may be read are looked at before.

    Refuses members that unpack to far more than their size, or to another size than they say.
    """
    whole = path.stat().st_size
    names = set()
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        names.add(name)
        if wanted_names is not None and name not in wanted_names:
            continue
        where = f"{path}, array {name}"
        check_ratio(where, min(member.compress_size, whole), member.file_size)
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read(file)
            wanted = math.prod(shape) * dtype.itemsize
            got = member.file_size - file.tell()
        if wanted != got and not dtype.hasobject:
            raise DataError(
                where, f"{got:,} bytes", f"{wanted:,} for shape {shape}", "Save it anew."
            )
    return names


def _layout(names: set[str], path: Path) -> tuple[str, ...]:
    """Return the arrays that are to be read, training before test, inputs before labels."""
    if names >= set(_FOUR):
        return _FOUR
    if names >= set(_TWO):
        return _TWO
    raise DataError(str(path), f"arrays {listed(sorted(names))}", _LAYOUTS, "Rename the arrays.")


def load_npz(path: Path, options: LoadOptions) -> DataSet:
    """Load an ``.npz`` with arrays ``x`` and ``y``, or ``x_train``, ``y_train``, ``x_test`` …

    Pickled objects are refused: reading data never runs code.

    Raises:
        DataError: if the file or an array cannot be read, or the arrays do not fit together.
    """
    options.refuse("an .npz file", "label", "categorical", "resize")
    with reading(path, "an .npz of plain arrays"):
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            names = _layout(_checked_arrays(archive, path, _TWO + _FOUR), path)
        with np.load(path, allow_pickle=False) as arrays:
            found = [arrays[name] for name in names]
    train: Pair = (found[0], found[1])
    test: Pair | None = (found[2], found[3]) if len(found) == len(_FOUR) else None
    return assemble(path.stem, train, test, where=str(path), origin=f"file {path.name}")


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return all arrays of an ``.npz`` by name.

    Raises:
        DataError: if the file or an array cannot be read.
    """
    with reading(path, "an .npz of plain arrays"):
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            _checked_arrays(archive, path, None)
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)


def map_npy(path: Path) -> npt.NDArray[Any]:
    """Return the array of an ``.npy`` file, left on disk until its rows are asked for."""
    with reading(path, "an .npy of a plain array"):
        regular_size(path)
        return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))


def is_array_folder(path: Path) -> bool:
    """Return whether a folder holds arrays ``x.npy`` and ``y.npy``, or the four of a split."""
    return any((path / name).is_file() for name in ("x.npy", "x_train.npy"))


def load_array_folder(path: Path, options: LoadOptions) -> DataSet:
    """Load a folder of ``x.npy`` and ``y.npy``, or ``x_train.npy``, ``y_train.npy`` and so on.

    Inputs of bytes or float32 with a test set of their own are never copied: they stay on disk, so
    that they may be larger than memory.

    Raises:
        DataError: if a file is missing or broken, or the arrays do not fit together.
    """
    options.refuse("a folder of arrays", "label", "categorical", "resize")
    name = path.resolve().name

    def pair(suffix: str) -> Pair:
        return (map_npy(path / f"x{suffix}.npy"), np.asarray(map_npy(path / f"y{suffix}.npy")))

    whole = not (path / "x_train.npy").is_file()
    train, test = (pair(""), None) if whole else (pair("_train"), pair("_test"))
    return assemble(name, train, test, where=str(path), origin=f"folder {name}")


def load_npy(path: Path, options: LoadOptions) -> DataSet:
    """Load an ``.npy`` that is a matrix, or has named fields; one column holds the labels.

    Raises:
        DataError: if the file cannot be read, is no table, or labels cannot be used.
    """
    options.refuse("an .npy file", "resize")
    where = str(path)
    array = map_npy(path)
    fields = array.dtype.names
    is_matrix = fields is None and array.ndim == 2 and array.dtype.kind in "buif"
    if not is_matrix and (fields is None or array.ndim != 1):
        raise DataError(
            where,
            f"an array of shape {array.shape} and type {array.dtype}",
            "a matrix of numbers with a label column, or named fields",
            "Put images and labels in an .npz as x and y.",
        )
    if fields is None:
        check_column_count(where, array.shape[1])
    names = list(fields or [f"column {index + 1}" for index in range(array.shape[1])])
    builder = TableBuilder(names, options.categorical, options.label, where)
    chunk_rows = rows_at_once(len(names), _CHUNK)
    for start in range(0, len(array), chunk_rows):
        rows = array[start : start + chunk_rows]
        block = []
        for index, typer in enumerate(builder.typers):
            values = rows[names[index]] if fields else rows[:, index]
            block.append(_add_column(typer, np.asarray(values), where, start + 1))
        builder.add_block(block)
    columns, train, test, label = builder.finish(None, where, header_rows=0)
    origin = f"file {path.name}, label column '{label}'"
    found = assemble_table(path.stem, columns, train, test, where, origin)
    return dataclasses.replace(found, label_column=label)


def _add_column(
    typer: ColumnTyper, values: npt.NDArray[Any], where: str, first_row: int
) -> npt.NDArray[np.float64]:
    """Return the values of some rows of a column, of any type of numbers or text."""
    kind = values.dtype.kind
    place = f"{where}, column '{typer.name}'"
    if values.ndim != 1 or kind not in "buifUS":
        what = f"the type {values.dtype}" if values.ndim == 1 else "several values a row"
        raise DataError(place, what, "numbers or text, one a row", "Drop the column.")
    if kind == "S":
        try:
            texts = [text.decode("utf-8") for text in values.tolist()]
        except UnicodeDecodeError as error:
            raise DataError(place, "bytes that are not UTF-8", "text", "Convert it.") from error
        return typer.add_text(texts, where, first_row)
    if kind == "U":
        return typer.add_text(check_characters(values, place).tolist(), where, first_row)
    with np.errstate(over="ignore"):  # beyond float64 is infinite, which is refused
        rounded = values.astype(np.float64)
    if typer.is_label and not typer.declared and values.dtype.itemsize > rounded.dtype.itemsize:
        changed = np.flatnonzero((rounded != values) & (rounded == np.floor(rounded)))
        if len(changed):
            first = int(changed[0])
            raise typer.inexact(where, first_row + first, str(values[first]))
    # Integers and longer floats hold numbers that float64 does not.
    is_exact = kind == "f" and values.dtype.itemsize <= rounded.dtype.itemsize
    exact = None if is_exact or kind == "b" else lambda: _number_texts(values)
    return typer.add_numbers(rounded, where, first_row, exact)


def _number_texts(values: npt.NDArray[Any]) -> list[str]:
    """Return numbers as text that tells all of them apart, empty for NaN."""
    missing = np.isnan(values)
    return ["" if gap else str(value) for gap, value in zip(missing, values, strict=True)]
