"""The names of what a job writes, checked before any work is done."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from minbits.data.companion import companion_path
from minbits.data.label_column import LABEL_NAMES
from minbits.errors import OutputError
from minbits.ledger.location import LedgerTarget, parse_target
from minbits.types import DataSet

NETWORK_SUFFIX = ".mbn"
CARD_SUFFIX = ".json"
CURVE = "curve"
_LONGEST_PART = 60
PICTURE_KINDS = ("png", "svg")


def name_part(text: str) -> str:
    """Return a text as a part of a file name: letters and digits of any language, ``.``, ``_``."""
    kept = [character if character.isalnum() or character in "._" else "-" for character in text]
    words = [word for word in "".join(kept).split("-") if word]
    # A name of dots alone is a folder, and one that starts with a dot is hidden.
    return "-".join(words)[:_LONGEST_PART].strip(".-") or "data"


def output_stem(data: DataSet, label: str | None = None) -> str:
    """Return how the names of a data set's files start, such as ``my-species``.

    The label column is a part of it where there may be another one: where the user named it, where
    it is not called as label columns usually are, or where two columns are called so.

    Args:
        data: the data set.
        label: the label column that the user named; None where nobody did.
    """
    column = data.label_column
    if column is None:
        return name_part(data.name)
    others = () if data.table is None else data.table.columns
    is_usual = column.strip().lower() in LABEL_NAMES
    is_alone = not any(other.name.strip().lower() in LABEL_NAMES for other in others)
    if label is None and is_usual and is_alone:
        return name_part(data.name)
    return f"{name_part(data.name)}-{name_part(column)}"


def default_output(
    data: DataSet,
    accuracy: float | None,
    label: str | None = None,
    network: str | None = None,
) -> Path:
    """Return the name of a network file in the current folder, such as ``mnist-99.mbn``.

    Args:
        data: the data set.
        accuracy: the target, in (0, 1]; None stands for all targets of a curve.
        label: the label column that the user named; None where nobody did.
        network: the network that was asked for, or the module that is compressed; None: any.
    """
    parts = [output_stem(data, label)]
    if network is not None:
        parts.append(name_part(network))
    parts.append(CURVE if accuracy is None else f"{100 * accuracy:g}")
    return Path("-".join(parts) + NETWORK_SUFFIX)


def module_name(model: str) -> str:
    """Return what a module is called in file names: of ``mynet.py:build`` it is ``mynet``."""
    place, separator, name = model.rpartition(":")
    if not separator:
        return Path(model).stem
    return Path(place).stem if place.endswith(".py") else name


def so_far_path(out: Path) -> Path:
    """Return where the best file so far lies: ``mnist-99.so-far.mbn`` beside ``mnist-99.mbn``."""
    return out.with_name(f"{out.stem}.so-far{out.suffix}")


def network_outputs(out: Path) -> dict[str, Path]:
    """Return where a network file and what belongs to it go, by what they are called in messages.

    Raises:
        OutputError: if ``out`` is the name of a folder.
    """
    if not out.name or out.is_dir():
        raise OutputError(str(out), "a folder", "a file name", "Name a file with `out`.")
    pictures = {f"its diagram as {k.upper()}": out.with_suffix(f".{k}") for k in PICTURE_KINDS}
    return {
        "the network file": out,
        "its companion": companion_path(out),
        "its card": out.with_suffix(CARD_SUFFIX),
        **pictures,
    }


def kept_files(ledger: LedgerTarget | None, inputs: Iterable[Path] = ()) -> dict[str, Path]:
    """Return the files that outputs must not replace, by what they are called in messages."""
    kept = {f"the input {path}": path for path in inputs if path.exists()}
    place = None if ledger is None else parse_target(ledger)
    if isinstance(place, Path):
        kept["the ledger"] = place
    return kept
