"""Data sets in one NumPy archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from minbits.data.assemble import Pair, assemble, read_failure
from minbits.errors import DataError
from minbits.records import DataSet

_LAYOUTS = "x and y, or x_train, y_train, x_test and y_test"


def load_npz(path: Path) -> DataSet:
    """Load an ``.npz`` with arrays ``x`` and ``y``, or ``x_train``, ``y_train``, ``x_test`` …

    Pickled objects are refused: reading data never runs code.

    Raises:
        DataError: if the file or an array cannot be read, or the arrays do not fit together.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = set(archive.files)
            if {"x_train", "y_train", "x_test", "y_test"} <= names:
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
        raise _not_an_archive(path, error) from error
    except (ValueError, zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise _not_an_archive(path, error) from error
    return assemble(path.stem, train, test, where=str(path), origin=f"file {path.name}")


def _not_an_archive(path: Path, error: Exception) -> DataError:
    return DataError(
        str(path), f"an unreadable file ({error})", "an .npz of plain arrays", "Save it anew."
    )
