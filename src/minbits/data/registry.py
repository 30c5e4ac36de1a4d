"""From a name or a path to a data set: a new loader is one new entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from minbits.data.arff_file import load_arff
from minbits.data.assemble import read_failure
from minbits.data.builtin import BUILT_IN
from minbits.data.csv_file import is_csv_folder, load_csv, load_csv_folder
from minbits.data.excel_file import load_excel
from minbits.data.families import FAMILIES, family_of
from minbits.data.idx import load_idx_folder
from minbits.data.image_folder import is_image_folder, load_image_folder
from minbits.data.json_lines import load_json_lines
from minbits.data.numpy_files import is_array_folder, load_array_folder, load_npy, load_npz
from minbits.data.options import LoadOptions
from minbits.data.parquet import load_parquet
from minbits.data.series_file import load_series
from minbits.data.typed_columns import listed
from minbits.errors import DataError
from minbits.files import regular_size
from minbits.plain_text import suggested
from minbits.requests import call_with
from minbits.types import DataSet


@dataclass(frozen=True)
class PathLoader:
    """A loader for paths that ``accepts`` them."""

    description: str
    accepts: Callable[[Path], bool]
    load: Callable[[Path, LoadOptions], DataSet]


def _load_idx(path: Path, options: LoadOptions) -> DataSet:
    options.only("a folder of IDX files")
    name = path.resolve().name
    return load_idx_folder(path, name, origin=f"IDX folder {name}")


def _is_idx_folder(path: Path) -> bool:
    return path.is_dir() and any(path.glob("*ubyte*"))


def _ends(*suffixes: str) -> Callable[[Path], bool]:
    return lambda path: path.is_file() and path.name.lower().endswith(suffixes)


_TEXT_TABLES = (".csv", ".tsv", ".tab", ".txt", ".data", ".dat")
_JSON_LINES = (".jsonl", ".ndjson")


def _or_zipped(*suffixes: str) -> Callable[[Path], bool]:
    return _ends(*suffixes, *(f"{suffix}.gz" for suffix in suffixes))


PATH_LOADERS: tuple[PathLoader, ...] = (
    PathLoader("a .csv or .tsv file", _or_zipped(*_TEXT_TABLES), load_csv),
    PathLoader("a .parquet file", _ends(".parquet", ".pq"), load_parquet),
    PathLoader("an .xlsx file", _ends(".xlsx", ".xlsm"), load_excel),
    PathLoader("an .arff file", _or_zipped(".arff"), load_arff),
    PathLoader("a .ts file of time series", _ends(".ts"), load_series),
    PathLoader("a .jsonl file", _or_zipped(*_JSON_LINES), load_json_lines),
    PathLoader("an .npz file", _ends(".npz"), load_npz),
    PathLoader("an .npy file", _ends(".npy"), load_npy),
    PathLoader("a folder of train.csv and test.csv", is_csv_folder, load_csv_folder),
    PathLoader("a folder of .npy arrays", is_array_folder, load_array_folder),
    PathLoader("a folder of images, one folder a class", is_image_folder, load_image_folder),
    PathLoader("a folder of IDX files", _is_idx_folder, _load_idx),
)


@call_with(LoadOptions)
def load(source: str | Path, options: LoadOptions) -> DataSet:
    """Load a data set by name, as ``iris`` or ``keel:letter``, or a folder or file by path.

    Raises:
        DataError: if nothing of that name exists, or it cannot be read.
        ArgumentError: if an option means nothing for the source.
    """
    built_in = BUILT_IN.get(str(source))
    if built_in is not None:
        options.only(str(source))
        return built_in.load()
    if (found := family_of(str(source))) is not None:
        return found[0].load(found[1], options)
    path = Path(source)
    names = (*BUILT_IN, *(family.form for family in FAMILIES.values()))
    known = ", ".join((*names, *(item.description for item in PATH_LOADERS)))
    try:
        if not path.exists():
            remedy = suggested(str(source), BUILT_IN, "Check the spelling.")
            raise DataError(f"data set '{source}'", "an unknown name", known, remedy)
        _check_name(path)
        for item in PATH_LOADERS:
            if item.accepts(path):
                return item.load(path, options)
        if path.is_dir():
            inside = listed(sorted(item.name for item in path.iterdir()))
            raise DataError(
                str(source), f"a folder of {inside}" if inside else "an empty folder", known,
                "Name the file or the folder that holds the data.",
            )  # fmt: skip
        regular_size(path)  # a pipe or a device is named as what it is
    except OSError as error:
        raise read_failure(path, error) from error
    raise DataError(str(source), f"a file of type '{path.suffix}'", known, "Convert the file.")


def _check_name(path: Path) -> None:
    """Refuse a path that is no text: the data set's name goes into cards, ledgers and file names.

    Raises:
        DataError: if a part of it is not UTF-8.
    """
    for text in (str(path), path.resolve().name):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise DataError(
                str(path), "a name that is not UTF-8", "a name in UTF-8", "Rename it."
            ) from error
