"""Network files by their SHA-256: in a folder beside a ledger's file, or in its database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from platformdirs import user_cache_path
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from minbits.errors import LedgerError
from minbits.files import sha256_hex, sync_folder, write_atomically
from minbits.ledger.database import Database
from minbits.ledger.row_checks import is_digest
from minbits.ledger.schema import ARTIFACT_CONTENTS
from minbits.ledger.shown import shown

SUFFIX = ".mbn"


class ArtifactStore(Protocol):
    """Where a ledger's network files are."""

    def put(self, connection: Connection, contents: Mapping[str, bytes]) -> None:
        """Store files by digest, within a transaction of the ledger; known ones stay as they are.

        Raises:
            OutputError: if one cannot be written.
        """

    def read(self, sha256: str) -> bytes:
        """Return a file's bytes, checked against the digest.

        Raises:
            LedgerError: if it is not there, or its bytes are others.
        """

    def path(self, sha256: str) -> Path:
        """Return where the file lies on this machine, or would lie."""

    def lacking(self, sha256s: Sequence[str]) -> set[str]:
        """Return those of the digests whose files are not there, or are damaged."""


def problem_of(store: ArtifactStore, sha256: str) -> str | None:
    """Return what is wrong with an artifact, in words; None where it is whole."""
    try:
        store.read(sha256)
    except LedgerError as error:
        return error.got
    return None


class FolderArtifacts:
    """A folder of files named by their content."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Return where the artifact of that digest lies, or would lie.

        Raises:
            LedgerError: if it is no digest: then it names no file of this folder.
        """
        if not is_digest(sha256):
            raise LedgerError(
                f"artifact {shown(sha256)}", "a name that is no digest", "64 hexadecimal digits",
                "See `minbits ledger list artifacts`.",
            )  # fmt: skip
        return self.folder / sha256[:2] / f"{sha256}{SUFFIX}"

    def put(self, connection: Connection, contents: Mapping[str, bytes]) -> None:
        """Write the files that are not there; one that was damaged is written again."""
        # Under the lock of the ledger's writer: `prune` cannot take away what comes in here.
        for sha256, content in contents.items():
            path = self.path(sha256)
            if _bytes_of(path) == content:
                continue
            is_new_folder = not path.parent.exists()
            write_atomically(path, content)
            if is_new_folder:
                sync_folder(self.folder)

    def read(self, sha256: str) -> bytes:
        """Return a file's bytes, checked against the digest."""
        return _checked(sha256, _bytes_of(self.path(sha256)), str(self.path(sha256)))

    def lacking(self, sha256s: Sequence[str]) -> set[str]:
        """Return those of the digests whose files are not there, or are damaged."""
        return {sha256 for sha256 in sha256s if problem_of(self, sha256) is not None}


class DatabaseArtifacts:
    """The files of a ledger that many machines share, kept beside its rows.

    What is asked for as a path is copied to the user's cache folder, once.
    """

    def __init__(self, database: Database, cache: Path | None = None) -> None:
        self._database = database
        self._cache = FolderArtifacts(cache or user_cache_path("minbits") / "artifacts")

    @property
    def folder(self) -> Path:
        """The folder of local copies."""
        return self._cache.folder

    def put(self, connection: Connection, contents: Mapping[str, bytes]) -> None:
        """Insert the files that are not there, in the transaction of the rows that name them."""
        for sha256, content in contents.items():
            row = {"sha256": sha256, "content": content}
            query = postgresql.insert(ARTIFACT_CONTENTS).values(row).on_conflict_do_nothing()
            connection.execute(query)

    def read(self, sha256: str) -> bytes:
        """Return a file's bytes, checked against the digest."""
        column = ARTIFACT_CONTENTS.c.content
        query = sa.select(column).where(ARTIFACT_CONTENTS.c.sha256 == sha256)
        found = self._database.read(lambda connection: connection.execute(query).scalar())
        return _checked(sha256, found, f"artifact {sha256[:16]} in {self._database.name}")

    def path(self, sha256: str) -> Path:
        """Return the path of a local copy, made now where there was none or a damaged one."""
        path = self._cache.path(sha256)
        if problem_of(self._cache, sha256) is not None:
            # Whoever opens the path is told, as with a file that is missing from a folder.
            with suppress(LedgerError):
                write_atomically(path, self.read(sha256))
        return path

    def lacking(self, sha256s: Sequence[str]) -> set[str]:
        """Return those of the digests whose files are not in the database."""
        column = ARTIFACT_CONTENTS.c.sha256
        query = sa.select(column).where(column.in_(sha256s))
        there = self._database.read(lambda connection: set(connection.execute(query).scalars()))
        return set(sha256s) - there


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = error.strerror or str(error)
        raise LedgerError(str(path), reason, "a file", "Check the disk.") from error


def _checked(sha256: str, content: bytes | None, where: str) -> bytes:
    remedy = "Merge a ledger that has it whole, or leave it: nothing uses it as it is."
    if content is None:
        raise LedgerError(where, "no file", "the network file of that digest", remedy)
    if (found := sha256_hex(content)) != sha256:
        got = f"a damaged file, of digest {found[:16]}"
        raise LedgerError(where, got, f"digest {sha256[:16]}", remedy)
    return content
