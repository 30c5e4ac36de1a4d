"""ARFF, the format of Weka and OpenML: a schema, then comma-separated values."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minbits.data.options import TABLE, LoadOptions
from minbits.data.reading import extra_module
from minbits.data.table_builder import TableBuilder, table_data_set
from minbits.data.text_lines import CountedLines, open_text, stem_of
from minbits.data.text_rows import TextRow, add_rows
from minbits.errors import DataError
from minbits.types import DataSet

# It counts lines in its own way, or not at all.
_ITS_LINE = re.compile(r",? (?:at|in) line -?\d+[.:]?")


@contextlib.contextmanager
def _decoding(lines: CountedLines) -> Iterator[None]:
    """Turn what the decoder makes of a bad line into a `DataError`."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # its own kinds, and what Python says of a bad number
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{lines.where}, row {max(1, lines.row - 1)}", _ITS_LINE.sub("", reason),
            "ARFF with dense rows", "Mend it, or write the table as CSV.",
        ) from error  # fmt: skip


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _rows(data: Iterator[list[Any]], lines: CountedLines) -> Iterator[TextRow]:
    while True:
        with _decoding(lines):
            values = next(data, None)
        if values is None:
            return
        yield TextRow(lines.row - 1, [_text(value) for value in values])


def load_arff(path: Path, options: LoadOptions) -> DataSet:
    """Load an ARFF file; the schema says which columns are categories.

    Raises:
        DataError: if the file cannot be read or is sparse, or as `load_csv` does.
    """
    where = str(path)
    options.only("an ARFF file", *TABLE, "encoding")
    arff = extra_module("arff", "liac-arff", "arff", where)
    with open_text(path, options.encoding) as file:
        lines = CountedLines(file, where, options.encoding)
        with _decoding(lines):
            found = arff.load(lines, return_type=arff.DENSE_GEN)
        kinds = {str(name): kind for name, kind in found["attributes"]}
        texts = [name for name, kind in kinds.items() if isinstance(kind, list) or kind == "STRING"]
        builder = TableBuilder(list(kinds), options, where, texts=texts)
        add_rows(builder, _rows(iter(found["data"]), lines), where)
    read = builder.finish(None, where)
    return table_data_set(stem_of(path), read, options, where, f"file {path.name}")
