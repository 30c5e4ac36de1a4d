"""How commands name a data set: a name or a path, and what to know about a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from minbits.data import load
from minbits.jobs.shared_options import Origin
from minbits.requests import Request, option
from minbits.types import DataSet

DataArgument = Annotated[
    str,
    typer.Argument(
        help=(
            "A name (mnist, digits, iris, wine, breast_cancer, mnist1d, parity, majority, xor, "
            "teacher, random-labels), a .csv, .parquet, .npz or .npy file, or a folder of images, "
            "arrays or IDX files."
        )
    ),
]


@dataclass(frozen=True, kw_only=True)
class DataOptions(Request):
    """What is to be known of a file of data."""

    label: str | None = option(
        None, "The label column of a table.", shown="label, class, target or y, or else the last"
    )
    categorical: tuple[str, ...] = option(
        (), "A column of numbers to be read as categories; may be repeated."
    )
    resize: str | None = option(
        None,
        "HEIGHTxWIDTH that images of a folder are brought to, such as 28x28.",
        shown="as they are",
    )

    def load(self, source: str) -> DataSet:
        """Return the data set of a name or a path."""
        return load(source, label=self.label, categorical=self.categorical, resize=self.resize)

    def origin(self, source: str | None) -> Origin:
        """Return where a data set is read, for a job that must not write over it."""
        return Origin(self.label, () if source is None else (Path(source),))
