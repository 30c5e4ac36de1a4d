"""What is found out about a data set itself, kept in the ledger for the report and the diagram.

Such figures are rows of the table of measurements, as those of studies are: ``entropy`` holds the
figures and the ladder of `minbits entropy`, ``codelength`` the code lengths of `minbits
codelength`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minbits.information.entropy_table import EntropyTable
from minbits.ledger.location import LedgerTarget, chosen_ledger, ledger_exists
from minbits.ledger.provenance import Provenance, current_provenance
from minbits.ledger.store import Ledger, MeasurementEntry, open_ledger
from minbits.search.device import device_name
from minbits.studies.kept import ENTROPY
from minbits.types import DataSet, Plain, plain_quantity


class FiguresKeeper:
    """Appends figures of a data set to a ledger.

    That is the ledger that was named, or else the one in the user data directory if there is one:
    a look at a data set makes no ledger that nobody named.

    Args:
        data: the data set.
        study: the kind of figures.
        ledger: that was named; None where none was.
        makes_ledger: whether one that was named is made where there is none.

    Raises:
        LedgerError: if the ledger cannot be opened. It is tried before figures take minutes.
    """

    def __init__(
        self, data: DataSet, study: str, ledger: LedgerTarget | None, makes_ledger: bool = False
    ) -> None:
        self._data, self._study, self._target = data, study, chosen_ledger(ledger)
        self._makes_ledger = makes_ledger and ledger is not None
        if self._is_wanted:
            open_ledger(self._target).close()

    @property
    def _is_wanted(self) -> bool:
        return self._makes_ledger or ledger_exists(self._target)

    def keep(
        self,
        settings: Mapping[str, Plain],
        result: Mapping[str, Any],
        seconds: float,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        """Append one row.

        Args:
            settings: what was asked.
            result: what was found.
            seconds: that it took.
            seed: of what is drawn.
            workers: processes that it ran in.

        Raises:
            LedgerError: if the ledger cannot be written.
        """
        if not self._is_wanted:
            return
        entry = MeasurementEntry(
            self._data, self._study, settings, seed, result, seconds,
            current_provenance(device_name(), workers),
        )  # fmt: skip
        with open_ledger(self._target) as ledger:
            ledger.append_measurements([entry])


def keep_counts(ledger: Ledger, data: DataSet, table: EntropyTable, provenance: Provenance) -> None:
    """Append what counting says of a data set, where the ledger has no entropies of it.

    Raises:
        LedgerError: if the ledger cannot be used.
    """
    if ledger.measurements(data.digest, ENTROPY):
        return
    result = counts_result(data, table)
    entry = MeasurementEntry(data, ENTROPY, {"minutes": 0}, 0, result, 0.0, provenance)
    ledger.append_measurements([entry])


def counts_result(data: DataSet, table: EntropyTable) -> dict[str, Any]:
    """Return what counting says of a data set, as plain values."""
    return {
        "training_examples": len(data.train_labels),
        "test_examples": len(data.test_labels),
        "classes": data.class_count,
        "input_shape": list(data.input_shape),
        "origin": data.origin,
        "figures": [plain_quantity(figure) for figure in table.figures],
    }
