"""Files beside a ledger that nothing needs: found, and removed if that is wished."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection

from minbits.errors import LedgerError
from minbits.ledger.artifacts import SUFFIX, FolderArtifacts
from minbits.ledger.queries import files_named
from minbits.ledger.running import FolderRuns
from minbits.ledger.schema import CLAIMS, TRIALS
from minbits.ledger.store import Ledger

_ARTIFACT = re.compile(rf"([0-9a-f]{{64}}){re.escape(SUFFIX)}")
_TEMPORARY = re.compile(rf"\.([0-9a-f]{{64}}){re.escape(SUFFIX)}-.+")


@dataclass(frozen=True)
class Leftover:
    """A file that nothing needs.

    Attributes:
        path: where it is.
        size_bytes: its length.
        reason: why it is not needed.
    """

    path: Path
    size_bytes: int
    reason: str


def prune(ledger: Ledger, dry_run: bool) -> list[Leftover]:
    """Find files that no row names and what cut-short writes left, and remove them.

    A file that only a bad row names is left where it is, and the row named in a warning.

    All of it happens under the lock that appending needs: nothing that is just being appended can
    be taken for a leftover. Rows stay; so do files of any other name. A ledger in a database stores
    files in the transactions of their rows, and leaves nothing over.

    Args:
        ledger: whose folder of artifacts is looked through.
        dry_run: remove nothing.

    Raises:
        LedgerError: if the ledger cannot be used, or a file not removed.
    """
    if not isinstance(ledger.artifacts, FolderArtifacts):
        return []
    folder = ledger.artifacts.folder
    with ledger.snapshot() as rows_of:
        for table in (TRIALS, CLAIMS):
            deque(rows_of(table.name), maxlen=0)  # warns of bad rows

    def find_and_remove(connection: Connection) -> list[Leftover]:
        left = [*_leftovers(folder, files_named(connection)), *_locks(folder)]
        found = sorted(left, key=lambda item: item.path)
        if not dry_run:
            for item in found:
                _remove(item.path)
        return found

    return ledger.database.write(find_and_remove)


def _leftovers(folder: Path, named: set[str]) -> Iterator[Leftover]:
    for path in folder.glob("??/*"):
        if not path.is_file():
            continue
        if (match := _ARTIFACT.fullmatch(path.name)) is not None:
            if match[1] not in named:
                yield Leftover(path, path.stat().st_size, "no row names it")
        elif _TEMPORARY.fullmatch(path.name):
            yield Leftover(path, path.stat().st_size, "a write that was cut short")


def _locks(folder: Path) -> Iterator[Leftover]:
    for path in FolderRuns(folder).ended():
        yield Leftover(path, path.stat().st_size, "the lock of a process that has ended")


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise LedgerError(str(path), reason, "a file to remove", "Check its folder.") from error
