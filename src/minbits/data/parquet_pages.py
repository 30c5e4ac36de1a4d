"""What a Parquet file says that it unpacks to, read before any of it is unpacked.

The footer says how many rows there are, and where; the headers of pages say how long each is when
it is unpacked, which is what Arrow allocates. Both are structs of Thrift's compact protocol (Apache
Parquet's ``parquet.thrift``; Thrift's ``thrift-compact-protocol.md``). They are read here, since
some damaged footers end the process within Arrow.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, BinaryIO

from minbits.data.limits import check_column_count
from minbits.errors import DataError

MAGIC = b"PAR1"
_TAIL_BYTES = 8  # the footer's length and the magic number
# Fields of FileMetaData, RowGroup, ColumnChunk, ColumnMetaData and PageHeader.
_SCHEMA, _FILE_ROWS, _GROUPS = 2, 3, 4
_COLUMNS, _GROUP_ROWS = 1, 3
_FILE_PATH, _META_DATA = 1, 3
_NAME, _PACKED_TOTAL, _DATA_OFFSET, _DICTIONARY_OFFSET = 3, 7, 9, 11
_UNPACKED, _PACKED = 2, 3
# Structs of PageHeader for data pages of both versions, and the field of their encoding.
_DATA_PAGES = ((5, 2), (8, 4))
_DELTA_BYTE_ARRAY = 7  # text as a length of what it shares with the one before, and the rest
_FIRST_WINDOW = 256
_LARGEST_HEADER = 2**24  # it may hold the column's smallest and largest text
_DEEPEST = 16
# Types of the compact protocol; 1 and 2 are true and false, which have no bytes of their own.
_INTEGERS = (4, 5, 6)
_BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 3, 7, 8, 9, 10, 11, 12


class _Incomplete(Exception):
    """The bytes end within the struct."""


def _broken(where: str, what: str) -> DataError:
    return DataError(where, what, "a whole Parquet file", "Write the file anew.")


class _Reader:
    """Reads one struct of the compact protocol from the start of some bytes."""

    def __init__(self, content: bytes, where: str) -> None:
        self.content = content
        self.where = where
        self.place = 0

    def byte(self) -> int:
        if self.place >= len(self.content):
            raise _Incomplete
        self.place += 1
        return self.content[self.place - 1]

    def varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise _broken(self.where, "a number of more than 64 bits among its descriptions")

    def integer(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def binary(self) -> bytes:
        length = self.varint()
        start = self.place
        self.place += length
        if self.place > len(self.content):
            raise _Incomplete
        return self.content[start : self.place]

    def value(self, kind: int, depth: int) -> Any:
        """Return a value: a number, bytes, a list, or a struct as `struct` does."""
        if depth > _DEEPEST:
            raise _broken(self.where, "descriptions nested too deep")
        if kind in _INTEGERS:
            return self.integer()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind == _MAP:
            return self._map(depth)
        plain = {_BYTE: self.byte, _DOUBLE: self._double, _BINARY: self.binary}
        if kind not in plain:
            raise _broken(self.where, f"a description with a value of unknown type {kind}")
        return plain[kind]()

    def _double(self) -> None:
        self.place += 8
        if self.place > len(self.content):
            raise _Incomplete

    def _list(self, depth: int) -> list[Any]:
        head = self.byte()
        kind, count = head & 0x0F, head >> 4 if head >> 4 < 15 else self.varint()
        if count > len(self.content) - self.place:  # every element takes a byte at least
            raise _Incomplete
        # The first list is that of the columns, whose root counts as well: a file of a million of
        # them is refused before it is gone through.
        check_column_count(self.where, count - 1, "columns or row groups")
        return [self._element(kind, depth) for _ in range(count)]

    def _map(self, depth: int) -> None:
        count = self.varint()
        kinds = self.byte() if count else 0
        if count > len(self.content) - self.place:
            raise _Incomplete
        for _ in range(count):
            self._element(kinds >> 4, depth)
            self._element(kinds & 0x0F, depth)

    def _element(self, kind: int, depth: int) -> Any:
        # Within a list, a truth value has a byte of its own.
        return self.byte() if kind in (1, 2) else self.value(kind, depth + 1)

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Return the values of a struct by the numbers of its fields."""
        found: dict[int, Any] = {}
        field = 0
        while head := self.byte():
            delta, kind = head >> 4, head & 0x0F
            field = field + delta if delta else self.integer()
            found[field] = kind == 1 if kind in (1, 2) else self.value(kind, depth)
        return found


@dataclass(frozen=True)
class ColumnChunk:
    """Where the pages of a column lie: ``size_bytes`` from byte ``start`` on."""

    name: str
    start: int
    size_bytes: int


@dataclass(frozen=True)
class Footer:
    """What a file says of itself.

    Attributes:
        rows: number of rows.
        columns: number of columns of the widest row group.
        chunks: of row groups that have rows.
    """

    rows: int
    columns: int
    chunks: tuple[ColumnChunk, ...]


class _Struct:
    """A struct whose fields are asked for by number and type."""

    def __init__(self, fields: Any, where: str) -> None:
        if not isinstance(fields, dict):
            raise _broken(where, "a value where a struct belongs")
        self.fields = fields
        self.where = where

    def get(self, field: int, kind: type, usual: Any = None) -> Any:
        found = self.fields.get(field, usual)
        if not isinstance(found, kind):
            raise _broken(self.where, f"a description without its field {field}")
        return found

    def count(self, field: int, usual: int | None = None) -> int:
        found: int = self.get(field, int, usual)
        if found < 0:
            raise _broken(self.where, f"{found} in field {field} of a description")
        return found

    def structs(self, field: int) -> list[_Struct]:
        return [_Struct(item, self.where) for item in self.get(field, list)]


def read_footer(file: BinaryIO, where: str) -> Footer:
    """Return what a Parquet file says of its rows and columns.

    Raises:
        DataError: if it is no Parquet file, is damaged, encrypted, spread over several files, or
            has too many columns.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or length + _TAIL_BYTES + len(MAGIC) > size:
        raise _broken(where, "no footer of a Parquet file at its end")
    file.seek(size - _TAIL_BYTES - length)
    try:
        fields = _Struct(_Reader(file.read(length), where).struct(), where)
    except _Incomplete:
        raise _broken(where, "a footer that does not end") from None
    check_column_count(where, len(fields.get(_SCHEMA, list)) - 1)
    chunks: list[ColumnChunk] = []
    columns, rows = 0, 0
    for group in fields.structs(_GROUPS):
        found = group.structs(_COLUMNS)
        columns = max(columns, len(found))
        # Of a group without rows nothing is read, and its offsets may lead nowhere.
        rows += group.count(_GROUP_ROWS)
        if group.count(_GROUP_ROWS):
            chunks += [_chunk(item, where) for item in found]
    return Footer(max(rows, fields.count(_FILE_ROWS)), columns, tuple(chunks))


def _chunk(column: _Struct, where: str) -> ColumnChunk:
    if _FILE_PATH in column.fields:
        raise _broken(where, "a column that lies in another file")
    if _META_DATA not in column.fields:
        raise _broken(where, "an encrypted column")
    facts = _Struct(column.fields[_META_DATA], where)
    name = b".".join(part for part in facts.get(_NAME, list) if isinstance(part, bytes))
    start, dictionary = facts.count(_DATA_OFFSET), facts.count(_DICTIONARY_OFFSET, 0)
    if 0 < dictionary < start:
        start = dictionary
    return ColumnChunk(name.decode("utf-8", "replace"), start, facts.count(_PACKED_TOTAL))


def _page_header(file: BinaryIO, place: int, where: str) -> tuple[_Struct, int]:
    """Return the fields of the page header at a place of the file, and its length in bytes."""
    window = _FIRST_WINDOW
    while window <= _LARGEST_HEADER:
        file.seek(place)
        reader = _Reader(file.read(window), where)
        try:
            return _Struct(reader.struct(), where), reader.place
        except _Incomplete:
            if len(reader.content) < window:
                break
            window *= 8
    raise _broken(where, "a page header that does not end")


def _check_encoding(page: _Struct, where: str, column: str) -> None:
    """Refuse the one encoding whose values may be far longer than their page."""
    for field, encoding in _DATA_PAGES:
        if _Struct(page.fields.get(field, {}), where).fields.get(encoding) == _DELTA_BYTE_ARRAY:
            raise DataError(
                f"{where}, column '{column}'", "text encoded as DELTA_BYTE_ARRAY",
                "an encoding of which a page says how long its values are",
                "Write the file anew with dictionaries, as pyarrow does by default.",
            )  # fmt: skip


def unpacked_page_bytes(file: BinaryIO, footer: Footer, where: str) -> int:
    """Return the sum of what all pages of a file say that they unpack to, in bytes.

    Args:
        file: the Parquet file.
        footer: of the file.
        where: what to call the file in an error.

    Raises:
        DataError: if page headers cannot be read, pages reach beyond their column, or the length of
            their values cannot be bounded.
    """
    total = 0
    for chunk in footer.chunks:
        place, end = chunk.start, chunk.start + chunk.size_bytes
        while place < end:
            page, length = _page_header(file, place, where)
            unpacked, packed = page.count(_UNPACKED), page.count(_PACKED)
            if place + length + packed > end:
                raise _broken(
                    where, f"a page of {packed:,} bytes at byte {place:,}, beyond its column's end"
                )
            _check_encoding(page, where, chunk.name)
            total += unpacked
            place += length + packed
    return total
