"""The shortest real code of a data set's labels that a ledger knows: the X of its diagram."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

from minbits.checked_json import Fields
from minbits.claims.measured_file import figures_of
from minbits.ledger.queries import LedgerReader
from minbits.ledger.rows import Row
from minbits.studies.kept import CODELENGTH, DIAGRAM_FIGURES, KnownLabelCode

_log = logging.getLogger(__name__)


def shortest_label_code(ledger: LedgerReader, data_digest: str) -> KnownLabelCode | None:
    """Return the shortest code that was written and decoded; None where there is none.

    A row that does not hold what it should is passed over with a warning.

    Args:
        ledger: with the rows of `minbits codelength` and `minbits diagram DATA`.
        data_digest: of the data set.
    """
    found: list[KnownLabelCode] = []
    for study, codes_of in ((CODELENGTH, _codes), (DIAGRAM_FIGURES, _figure)):
        for row in ledger.measurements(data_digest, study):
            try:
                found += codes_of(row)
            except ValueError as error:  # JsonError is one
                _log.warning("measurement %s of the ledger is passed over: %s", row["id"], error)
    return min(found, key=lambda item: item.size_bits, default=None)


def codes_in(row: Row) -> Iterator[tuple[Fields, bool]]:
    """Yield what a row of code lengths says of each code, and whether it was written to a file.

    Raises:
        JsonError: if the row holds no codes.
    """
    for plain in Fields(json.loads(row["result"])).items("codes"):
        fields = Fields(plain, "codes.")
        yield fields, fields.get("size_bits") is not None  # else a length alone


def _codes(row: Row) -> Iterator[KnownLabelCode]:
    for fields, is_file in codes_in(row):
        if is_file:
            yield KnownLabelCode(
                fields.text("code"), fields.count("size_bits"), fields.text("method")
            )


def _figure(row: Row) -> Iterator[KnownLabelCode]:
    measured = figures_of(json.loads(row["result"])).x.get("label_code_bits")
    if measured is not None:
        yield KnownLabelCode(measured.method.split()[0], round(measured.value), measured.method)
