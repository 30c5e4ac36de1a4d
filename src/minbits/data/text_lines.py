"""Lines of text files, zipped or not, in any encoding: none is so long that it fills the memory."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from minbits.data.assemble import read_failure
from minbits.data.limits import check_ratio
from minbits.errors import ArgumentError, DataError
from minbits.files import open_regular

LINE_BYTES = 2**24
# Their line ends are no byte 10 alone: such files are read as text, and cut into lines of UTF-8.
_WIDE_ENCODINGS = ("utf-16", "utf-32", "utf-7")


class _Unzipped(gzip.GzipFile):
    """A gzip file whose lines are refused where they are far more than what they are made of."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._where = where
        self._packed_bytes = os.fstat(file.fileno()).st_size

    @contextmanager
    def _checked(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                self._where,
                f"broken gzip ({error})",
                "a whole file",
                "The file is damaged: get another copy.",
            ) from error
        check_ratio(self._where, self._packed_bytes, self.tell())

    def readline(self, size: int | None = -1) -> bytes:
        """Return the next line.

        Raises:
            DataError: if the file unpacks to more than 200 times its size, or is broken.
        """
        with self._checked():
            return super().readline(size)

    def read1(self, size: int = -1) -> bytes:
        """Return some bytes; see `readline`."""
        with self._checked():
            return super().read1(size)


class _Transcoded(io.RawIOBase):
    """A file of another encoding as lines of UTF-8."""

    def __init__(self, file: BinaryIO, encoding: str, where: str) -> None:
        self._text = io.TextIOWrapper(file, encoding=encoding, newline="\n")
        self._where = where

    def readline(self, size: int | None = -1) -> bytes:
        """Return the next line.

        Raises:
            DataError: if it is not of that encoding.
        """
        try:
            return self._text.readline(-1 if size is None else size).encode("utf-8")
        except UnicodeError as error:
            raise DataError(
                self._where,
                f"bytes that are not {self._text.encoding} ({error})",
                f"a file in {self._text.encoding}",
                "Name its encoding with `encoding`.",
            ) from error

    def tell(self) -> int:
        """Return the start of the file, the only place that is asked for."""
        return 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        return self._text.seek(offset, whence)


def stem_of(path: Path) -> str:
    """Return the name of a file without its endings, of which ``.gz`` is none of its own."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return Path(name).stem


def check_encoding(encoding: str) -> str:
    """Return the usual name of an encoding of text.

    Raises:
        ArgumentError: if there is none of that name.
    """
    try:
        # Some codecs of Python turn bytes into bytes: they are no encodings of text.
        "".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:
        raise ArgumentError(
            "`encoding`", f"'{encoding}'", "such as utf-8, latin-1, cp1252, utf-16 or gb18030",
            "Name another one.",
        ) from error  # fmt: skip


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[BinaryIO]:
    """Open a text file for `TextLines`, unzipped where its name ends in ``.gz``.

    Raises:
        DataError: if it cannot be opened or read.
        ArgumentError: if there is no such encoding.
    """
    name = check_encoding(encoding)
    try:
        with open_regular(path) as packed:
            file: BinaryIO = packed
            if path.name.lower().endswith(".gz"):
                file = cast("BinaryIO", _Unzipped(packed, str(path)))
            if name.startswith(_WIDE_ENCODINGS):
                file = cast("BinaryIO", _Transcoded(file, name, str(path)))
            yield file
    except OSError as error:
        raise read_failure(path, error) from error


class TextLines:
    """The lines of a file as text, none longer than ``LINE_BYTES``; the current row's are kept."""

    def __init__(self, file: BinaryIO, where: str, encoding: str = "utf-8") -> None:
        self.file = file
        self.where = where
        name = check_encoding(encoding)
        self.encoding = "utf-8" if name.startswith(_WIDE_ENCODINGS) else name
        self.row = 1
        self.current: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self.file.readline(LINE_BYTES + 1)
        if not raw:
            raise StopIteration
        if self.row == 1 and not self.current:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            line = raw.decode(self.encoding)
        except UnicodeDecodeError as error:
            if len(raw) <= LINE_BYTES:
                before = raw[: error.start].decode(self.encoding, "replace")
                wanted = self.encoding.upper()
                raise DataError(
                    self.place(before),
                    f"the byte {raw[error.start]:#04x}, which is not {wanted}",
                    f"a file in {wanted}",
                    "Save it as UTF-8, or name its encoding with `encoding`, such as latin-1 or "
                    "utf-16.",
                ) from error
            line = raw.decode(self.encoding, "replace")
        if len(raw) > LINE_BYTES:
            raise self.too_long(line)
        self.current.append(line)
        return line

    def place(self, last_line: str) -> str:
        """Return the place at the end of ``last_line``."""
        return f"{self.where}, row {self.row}"

    def too_long(self, last_line: str) -> DataError:
        """Return the error for a line that ends nowhere."""
        return DataError(
            self.place(last_line), f"a line beyond {LINE_BYTES:,} bytes", "shorter lines",
            "Check the file.",
        )  # fmt: skip


class CountedLines(TextLines):
    """Lines that are counted one by one, in files whose rows are lines."""

    def __next__(self) -> str:
        line = super().__next__()
        self.row += 1
        self.current = []
        return line
