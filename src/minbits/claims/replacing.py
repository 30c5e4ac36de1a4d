"""What a job's files may replace: nothing of another data set, and nothing better.

One rule for every command that writes a network file with its card and pictures:

- a file of another data set or another target, one without a card and one that is not ours are
  refused before the search begins, unless ``force`` is given. What the ledger knows as a file of
  this data set is ours: a job that was killed may have left it without its card;
- a file of the same data set at the same target is replaced by one that is as small or smaller. If
  the one in place is smaller, and does what its card says when it is run again, it stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from minbits.checked_json import JsonError, read_json
from minbits.claims.card_file import CardClaim, card_claim, card_path
from minbits.claims.claiming import verify_bytes
from minbits.claims.outputs import network_outputs
from minbits.codec.file_format import read_bytes
from minbits.data.companion import companion_path, parse_companion
from minbits.errors import DataError, MinbitsError, OutputError
from minbits.evaluation.accuracy import reaches
from minbits.evaluation.evaluate import evaluate_on_validation
from minbits.files import sha256_hex, write_atomically
from minbits.ledger.queries import LedgerReader
from minbits.types import DataSet, Verification

_SAME_ACCURACY = 1e-12
_CHOOSE = "Choose another name with `out`, or write over it with `force=True`."


@dataclass(frozen=True)
class _InPlace:
    """A network file that is in place, of the data set and the target of a job."""

    content: bytes
    card: CardClaim


def _beside(out: Path) -> list[Path]:
    return [path for path in network_outputs(out).values() if path != out]


def _refuse(path: Path, got: str, expected: str) -> OutputError:
    return OutputError(str(path), got, expected, _CHOOSE)


def _is_known(out: Path, data: DataSet, ledger: LedgerReader | None) -> bool:
    """Whether a ledger has the bytes at ``out`` as a file of this data set."""
    if ledger is None:
        return False
    try:
        return data.digest in ledger.data_of_file(sha256_hex(read_bytes(out)))
    except MinbitsError:
        return False


def _in_place(
    out: Path, data: DataSet, accuracy: float | None, ledger: LedgerReader | None
) -> _InPlace | None:
    """Return the file that may be replaced by a better one; None where nothing is in the way.

    Raises:
        OutputError: if something is in the way that must not be replaced.
    """
    found = [path for path in (out, *_beside(out)) if path.exists() or path.is_symlink()]
    if not found:
        return None
    place = card_path(out)
    if place not in found:
        if out in found and _is_known(out, data, ledger):
            return None
        raise _refuse(found[0], "a file without a card, which may be anybody's", "a free name")
    try:
        card = card_claim(read_json(place))
    except (OSError, JsonError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refuse(place, f"a file that is no card of ours ({reason})", "a free name") from error
    if card.data_digest != data.digest:
        raise _refuse(
            place, f"the card of another data set, {card.data_name} ({card.data_digest[:16]}…)",
            f"a free name, or a card of this one ({data.digest[:16]}…)",
        )  # fmt: skip
    if accuracy is not None and abs(card.target_accuracy - accuracy) > _SAME_ACCURACY:
        raise _refuse(
            place, f"the card of a file for {100 * card.target_accuracy:g} %",
            f"a free name, or a card for {100 * accuracy:g} %",
        )  # fmt: skip
    _check_companion(companion_path(out), card, data)
    if out not in found:
        return None
    try:
        content = read_bytes(out)
    except MinbitsError as error:
        raise _refuse(out, error.got, "a free name, or a network file") from error
    if sha256_hex(content) != card.sha256:
        if _is_known(out, data, ledger):
            return None
        raise _refuse(
            out, f"a file with SHA-256 {sha256_hex(content)[:16]}…",
            f"a free name, or the file of its card ({card.sha256[:16]}…)",
        )  # fmt: skip
    return _InPlace(content, card)


def _check_companion(path: Path, card: CardClaim, data: DataSet) -> None:
    """Refuse a companion that is neither the card's nor one of this data set.

    One of this data set may be left by a job that was killed before it wrote the card.

    Raises:
        OutputError: if it is another's, or damaged.
    """
    if not path.exists() and not path.is_symlink():
        return
    free = "a free name, or the companion of its card"
    try:
        found, sha256 = parse_companion(path)
    except DataError as error:
        raise _refuse(path, error.got, free) from error
    if sha256 != card.companion_sha256 and found.data_digest != data.digest:
        raise _refuse(path, f"the companion of another data set, {found.data_name}", free)


def check_replaceable(
    paths: Iterable[Path],
    data: DataSet,
    accuracy: float | None = None,
    ledger: LedgerReader | None = None,
    *,
    force: bool = False,
) -> None:
    """Check, before any work is done, that a job's files write over nothing that it must not.

    Args:
        paths: of the network files; their cards and pictures go beside them.
        data: of the job.
        accuracy: of the job's target; None allows for files of any target.
        ledger: of the job; what it knows as a file of this data set needs no card.
        force: whether anything may be written over.

    Raises:
        OutputError: if a file of another data set or target, one without a card or one that is not
            ours is in the way.
    """
    for out in paths:
        if not force:
            _in_place(out, data, accuracy, ledger)


def check_curve_replaceable(
    pictures: Sequence[Path], points: Iterable[Path], *, force: bool = False
) -> None:
    """Check that pictures which have no card of their own are those of the points beside them.

    The points themselves are checked by `check_replaceable`.

    Raises:
        OutputError: if a picture is in the way, and no point's card says whose it is.
    """
    taken = [path for path in pictures if path.exists() or path.is_symlink()]
    if force or not taken:
        return
    if not any(card_path(point).exists() for point in points):
        raise _refuse(taken[0], "a picture without a card, which may be anybody's", "a free name")


def stays(
    out: Path,
    data: DataSet,
    accuracy: float,
    found: Verification,
    ledger: LedgerReader | None = None,
    *,
    force: bool = False,
) -> Verification | None:
    """Return what is known of the file in place if it is better than a new one, else None.

    It is better if it reached the target on validation and test, and the new one is larger or did
    not reach it. It is run again: its card is not believed.

    Args:
        out: where the new file is to go.
        data: the data set.
        accuracy: the target of both, in (0, 1].
        found: what is known of the new file.
        ledger: of the job.
        force: whether the new one goes there in any case.

    Raises:
        OutputError: as `check_replaceable`, where something came into the way meanwhile.
    """
    if force:
        return None
    known = _in_place(out, data, accuracy, ledger)
    if known is None:
        return None
    is_smaller = 8 * len(known.content) < found.size_bits
    if reaches(found.correct, found.n_test, accuracy) and not is_smaller:
        return None
    try:
        old = verify_bytes(known.content, data)
        validation = evaluate_on_validation(known.content, data)
    except MinbitsError:
        return None  # no network of this data set, whatever its card says
    is_good = reaches(old.correct, old.n_test, accuracy) and reaches(
        validation.correct, validation.examples, accuracy
    )
    return old if is_good else None


def write_once(out: Path, content: bytes, *, force: bool = False) -> None:
    """Write a file that has no card, over the same bytes alone.

    Raises:
        OutputError: if another file is in the way, or it cannot be written.
    """
    if out.exists() and not force:
        try:
            is_same = read_bytes(out) == content
        except MinbitsError:
            is_same = False
        if not is_same:
            raise _refuse(out, "another file", "a free name, or the same bytes")
    write_atomically(out, content)
