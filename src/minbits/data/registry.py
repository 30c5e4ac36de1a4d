"""From a name or a path to a data set: a new loader is one new entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from minbits.data.builtin import BUILT_IN
from minbits.data.idx import load_idx_folder
from minbits.data.npz import load_npz
from minbits.errors import DataError
from minbits.records import DataSet


@dataclass(frozen=True)
class PathLoader:
    """A loader for paths that ``accepts`` them."""

    description: str
    accepts: Callable[[Path], bool]
    load: Callable[[Path], DataSet]


def _load_folder(path: Path) -> DataSet:
    name = path.resolve().name
    return load_idx_folder(path, name, origin=f"IDX folder {name}")


PATH_LOADERS: tuple[PathLoader, ...] = (
    PathLoader("a folder of IDX files", Path.is_dir, _load_folder),
    PathLoader("an .npz file", lambda path: path.suffix == ".npz", load_npz),
)


def load(source: str | Path) -> DataSet:
    """Load a built-in data set by name, or a folder or file by path.

    Raises:
        DataError: if nothing of that name exists, or it cannot be read.
    """
    loader = BUILT_IN.get(str(source))
    if loader is not None:
        return loader()
    path = Path(source)
    known = ", ".join(BUILT_IN) + ", " + ", ".join(item.description for item in PATH_LOADERS)
    if not path.exists():
        raise DataError(f"data set '{source}'", "an unknown name", known, "Check the spelling.")
    for item in PATH_LOADERS:
        if item.accepts(path):
            return item.load(path)
    raise DataError(str(source), f"a file of type '{path.suffix}'", known, "Convert the file.")
