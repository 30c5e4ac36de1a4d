"""A whole ledger as JSON lines: rows of all tables, and the files as base64 (docs/ledger.md)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa

from minbits.errors import LedgerError
from minbits.files import atomic_file, sha256_hex
from minbits.ledger.exchange import RowsOf, Taken, take
from minbits.ledger.migrate import current_version, known_versions
from minbits.ledger.queries import LedgerReader
from minbits.ledger.rows import Row, expected_row_hash
from minbits.ledger.schema import ARTIFACTS, CLAIMS, TABLES, TRAINING_COUNTS, TRIALS
from minbits.ledger.store import Ledger

_VERSION = "minbits_ledger"
# Exports exist since this version; files of older ones were never written.
_FIRST_VERSION = "0002"
_UID = re.compile(r"[0-9a-f]{32}")


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


class JsonLinesSource:
    """An exported file to take rows from, checked line by line when this is made.

    Raises:
        LedgerError: if a line is not what `write_json_lines` writes, or was altered.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[str, int] = {}
        self._held: set[tuple[str, str]] = set()
        self._named: dict[tuple[str, str], int] = {}  # and the line that names it first
        try:
            self._check()
        except OSError as error:
            raise LedgerError(
                str(path), error.strerror or str(error), "exported JSON lines", "Name another file."
            ) from error

    @contextmanager
    def snapshot(self) -> Iterator[RowsOf]:
        """Give a function that yields the rows of a table."""
        yield self._rows_of

    def read_file(self, sha256: str) -> bytes:
        """Return an artifact's bytes, checked against the digest."""
        offset = self._files.get(sha256)
        if offset is None:
            raise LedgerError(str(self._path), "no file", sha256, "Export with files.")
        with self._path.open("rb") as file:
            file.seek(offset)
            content: str = json.loads(file.readline())["content"]
        return base64.b64decode(content)

    def check_complete(self, target: Ledger) -> None:
        """Check that what rows name is in the file or in the ledger that they go to.

        Raises:
            LedgerError: if something is missing: a part of an export may not stand alone.
        """
        for (table, key), number in self._named.items():
            if (table, key) not in self._held and not target.find(table, key):
                raise self._bad(number, f"a row that names {table} {key}", "that row, too")

    def _rows_of(self, table: str) -> Iterator[Row]:
        for _, _, row in self._lines():
            if row.pop("table", None) == table:
                row.pop("content", None)
                yield {**dict.fromkeys(_newer_columns(table)), **row}

    def _lines(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield number, offset and value of every line."""
        offset = 0
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, offset, self._value(number, line)
                offset += len(line)

    def _value(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except ValueError as error:
            raise self._bad(number, "no JSON", "an object") from error
        if not isinstance(value, dict):
            raise self._bad(number, type(value).__name__, "an object")
        return value

    def _check(self) -> None:
        version: str | None = None
        for number, offset, value in self._lines():
            if _VERSION in value:
                version = str(value[_VERSION])
                self._check_version(number, version)
            elif version is None:
                raise self._bad(number, "no version", f'{{"{_VERSION}": VERSION}} first')
            else:
                self._check_row(number, offset, value)
        if version is None:
            raise self._bad(1, "an empty file", "exported JSON lines")

    def _check_version(self, number: int, version: str) -> None:
        readable = [known for known in known_versions() if known >= _FIRST_VERSION]
        if version not in readable:
            raise self._bad(
                number, f"schema version {version}", f"one of {', '.join(readable)}",
                "If a newer minbits wrote it, update minbits.",
            )  # fmt: skip

    def _check_row(self, number: int, offset: int, value: dict[str, Any]) -> None:
        table = value.get("table")
        if table not in TABLES:
            raise self._bad(number, f"table {table!r}", f"one of {', '.join(TABLES)}")
        optional = {"id", *_newer_columns(table)}
        optional |= {"content"} if table == ARTIFACTS.name else set()
        columns = TABLES[table].c
        if wrong := (set(value) ^ set(columns.keys())) - optional - {"table"}:
            raise self._bad(number, f"columns that differ in {sorted(wrong)}", f"those of {table}")
        for column in columns:
            if column.name in value:
                self._check_value(number, column, value[column.name])
        if table == ARTIFACTS.name:
            self._check_artifact(number, offset, value)
            return
        if _UID.fullmatch(value["uid"]) is None:
            raise self._bad(number, f"uid {value['uid']!r}", "32 hexadecimal digits")
        if value["row_hash"] != expected_row_hash(table, value):
            raise self._bad(number, "a row that was altered", f"row_hash {value['row_hash']}")
        self._held.add((table, value["uid"]))
        for name, key in ((ARTIFACTS.name, "artifact_sha256"), (CLAIMS.name, "claim_uid")):
            if value.get(key) is not None:
                self._named.setdefault((name, value[key]), number)

    def _check_value(self, number: int, column: sa.Column[Any], value: object) -> None:
        kind = column.type.python_type
        kinds = (int, float) if kind is float else (kind,)
        is_good = isinstance(value, kinds) and not isinstance(value, bool)
        if not is_good and not (value is None and column.nullable):
            raise self._bad(number, f"{column.name} {value!r}", f"{kind.__name__}")

    def _check_artifact(self, number: int, offset: int, value: dict[str, Any]) -> None:
        sha256, encoded = value["sha256"], value.get("content")
        self._held.add((ARTIFACTS.name, sha256))
        if encoded is None:
            return
        try:
            content = base64.b64decode(encoded, validate=True)
        except (ValueError, TypeError) as error:
            raise self._bad(number, "content that is no base64", "the file's bytes") from error
        if sha256_hex(content) != sha256 or len(content) != value["size_bytes"]:
            raise self._bad(number, "content of another digest or length", f"digest {sha256}")
        self._files[sha256] = offset

    def _bad(
        self, number: int, got: str, expected: str, remedy: str = "Export the ledger again."
    ) -> LedgerError:
        return LedgerError(f"{self._path}, line {number}", got, expected, remedy)


def _newer_columns(table: str) -> tuple[str, ...]:
    """Return the columns that files of older versions do not have; NULL in what they give."""
    return TRAINING_COUNTS if table == TRIALS.name else ()


def import_json_lines(path: Path, target: Ledger) -> Taken:
    """Append what exported JSON lines hold and the ledger does not; see `take`.

    Raises:
        LedgerError: if a line is bad, before anything is appended; or if a ledger cannot be used.
    """
    source = JsonLinesSource(path)
    source.check_complete(target)
    return take(source, target)
