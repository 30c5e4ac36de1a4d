"""Data sets in NumPy's own files: an archive, a matrix, or a folder of arrays left on disk."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.assemble import Pair, assemble, read_failure
from minbits.data.limits import check_ratio
from minbits.data.options import LoadOptions
from minbits.data.tables import assemble_table
from minbits.data.typed_columns import TableBuilder
from minbits.errors import DataError
from minbits.records import DataSet

_LAYOUTS = "x and y, or x_train, y_train, x_test and y_test"
_FOUR = {"x_train", "y_train", "x_test", "y_test"}
_CHUNK = 65_536


def _check_archive(path: Path) -> None:
    """Refuse members that unpack to far more than their size, or to another size than they say."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            where = f"{path}, array {member.filename.removesuffix('.npy')}"
            check_ratio(where, member.compress_size, member.file_size)
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


def load_npz(path: Path, options: LoadOptions) -> DataSet:
    """Load an ``.npz`` with arrays ``x`` and ``y``, or ``x_train``, ``y_train``, ``x_test`` …

    Pickled objects are refused: reading data never runs code.

    Raises:
        DataError: if the file or an array cannot be read, or the arrays do not fit together.
    """
    options.refuse("an .npz file", "label", "categorical", "resize")
    try:
        _check_archive(path)
        with np.load(path, allow_pickle=False) as archive:
            names = set(archive.files)
            if names >= _FOUR:
                train: Pair = (archive["x_train"], archive["y_train"])
                test: Pair | None = (archive["x_test"], archive["y_test"])
            elif {"x", "y"} <= names:
                train, test = (archive["x"], archive["y"]), None
            else:
                found = ", ".join(sorted(names)) or "none"
                raise DataError(str(path), f"arrays {found}", _LAYOUTS, "Rename the arrays.")
    except OSError as error:
        if error.strerror:
            raise read_failure(path, error) from error
        raise _unreadable(path, error, "an .npz of plain arrays") from error
    except (ValueError, zipfile.BadZipFile, EOFError, AttributeError, zlib.error) as error:
        raise _unreadable(path, error, "an .npz of plain arrays") from error
    return assemble(path.stem, train, test, where=str(path), origin=f"file {path.name}")


def _unreadable(path: Path, error: Exception, expected: str) -> DataError:
    return DataError(str(path), f"an unreadable file ({error})", expected, "Save it anew.")


def _map(path: Path) -> npt.NDArray[Any]:
    """Return the array of an ``.npy`` file, left on disk until its rows are asked for."""
    try:
        return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except OSError as error:
        if error.strerror:
            raise read_failure(path, error) from error
        raise _unreadable(path, error, "an .npy of a plain array") from error
    except (ValueError, EOFError) as error:
        raise _unreadable(path, error, "an .npy of a plain array") from error


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
        return (_map(path / f"x{suffix}.npy"), np.asarray(_map(path / f"y{suffix}.npy")))

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
    array = _map(path)
    fields = array.dtype.names
    if fields is None and (array.ndim != 2 or array.dtype.kind not in "buif"):
        raise DataError(
            where,
            f"an array of shape {array.shape} and type {array.dtype}",
            "a matrix of numbers with a label column, or named fields",
            "Put images and labels in an .npz as x and y.",
        )
    names = list(fields or [f"column {index + 1}" for index in range(array.shape[1])])
    builder = TableBuilder(names, options.categorical, where)
    for start in range(0, len(array), _CHUNK):
        rows = array[start : start + _CHUNK]
        block = []
        for index, typer in enumerate(builder.typers):
            values = rows[names[index]] if fields else rows[:, index]
            if values.dtype.kind in "buif":
                numbers = np.asarray(values, np.float64)
                block.append(typer.add_numbers(numbers, where, start + 1))
            elif values.dtype.kind in "US":
                texts = [str(text) for text in np.asarray(values, np.str_)]
                block.append(typer.add_text(texts, where, start + 1))
            else:
                raise DataError(
                    f"{where}, column '{names[index]}'",
                    f"the type {values.dtype}",
                    "numbers or text",
                    "Drop the column.",
                )
        builder.add_block(block)
    columns, train, test, label = builder.finish(options.label, None, where, header_rows=0)
    origin = f"file {path.name}, label column '{label}'"
    return assemble_table(path.stem, columns, train, test, where, origin)
