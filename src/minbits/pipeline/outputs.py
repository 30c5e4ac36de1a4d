"""The names of what a job writes beside its network file, checked before any work is done."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from minbits.errors import OutputError
from minbits.ledger.location import LedgerTarget, parse_target

CARD_SUFFIX = ".json"
PICTURE_KINDS = ("png", "svg")


def so_far_path(out: Path) -> Path:
    """Return where the best file so far lies: ``mnist-99.so-far.mbn`` beside ``mnist-99.mbn``."""
    return out.with_name(f"{out.stem}.so-far{out.suffix}")


def network_outputs(out: Path) -> dict[str, Path]:
    """Return where a network file and what belongs to it go, by what they are called in messages.

    Raises:
        OutputError: if ``out`` is the name of a folder.
    """
    if not out.name or out.is_dir():
        raise OutputError(str(out), "a folder", "a file name", "Name a file with --out.")
    pictures = {f"its diagram as {k.upper()}": out.with_suffix(f".{k}") for k in PICTURE_KINDS}
    return {"the network file": out, "its card": out.with_suffix(CARD_SUFFIX), **pictures}


def kept_files(ledger: LedgerTarget | None, inputs: Iterable[Path] = ()) -> dict[str, Path]:
    """Return the files that outputs must not replace, by what they are called in messages."""
    kept = {f"the input {path}": path for path in inputs if path.exists()}
    place = None if ledger is None else parse_target(ledger)
    if isinstance(place, Path):
        kept["the ledger"] = place
    return kept
