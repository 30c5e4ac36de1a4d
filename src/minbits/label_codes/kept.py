"""Predictions of blocks that are done, kept in a folder: what was interrupted goes on from there.

A file is named by a digest of all that its prediction follows from: the version of the program, the
inputs, the labels seen, the learner and how it learns. So nothing else is ever taken for it, and
what no longer fits is simply not found.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.files import write_atomically
from minbits.label_codes.protocol import Labels

_PACKAGE = Path(__file__).parents[1]
# Rooms that predictions depend on.
_ROOMS = ("codec", "data", "information", "label_codes", "layers", "networks", "training")


def _program_digest() -> bytes:
    """Return a digest of the sources that predictions depend on."""
    digest = hashlib.sha256(np.__version__.encode())
    for room in _ROOMS:
        for file in sorted((_PACKAGE / room).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.digest()


class Kept:
    """Predictions and plans in a folder.

    Args:
        folder: made when the first one is kept.
        inputs: of all examples, as learners see them, in the order of coding.
    """

    def __init__(self, folder: Path, inputs: npt.NDArray[np.float32]) -> None:
        self._folder = folder
        digest = hashlib.sha256(_program_digest())
        digest.update(str(inputs.shape).encode())
        digest.update(np.ascontiguousarray(inputs).data)
        self._begun = digest

    def _path(self, about: Sequence[object], seen: Labels) -> Path:
        digest = self._begun.copy()
        digest.update(json.dumps([str(part) for part in about]).encode())
        digest.update(seen.astype("<i8").tobytes())
        return self._folder / digest.hexdigest()[:32]

    def read(self, about: Sequence[object], seen: Labels) -> dict[str, npt.NDArray[Any]] | None:
        """Return the arrays that were kept, None if there are none.

        Args:
            about: what they are, beside what the labels seen say.
            seen: the labels that they follow from.
        """
        try:
            content = self._path(about, seen).read_bytes()
        except FileNotFoundError:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            return {name: found[name] for name in found.files}

    def keep(self, about: Sequence[object], seen: Labels, **arrays: npt.ArrayLike) -> None:
        """Write arrays to the disk.

        Raises:
            OutputError: if they cannot be written.
        """
        stream = io.BytesIO()
        named: dict[str, Any] = {name: np.asarray(value) for name, value in arrays.items()}
        np.savez(stream, **named)
        write_atomically(self._path(about, seen), stream.getvalue())
