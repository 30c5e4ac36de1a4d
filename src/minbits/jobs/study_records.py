"""Rows of studies in a file of their own: a study goes on where its ledger was lost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from minbits.ledger.location import LedgerTarget
from minbits.ledger.rows import Row
from minbits.ledger.store import open_ledger, read_ledger
from minbits.ledger.table_files import import_parquet, write_table


@dataclass(frozen=True)
class StudyRecords:
    """What a ledger knows of some studies on a data set, also kept as a table in Parquet.

    `take` comes first: `write` replaces the file by what the ledger has.

    Attributes:
        path: the file, ``*.parquet``.
        ledger: the ledger's path or URL.
        data_digest: of the data set.
        studies: their keys.
    """

    path: Path
    ledger: LedgerTarget
    data_digest: str
    studies: Collection[str]

    def take(self) -> int:
        """Append the rows of the file that the ledger does not have; return how many these were.

        A ledger is made where there is none. A file that does not exist holds no rows.

        Raises:
            LedgerError: if the ledger cannot be used, or the file or one of its rows is bad.
        """
        with open_ledger(self.ledger) as ledger:
            if not self.path.exists():
                return 0
            return import_parquet(self.path, ledger).new["measurements"]

    def write(self) -> int:
        """Write the rows of the ledger to the file, at once or not at all; return how many.

        Raises:
            LedgerError: if the ledger cannot be read.
            OutputError: if the file cannot be written.
        """

        def is_wanted(row: Row) -> bool:
            return row["data_digest"] == self.data_digest and row["study"] in self.studies

        self.path.parent.mkdir(parents=True, exist_ok=True)
        with read_ledger(self.ledger) as ledger:
            return write_table(ledger, "measurements", self.path, is_wanted)
