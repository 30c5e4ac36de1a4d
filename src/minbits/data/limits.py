"""Bounds on what a file may hold or unpack to: a small file must not fill memory or disk."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

from minbits.data.assemble import read_failure
from minbits.errors import DataError
from minbits.files import open_regular

# Deflate reaches about 1,030 to 1 on zeros; real data stay far below a hundredth of that.
MAX_RATIO = 200
ALWAYS_ALLOWED_BYTES = 2**26
MAX_PIXELS = 2**26
# A column costs about 50 microseconds however few its rows are, and most methods far more.
MAX_COLUMNS = 2**16
MAX_CHANNELS = 2**20
# Cells that are held as text or as Python objects at a time.
CELLS_AT_ONCE = 2**20
_CHUNK = 2**20


def check_ratio(
    where: str,
    packed_bytes: int,
    unpacked_bytes: int,
    remedy: str = "If the file is to be trusted, unpack it first.",
    allowed_bytes: int = ALWAYS_ALLOWED_BYTES,
) -> None:
    """Refuse what unpacks to far more than its size.

    Raises:
        DataError: if it unpacks to more than ``allowed_bytes`` and more than 200 times its size.
    """
    if unpacked_bytes > max(allowed_bytes, MAX_RATIO * packed_bytes):
        raise DataError(
            where,
            f"{packed_bytes:,} bytes that unpack to {unpacked_bytes:,} or more",
            f"at most {MAX_RATIO} times the packed size, or {allowed_bytes:,} bytes",
            remedy,
        )


def check_column_count(where: str, count: int, what: str = "columns") -> None:
    """Refuse a table with more columns than can be worked on, before any row is read.

    Raises:
        DataError: if there are more than 65,536.
    """
    if count > MAX_COLUMNS:
        raise DataError(
            where,
            f"{count:,} {what}",
            f"at most {MAX_COLUMNS:,}",
            "Keep fewer columns, or give the inputs as one array (.npz with x and y).",
        )


def check_channel_count(where: str, count: int) -> None:
    """Refuse a table whose columns and categories together make too many inputs.

    Raises:
        DataError: if there are more than 1,048,576.
    """
    if count > MAX_CHANNELS:
        raise DataError(
            where,
            f"{count:,} input channels, one a category",
            f"at most {MAX_CHANNELS:,}",
            "Keep fewer columns, or fewer categories.",
        )


def rows_at_once(columns: int, most_rows: int) -> int:
    """Return how many rows of a table are read at a time, so that wide ones fit into memory."""
    return max(1, min(most_rows, CELLS_AT_ONCE // max(1, columns)))


def read_gzip(path: Path) -> bytes:
    """Return the content of a gzip file, refusing decompression bombs as they unfold.

    Raises:
        DataError: if the file cannot be read, is broken or unpacks to far more than its size.
    """
    parts = []
    total = 0
    try:
        with open_regular(path) as packed_file, gzip.open(packed_file, "rb") as file:
            packed = os.fstat(packed_file.fileno()).st_size
            while part := file.read(_CHUNK):
                total += len(part)
                check_ratio(str(path), packed, total)
                parts.append(part)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            str(path), f"broken gzip ({error})", "a whole file", "Get the file again."
        ) from error
    except OSError as error:
        raise read_failure(path, error) from error
    return b"".join(parts)
