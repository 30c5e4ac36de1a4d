"""What the pages of a Parquet file say that they unpack to, read before any of them is unpacked.

The footer says so too, but nothing holds it to that: Arrow allocates what a page's own header asks
for. A page header is a struct of Thrift's compact protocol (Apache Parquet's ``parquet.thrift``,
``PageHeader``; Thrift's ``thrift-compact-protocol.md``). A few of its integers are needed here, and
the rest is passed over.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from minbits.errors import DataError

_UNPACKED, _PACKED = 2, 3  # fields of PageHeader, in bytes
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
    """The bytes end within the header."""


class _Reader:
    """Reads one struct of the compact protocol from the start of some bytes."""

    def __init__(self, content: bytes, where: str) -> None:
        self.content = content
        self.where = where
        self.place = 0

    def broken(self, what: str) -> DataError:
        return DataError(self.where, what, "a whole Parquet file", "Write the file anew.")

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
        raise self.broken("a page header with a number of more than 64 bits")

    def integer(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def skip(self, kind: int, depth: int) -> None:
        """Pass over a value."""
        if depth > _DEEPEST:
            raise self.broken("a page header nested too deep")
        if kind in _INTEGERS:
            self.varint()
        elif kind == _BYTE:
            self.byte()
        elif kind == _DOUBLE:
            self.place += 8
        elif kind == _BINARY:
            length = self.varint()
            self.place += length
        elif kind in (_LIST, _SET):
            head = self.byte()
            count = head >> 4 if head >> 4 < 15 else self.varint()
            self.skip_many(head & 0x0F, count, depth)
        elif kind == _MAP:
            count = self.varint()
            kinds = self.byte() if count else 0
            for _ in range(count):
                self.skip_many(kinds >> 4, 1, depth)
                self.skip_many(kinds & 0x0F, 1, depth)
        elif kind == _STRUCT:
            self.struct(depth + 1)
        elif kind not in (1, 2):
            raise self.broken(f"a page header with a value of unknown type {kind}")

    def skip_many(self, kind: int, count: int, depth: int) -> None:
        for _ in range(count):
            if kind in (1, 2):
                self.byte()  # in a list, a truth value has a byte
            else:
                self.skip(kind, depth + 1)
            if self.place > len(self.content):
                raise _Incomplete

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Return the integers and structs of a struct by the numbers of their fields."""
        if depth > _DEEPEST:
            raise self.broken("a page header nested too deep")
        found: dict[int, Any] = {}
        field = 0
        while head := self.byte():
            delta, kind = head >> 4, head & 0x0F
            field = field + delta if delta else self.integer()
            if kind in _INTEGERS:
                found[field] = self.integer()
            elif kind == _STRUCT:
                found[field] = self.struct(depth + 1)
            else:
                self.skip(kind, depth)
        return found


def _header(file: BinaryIO, place: int, where: str) -> tuple[dict[int, Any], int]:
    """Return the fields of the page header at a place of the file, and its length in bytes."""
    window = _FIRST_WINDOW
    while window <= _LARGEST_HEADER:
        file.seek(place)
        reader = _Reader(file.read(window), where)
        try:
            return reader.struct(), reader.place
        except _Incomplete:
            if len(reader.content) < window:
                break
            window *= 8
    raise DataError(where, "a page header that does not end", "one of a page", "Write it anew.")


def _check_encoding(fields: dict[int, Any], where: str, column: str) -> None:
    """Refuse the one encoding whose values may be far longer than their page."""
    for page, encoding in _DATA_PAGES:
        if fields.get(page, {}).get(encoding) == _DELTA_BYTE_ARRAY:
            raise DataError(
                f"{where}, column '{column}'", "text encoded as DELTA_BYTE_ARRAY",
                "an encoding of which a page says how long its values are",
                "Write the file anew with dictionaries, as pyarrow does by default.",
            )  # fmt: skip


def unpacked_page_bytes(file: BinaryIO, metadata: Any, where: str) -> int:
    """Return the sum of what all pages of a file say that they unpack to, in bytes.

    Args:
        file: the Parquet file.
        metadata: its footer, as ``pyarrow.parquet.ParquetFile.metadata``.
        where: what to call the file in an error.

    Raises:
        DataError: if page headers cannot be read, pages reach beyond their column, or the length of
            their values cannot be bounded.
    """
    total = 0
    for group in range(metadata.num_row_groups):
        if metadata.row_group(group).num_rows == 0:
            continue  # nothing of it is read, and its offsets may lead nowhere
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            place = chunk.data_page_offset
            if chunk.has_dictionary_page and chunk.dictionary_page_offset:
                place = min(place, chunk.dictionary_page_offset)
            end = place + chunk.total_compressed_size
            while place < end:
                fields, length = _header(file, place, where)
                unpacked, packed = fields.get(_UNPACKED, -1), fields.get(_PACKED, -1)
                if unpacked < 0 or packed < 0 or place + length + packed > end:
                    raise DataError(
                        where, f"a page of {packed:,} bytes at byte {place:,}",
                        f"pages within the {chunk.total_compressed_size:,} bytes of their column",
                        "Write the file anew.",
                    )  # fmt: skip
                _check_encoding(fields, where, chunk.path_in_schema)
                total += unpacked
                place += length + packed
    return total
