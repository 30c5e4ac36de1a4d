"""A whole ledger as JSON lines: rows of all tables, and the files as base64 (docs/ledger.md)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from minbits.errors import LedgerError
from minbits.files import atomic_file, sha256_hex
from minbits.ledger.config_check import parse_json
from minbits.ledger.exchange import Taken, take
from minbits.ledger.migrate import current_version, known_versions
from minbits.ledger.queries import LedgerReader
from minbits.ledger.rows import Row
from minbits.ledger.schema import ARTIFACTS, TABLES, TRAINING_COUNTS, TRIALS
from minbits.ledger.shown import shown
from minbits.ledger.source import Found, RowsOf
from minbits.ledger.store import Ledger

_VERSION = "minbits_ledger"
# Exports exist since this version; files of older ones were never written.
_FIRST_VERSION = "0002"
# A line is read as a whole: a network file of 96 MiB fits into one.
_MAX_LINE_BYTES = 2**27
_MAX_COLUMNS_SHOWN = 5


def write_json_lines(ledger: LedgerReader, path: Path, with_files: bool = True) -> dict[str, int]:
    """Write every row as a line of JSON, and return how many there are of each table.

    Args:
        ledger: to export.
        path: the file; an older one is replaced when all is written.
        with_files: also write the artifacts' bytes, those that are whole.

    Raises:
        OutputError: if the file cannot be written.
        LedgerError: if the ledger cannot be read.
    """
    counts = dict.fromkeys(TABLES, 0)
    with atomic_file(path) as file, ledger.snapshot() as rows_of:
        _write_line(file, {_VERSION: current_version()})
        for table in TABLES:
            for row in rows_of(table):
                if with_files and table == ARTIFACTS.name:
                    row["content"] = _encoded(ledger, row["sha256"])
                _write_line(file, {"table": table, **row})
                counts[table] += 1
    return counts


def _write_line(file: BinaryIO, value: dict[str, Any]) -> None:
    file.write(json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def _encoded(ledger: LedgerReader, sha256: str) -> str | None:
    try:
        return base64.b64encode(ledger.artifacts.read(sha256)).decode()
    except LedgerError:
        return None  # the row is all that is left of it


@dataclass(frozen=True)
class _Line:
    """Where a row is in the file."""

    number: int
    offset: int


class JsonLinesSource:
    """An exported file to take rows from.

    When this is made, every line is read, and found to be a row of a table with its columns, or an
    artifact with its content. What the rows say is checked by `take`.

    Attributes:
        name: the file's path.
        remedy: what to do where a line is bad.

    Raises:
        LedgerError: if a line is not what `write_json_lines` writes.
    """

    remedy = "Export the ledger again."

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._lines: dict[str, list[_Line]] = {table: [] for table in TABLES}
        self._files: dict[str, _Line] = {}
        try:
            if path.exists() and not path.is_file():
                raise LedgerError(self.name, "no file", "a file that can be read twice", "Copy it.")
            self._scan()
        except OSError as error:
            raise LedgerError(
                self.name, error.strerror or str(error), "exported JSON lines", "Name another file."
            ) from error

    @contextmanager
    def snapshot(self) -> Iterator[RowsOf]:
        """Give a function that yields the rows of a table."""
        yield self._rows_of

    def read_file(self, sha256: str) -> bytes:
        """Return an artifact's bytes, checked against the digest."""
        line = self._files.get(sha256)
        if line is None:
            where = f"{self.name}, artifact {sha256[:16]}"
            raise LedgerError(where, "no file", "its content", "Export with `files=True`.")
        content = self._content(line.number, self._read(line))
        if sha256_hex(content) != sha256:
            raise self._bad(line.number, "another line than before", f"artifact {sha256[:16]}")
        return content

    def _rows_of(self, table: str) -> Iterator[Found]:
        for line in self._lines[table]:
            value = self._read(line)
            if value.get("table") != table:
                raise self._bad(
                    line.number, "another line than before", "a file that stays as it is"
                )
            yield Found(self._row(line.number, table, value), f"line {line.number}")

    def _read(self, line: _Line) -> dict[str, Any]:
        with self._path.open("rb") as file:
            file.seek(line.offset)
            return self._value(line.number, file.readline(_MAX_LINE_BYTES))

    def _scan(self) -> None:
        version: str | None = None
        with self._path.open("rb") as file:
            number, offset = 0, 0
            while content := file.readline(_MAX_LINE_BYTES + 1):
                number += 1
                if len(content) > _MAX_LINE_BYTES:
                    raise self._bad(number, "a longer line", f"at most {_MAX_LINE_BYTES:,} bytes")
                if content.strip():
                    value = self._value(number, content)
                    if _VERSION in value:
                        version = self._version(number, value[_VERSION])
                    elif version is None:
                        raise self._bad(number, "no version", f'{{"{_VERSION}": VERSION}} first')
                    else:
                        self._note(_Line(number, offset), value)
                offset += len(content)
        if version is None:
            raise self._bad(1, "an empty file", "exported JSON lines")

    def _value(self, number: int, content: bytes) -> dict[str, Any]:
        try:
            value = parse_json(content)
        except ValueError as error:
            raise self._bad(number, "no JSON", "an object") from error
        if not isinstance(value, dict):
            raise self._bad(number, type(value).__name__, "an object")
        return value

    def _version(self, number: int, version: object) -> str:
        readable = [known for known in known_versions() if known >= _FIRST_VERSION]
        if version not in readable:
            got = version if isinstance(version, str) and version.isalnum() else shown(version)
            raise self._bad(
                number, f"schema version {got[:20]}", f"one of {', '.join(readable)}",
                "If a newer minbits wrote it, update minbits.",
            )  # fmt: skip
        return str(version)

    def _note(self, line: _Line, value: dict[str, Any]) -> None:
        """Remember a line that is a row, and where an artifact's content is."""
        table = value.get("table")
        if not isinstance(table, str) or table not in TABLES:
            raise self._bad(line.number, f"table {shown(table)}", f"one of {', '.join(TABLES)}")
        row = self._row(line.number, table, value)
        self._lines[table].append(line)
        if table == ARTIFACTS.name and value.get("content") is not None:
            content = self._content(line.number, value)
            if sha256_hex(content) != row["sha256"] or len(content) != row["size_bytes"]:
                raise self._bad(
                    line.number, "content of another digest or length",
                    f"digest {shown(row['sha256'])}",
                )  # fmt: skip
            self._files[row["sha256"]] = line

    def _row(self, number: int, table: str, value: dict[str, Any]) -> Row:
        """Return a line's row, whose columns are those of its table."""
        columns = TABLES[table].c
        newer = _newer_columns(table)
        content = {"content"} if table == ARTIFACTS.name else set()
        wrong = (set(value) ^ set(columns.keys())) - {"table", "id", *newer, *content}
        if wrong:
            names = ", ".join(shown(name) for name in sorted(wrong)[:_MAX_COLUMNS_SHOWN])
            raise self._bad(number, f"columns that differ in [{names}]", f"those of {table}")
        row = {column.name: value[column.name] for column in columns if column.name in value}
        for column in columns:
            # Some programs write whole numbers without a point.
            if column.type.python_type is float and type(row[column.name]) is int:
                row[column.name] = self._float(number, row[column.name])
        return dict.fromkeys(newer) | row

    def _float(self, number: int, value: int) -> float:
        try:
            return float(value)
        except OverflowError as error:
            raise self._bad(number, "a number that is too large", "a finite number") from error

    def _content(self, number: int, value: dict[str, Any]) -> bytes:
        try:
            return base64.b64decode(value.get("content", ""), validate=True)
        except (ValueError, TypeError) as error:
            raise self._bad(number, "content that is no base64", "the file's bytes") from error

    def _bad(self, number: int, got: str, expected: str, remedy: str = remedy) -> LedgerError:
        return LedgerError(f"{self.name}, line {number}", got, expected, remedy)


def _newer_columns(table: str) -> tuple[str, ...]:
    """Return the columns that files of older versions do not have; NULL in what they give."""
    return TRAINING_COUNTS if table == TRIALS.name else ()


def import_json_lines(path: Path, target: Ledger) -> Taken:
    """Append what exported JSON lines hold and the ledger does not; see `take`.

    Raises:
        LedgerError: if a line is bad, before anything is appended; or if a ledger cannot be used.
    """
    return take(JsonLinesSource(path), target)
