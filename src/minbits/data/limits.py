"""Bounds on what a compressed file may unpack to: a small file must not fill memory or disk."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from minbits.data.assemble import read_failure
from minbits.errors import DataError

# Deflate reaches about 1,030 to 1 on zeros; real data stay far below a hundredth of that.
MOST_RATIO = 200
ALWAYS_ALLOWED_BYTES = 2**26
MOST_PIXELS = 2**26
_CHUNK = 2**20


def check_ratio(where: str, packed_bytes: int, unpacked_bytes: int) -> None:
    """Refuse what unpacks to far more than its size.

    Raises:
        DataError: if it unpacks to more than 64 MiB and more than 200 times its size.
    """
    if unpacked_bytes > max(ALWAYS_ALLOWED_BYTES, MOST_RATIO * packed_bytes):
        raise DataError(
            where,
            f"{packed_bytes:,} bytes that unpack to {unpacked_bytes:,} or more",
            f"at most {MOST_RATIO} times the packed size, or {ALWAYS_ALLOWED_BYTES:,} bytes",
            "If the file is to be trusted, unpack it first.",
        )


def read_gzip(path: Path) -> bytes:
    """Return the content of a gzip file, refusing decompression bombs as they unfold.

    Raises:
        DataError: if the file cannot be read, is broken or unpacks to far more than its size.
    """
    parts = []
    total = 0
    try:
        packed = path.stat().st_size
        with gzip.open(path, "rb") as file:
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
