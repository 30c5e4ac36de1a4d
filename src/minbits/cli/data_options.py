"""How commands name a data set: a name or a path, and what to know about a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from minbits.data import load
from minbits.data.options import LoadOptions
from minbits.jobs.shared_options import Origin
from minbits.types import DataSet

DataArgument = Annotated[
    str,
    typer.Argument(
        help=(
            "A name (mnist, digits, iris, wine, breast_cancer, mnist1d, parity, majority, xor, "
            "teacher, random-labels), or one of two parts (parity:8, keel:letter), a .csv, .tsv, "
            ".xlsx, .parquet, .arff, .jsonl, .npz or .npy file, or a folder of images, arrays, IDX "
            "files, or train.csv and test.csv."
        )
    ),
]


@dataclass(frozen=True, kw_only=True)
class DataOptions(LoadOptions):
    """What is to be known of data, at the command line."""

    def load(self, source: str) -> DataSet:
        """Return the data set of a name or a path."""
        return load(source, **vars(self))

    def origin(self, source: str | None) -> Origin:
        """Return where a data set is read, for a job that must not write over it."""
        return Origin(self.label, () if source is None else (Path(source),))
