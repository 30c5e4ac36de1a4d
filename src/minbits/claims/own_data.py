"""Whether a network file is run on the data set that it was made for.

A network reads encoded inputs. The companion beside it has the encoding of a table's columns, so
that other rows are read as those of training were. Where there is none, exponents, offsets and
categories are fitted to the training rows of the file that is loaded, so that one changed cell may
change every input: on another table than its own, a network answers another question. Images and
arrays are fed as they are, and may be an own test set. What a file was made for is on its card, in
its companion, or in a ledger.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.checked_json import JsonError, read_json
from minbits.claims.card_file import card_claim, card_path
from minbits.claims.stored_data import as_stored
from minbits.claims.verification import state_long_run, verify_file
from minbits.codec.architecture import class_count
from minbits.codec.file_format import decode_network, read_bytes
from minbits.codec.run_cost import RunCost
from minbits.data.companion import Companion, companion_beside, companion_path
from minbits.errors import DataError
from minbits.files import sha256_hex
from minbits.ledger.location import LedgerTarget
from minbits.ledger.store import read_ledger
from minbits.types import DataSet, Verification

NOT_COUNTED = (
    "This run on the test set is not counted: no ledger adds it to the number of looks, so the "
    "limits that `minbits size` prints know nothing of it."
)


@dataclass(frozen=True)
class MadeFor:
    """What is known of the data set that a file was made for.

    Attributes:
        digests: SHA-256 of the data set; several where a ledger has the file's bytes for several.
        name: what it is called.
        source: where that is known from.
    """

    digests: frozenset[str]
    name: str
    source: str


@dataclass(frozen=True)
class FileRun:
    """What a run of a file on given data came to.

    Attributes:
        verification: what a fresh process found on the test set.
        data_name: what the data set is called.
        data_digest: its SHA-256.
        made_for: what is known of the data set that the file was made for; None where nothing is.
        is_own_data: whether both are the same; None where nothing is known.
        encoding_fitted_anew: whether a table's encoding was fitted to this data, which may not be
            what the network was trained on.
        encoded_by_companion: whether a table was encoded as the file's companion says.
        remarks: what the user should know of the data.
    """

    verification: Verification
    data_name: str
    data_digest: str
    made_for: MadeFor | None
    is_own_data: bool | None
    encoding_fitted_anew: bool
    encoded_by_companion: bool
    remarks: tuple[str, ...]


def made_for(path: Path, content: bytes, ledger: LedgerTarget | None = None) -> MadeFor | None:
    """Return what the card beside a file says that it was made for, or else companion or ledger.

    Args:
        path: of the network file.
        content: its bytes.
        ledger: where to look if there is no card; None looks nowhere.

    Raises:
        DataError: if the card or the companion beside the file is damaged, or of another file.
        LedgerError: if the ledger cannot be read.
    """
    sha256 = sha256_hex(content)
    place = card_path(path)
    try:
        plain = read_json(place)
        if isinstance(plain, dict) and {"sha256", "data_digest"} & set(plain):
            card = card_claim(plain)
            if card.sha256 != sha256:
                raise DataError(
                    str(path), f"a file with SHA-256 {sha256}",
                    f"{card.sha256}, as on the card {place}",
                    "Get both again, or move the card away: it is of another file.",
                )  # fmt: skip
            return MadeFor(frozenset([card.data_digest]), card.data_name, f"the card {place}")
    except FileNotFoundError:
        pass  # a file may come without its card
    except (OSError, JsonError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            str(place), reason, "the card of the network file beside it (docs/card.md)",
            "Get the card again, or move it away if it is none.",
        ) from error  # fmt: skip
    companion = companion_beside(path, sha256)
    if companion is not None:
        source = f"the companion {companion_path(path)}"
        return MadeFor(frozenset([companion.data_digest]), companion.data_name, source)
    if ledger is None:
        return None
    with read_ledger(ledger) as reader:
        names = reader.data_of_file(sha256)
        source = f"the ledger {reader.name}"
    return (
        MadeFor(frozenset(names), ", ".join(sorted(set(names.values()))), source) if names else None
    )


def verify(
    path: str | Path,
    data: DataSet,
    *,
    ledger: LedgerTarget | None = None,
    any_data: bool = False,
    allow_slow: bool = False,
    on_cost: Callable[[RunCost], None] = state_long_run,
) -> FileRun:
    """Run a network file on a data set's test set in a fresh process, with NumPy alone.

    The run is not counted as a look at the test set: no ledger knows of it.

    Args:
        path: of the network file; the card beside it says which data set it was made for.
        data: whose test examples are classified.
        ledger: says it where there is no card; None looks nowhere.
        any_data: whether a table may be another one than a network without a companion was made
            for. Its encoding is then fitted anew, and the accuracy says little of the network.
        allow_slow: whether to run a file however long it takes.
        on_cost: told what the run will cost before it begins.

    Raises:
        CostError: if the run would take minutes, and that is not allowed.
        DataError: if there is no companion and a table is another one, or not known to be the same;
            if the network does not fit the data set; or if card or companion are of another file.
        NetworkFileError: if the file is not valid, or its process fails.
        LedgerError: if the ledger cannot be read.
    """
    file = Path(path)
    content = read_bytes(file)
    known = made_for(file, content, ledger)
    companion = companion_beside(file, sha256_hex(content))
    is_own = None if known is None else data.digest in known.digests
    is_table = data.table is not None
    is_stored = is_table and companion is not None and companion.columns is not None
    if is_table and not is_stored and not is_own and not any_data:
        raise _refusal(file, data, known)
    handled: tuple[str, ...] = ()
    if companion is not None and (is_stored or not is_table):
        data, handled = as_stored(data, companion)
    if not is_own:
        _check_classes(file, content, data)
    found = verify_file(file, data, allow_slow, on_cost)
    if found.sha256 != sha256_hex(content):
        raise DataError(
            str(file), f"a file with SHA-256 {found.sha256}",
            f"{sha256_hex(content)}, as it had a moment ago",
            "Try again when nothing writes to it.",
        )  # fmt: skip
    return FileRun(
        verification=found,
        data_name=data.name,
        data_digest=data.digest,
        made_for=known,
        is_own_data=is_own,
        encoding_fitted_anew=is_table and not is_stored and not is_own,
        encoded_by_companion=is_stored,
        remarks=() if is_own else (*_remarks(data, known, companion), *handled),
    )


def _refusal(path: Path, data: DataSet, known: MadeFor | None) -> DataError:
    if known is None:
        return DataError(
            str(path), f"the table {data.name}, and nothing that says what the file was made for",
            "the card beside the file, or a ledger that knows it",
            "Put the card beside it, or name the ledger with `ledger`. `any_data=True` runs the "
            "file with an encoding that is fitted anew to this table.",
        )  # fmt: skip
    return DataError(
        str(path), f"the table {data.name} with SHA-256 {data.digest}",
        f"{' or '.join(sorted(known.digests))}, as {known.source} says of {known.name}",
        "Give the table that the network was made for, with the same options (`label`, `drop`). "
        "`any_data=True` runs the file with an encoding that is fitted anew to this table.",
    )  # fmt: skip


def _check_classes(path: Path, content: bytes, data: DataSet) -> None:
    """Refuse data of other classes: the number of a class is its place among the labels."""
    got = class_count(decode_network(content).architecture)
    if got != data.class_count:
        raise DataError(
            str(path), f"a network of {got} classes", f"{data.class_count}, as {data.name} has",
            "Use the data set that the network was made for.",
        )  # fmt: skip


def _remarks(data: DataSet, known: MadeFor | None, companion: Companion | None) -> tuple[str, ...]:
    """Return in sentences what it means that a data set is not known to be the file's own."""
    if known is None:
        first = "Nothing says which data set the file was made for: there is no card beside it."
    else:
        digests = " or ".join(digest[:16] for digest in sorted(known.digests))
        first = (
            f"This is not the data set that the file was made for: its SHA-256 is "
            f"{data.digest[:16]}…, where {known.source} says {digests}… ({known.name})."
        )
    if companion is not None and (data.table is None or companion.columns is not None):
        second = "Columns and classes were found by the names in the companion; nothing was fitted."
    elif data.table is not None:
        second = (
            "The encoding of the table's columns was fitted anew to it, and may differ from the "
            "one that the network was trained on: this accuracy may say nothing of the network."
        )
    else:
        second = "Its classes are numbered in the order of its own labels."
    return (first, second)


def plain_run(run: FileRun) -> dict[str, Any]:
    """Return a run as plain data for JSON; the keys are stable."""
    facts = dataclasses.asdict(run.verification)
    for name in ("path", "seconds", "energy_joules"):
        del facts[name]
    known = run.made_for
    return {
        **facts,
        "data": run.data_name,
        "data_digest": run.data_digest,
        "made_for_digests": [] if known is None else sorted(known.digests),
        "made_for": None if known is None else known.name,
        "made_for_source": None if known is None else known.source,
        "is_own_data": run.is_own_data,
        "encoding_fitted_anew": run.encoding_fitted_anew,
        "encoded_by_companion": run.encoded_by_companion,
        "counted_as_look": False,
    }
