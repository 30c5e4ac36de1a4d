"""Data sets in NumPy's own files: an archive, a matrix, or a folder of arrays left on disk."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.array_names import ArrayLayout, find_layout, may_be_read
from minbits.data.array_pairs import ArraySource, layout_data_set
from minbits.data.labels import check_characters
from minbits.data.limits import check_column_count, check_ratio, rows_at_once
from minbits.data.options import ARRAY, TABLE, LoadOptions
from minbits.data.reading import reading
from minbits.data.table_builder import TableBuilder, table_data_set
from minbits.data.typed_columns import ColumnTyper
from minbits.errors import DataError
from minbits.files import open_regular, regular_size
from minbits.types import DataSet

_CHUNK = 65_536


def _checked_dimensions(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str, whole: int
) -> int:
    """Return the number of an array's axes.

    Refuses one that unpacks to far more than its size, or to another size than it says.
    """
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
        raise DataError(where, f"{got:,} bytes", f"{wanted:,} for shape {shape}", "Save it anew.")
    return len(shape)


def _layout(archive: zipfile.ZipFile, path: Path) -> ArrayLayout:
    """Return the arrays that are to be read; those that may be are looked at before."""
    whole = path.stat().st_size
    names = {item.filename.removesuffix(".npy"): item for item in archive.infolist()}
    dimensions = {
        name: _checked_dimensions(archive, member, f"{path}, array {name}", whole)
        for name, member in names.items()
        if may_be_read(name)
    }
    return find_layout(names, dimensions.__getitem__, str(path))


def load_npz(path: Path, options: LoadOptions) -> DataSet:
    """Load an ``.npz`` with arrays of inputs and labels, split or not (`find_layout`).

    Pickled objects are refused: reading data never runs code.

    Raises:
        DataError: if the file or an array cannot be read, or the arrays do not fit together.
    """
    options.only("an .npz file", *ARRAY)
    with reading(path, "an .npz of plain arrays"):
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            layout = _layout(archive, path)
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in layout.names}
    source = ArraySource(path.stem, str(path), f"file {path.name}")
    return layout_data_set(source, found, layout, options)


def read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return all arrays of an ``.npz`` by name.

    Raises:
        DataError: if the file or an array cannot be read.
    """
    with reading(path, "an .npz of plain arrays"):
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            whole = path.stat().st_size
            for item in archive.infolist():
                _checked_dimensions(archive, item, f"{path}, array {item.filename}", whole)
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)


def map_npy(path: Path) -> npt.NDArray[Any]:
    """Return the array of an ``.npy`` file, left on disk until its rows are asked for."""
    with reading(path, "an .npy of a plain array"):
        regular_size(path)
        return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _array_files(path: Path) -> dict[str, Path]:
    return {item.stem: item for item in path.iterdir() if item.suffix.lower() == ".npy"}


def is_array_folder(path: Path) -> bool:
    """Return whether a folder holds ``.npy`` files whose names say what they are."""
    return path.is_dir() and any(map(may_be_read, _array_files(path)))


def load_array_folder(path: Path, options: LoadOptions) -> DataSet:
    """Load a folder of ``x.npy`` and ``y.npy``, or ``x_train.npy``, ``y_train.npy`` and so on.

    Inputs of bytes or float32 with a test set of their own are never copied: they stay on disk, so
    that they may be larger than memory.

    Raises:
        DataError: if a file is missing or broken, or the arrays do not fit together.
    """
    options.only("a folder of arrays", *ARRAY)
    name = path.resolve().name
    files = _array_files(path)
    layout = find_layout(files, lambda key: map_npy(files[key]).ndim, str(path), ".npy")
    labels = {pair[1] for pair in (layout.train, layout.test, layout.validation) if pair}
    mapped = {key: map_npy(files[key]) for key in layout.names}
    found = {key: np.asarray(item) if key in labels else item for key, item in mapped.items()}
    source = ArraySource(name, str(path), f"folder {name}")
    return layout_data_set(source, found, layout, options)


def load_npy(path: Path, options: LoadOptions) -> DataSet:
    """Load an ``.npy`` that is a matrix, or has named fields; one column holds the labels.

    Raises:
        DataError: if the file cannot be read, is no table, or labels cannot be used.
    """
    options.only("an .npy file", *TABLE)
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
    builder = TableBuilder(names, options, where, has_header=fields is not None)
    chunk_rows = rows_at_once(len(names), _CHUNK)
    for start in range(0, len(array), chunk_rows):
        part = array[start : start + chunk_rows]
        _add_rows(builder, part, where, range(start + 1, start + 1 + len(part)))
    read = builder.finish(None, where)
    return table_data_set(path.stem, read, options, where, f"file {path.name}")


def _add_rows(builder: TableBuilder, part: npt.NDArray[Any], where: str, rows: range) -> None:
    def values(typer: ColumnTyper) -> npt.NDArray[np.float64]:
        found = part[typer.name] if part.dtype.names else part[:, typer.place]
        return _add_column(typer, np.asarray(found), where, rows)

    builder.add(values, where, rows)


def _add_column(
    typer: ColumnTyper, values: npt.NDArray[Any], where: str, rows: range
) -> npt.NDArray[np.float64]:
    """Return the values of some rows of a column, of any type of numbers or text."""
    kind = values.dtype.kind
    place = f"{where}, column '{typer.name}'"
    if values.ndim != 1 or kind not in "buifUS":
        what = f"the type {values.dtype}" if values.ndim == 1 else "several values a row"
        raise DataError(
            place, what, "numbers or text, one a row", f"Leave it out with `drop` '{typer.name}'."
        )
    if kind == "S":
        try:
            texts = [text.decode("utf-8") for text in values.tolist()]
        except UnicodeDecodeError as error:
            raise DataError(place, "bytes that are not UTF-8", "text", "Convert it.") from error
        return typer.add_text(texts, where, rows)
    if kind == "U":
        return typer.add_text(check_characters(values, place).tolist(), where, rows)
    with np.errstate(over="ignore"):  # beyond float64 is infinite, which is refused
        rounded = values.astype(np.float64)
    if typer.may_be_label and not typer.declared and values.dtype.itemsize > rounded.dtype.itemsize:
        changed = np.flatnonzero((rounded != values) & (rounded == np.floor(rounded)))
        if len(changed):
            first = int(changed[0])
            typer.note_inexact(where, rows[first], str(values[first]))
    # Integers and longer floats hold numbers that float64 does not.
    is_exact = kind == "f" and values.dtype.itemsize <= rounded.dtype.itemsize
    exact = None if is_exact or kind == "b" else lambda: _number_texts(values)
    return typer.add_numbers(rounded, where, rows, exact)


def _number_texts(values: npt.NDArray[Any]) -> list[str]:
    """Return numbers as text that tells all of them apart, empty for NaN."""
    missing = np.isnan(values)
    return ["" if gap else str(value) for gap, value in zip(missing, values, strict=True)]
