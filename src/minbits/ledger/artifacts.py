"""Network files by their SHA-256."""

from __future__ import annotations

from pathlib import Path

from minbits.files import sha256_hex, write_atomically


class ArtifactStore:
    """A folder of files named by their content."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Return where the artifact of that digest lies, or would lie."""
        return self.folder / sha256[:2] / f"{sha256}.mbn"

    def put(self, content: bytes) -> str:
        """Store ``content`` and return its digest; storing it again changes nothing.

        Raises:
            OutputError: if it cannot be written.
        """
        digest = sha256_hex(content)
        path = self.path(digest)
        if not path.exists():
            write_atomically(path, content)
        return digest
