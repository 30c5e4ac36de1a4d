"""The diagram over many data sets: from the ledger and published records alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.charts.size_chart import draw_size_diagram
from minbits.checked_json import JsonError, read_json
from minbits.claims.card_file import CardClaim, card_claim, card_path
from minbits.claims.measured_file import SUFFIX, read_measured
from minbits.claims.outputs import NETWORK_SUFFIX, kept_files
from minbits.codec.file_format import decode_network, read_bytes
from minbits.errors import NetworkFileError, OutputError
from minbits.evaluation.accuracy import accuracy_reaches
from minbits.files import check_outputs, sha256_hex
from minbits.intervals import anytime_lower_limit
from minbits.jobs.diagram_request import DiagramRequest
from minbits.jobs.diagram_set import SetPlan, bring_in, measured_in, set_measured
from minbits.jobs.shared_options import Origin
from minbits.ledger.front import front
from minbits.ledger.location import chosen_ledger, ledger_exists
from minbits.ledger.store import LedgerReader, read_ledger
from minbits.notebook import Cells, Shown
from minbits.studies.diagram_statistics import MIN_SETS, diagram_statistics
from minbits.studies.size_diagram import LeftOut, Point, SetMeasured, SizeDiagram
from minbits.types import DataSet

_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class _File:
    """A file that reached an accuracy on validation and on the test set."""

    data_digest: str
    claimable: float
    size_bits: int
    correct: int
    n_test: int
    looks: int
    place: str
    sha256: str


@dataclass(frozen=True, repr=False)
class DiagramReport(Shown):
    """The diagram, and where it was drawn.

    Attributes:
        request: what was asked.
        diagram: the numbers.
        outputs: files written, by role.
    """

    request: DiagramRequest
    diagram: SizeDiagram
    outputs: dict[str, str]

    def summary(self) -> str:
        """Return what it is, in one line."""
        return f"{len(self.diagram.points)} data sets, X: {self.diagram.axis.title}"

    def facts(self) -> Cells:
        """Return the rows of its table, one a data set."""
        return [
            (point.data_name, f"{point.x[self.diagram.x_key].value:,.6g}",
             f"{self.diagram.y_bits(point):,}")
            for point in self.diagram.drawn()
        ]  # fmt: skip

    def header(self) -> tuple[str, ...]:
        """Return the names of the table's columns."""
        return ("data set", self.diagram.axis.title, "bits of the smallest file so far")

    def picture_path(self) -> str | None:
        """Return the picture, as it was written."""
        return self.outputs.get("picture")


def diagram_job(
    sets: Sequence[tuple[DataSet, Origin]],
    request: DiagramRequest,
    say: Callable[[str], None] = lambda text: None,
) -> DiagramReport:
    """Bring data sets into the diagram, then draw it from the ledger and the records.

    Args:
        sets: those that are searched and measured first, as far as the ledger does not know them.
        request: what is asked.
        say: told what is done.

    Raises:
        KeyboardInterrupt: if it was interrupted; what was done by then is in the ledger.
        LedgerError: if the ledger cannot be used.
        OutputError: if the picture cannot be written, or a record is not valid.
    """
    target = chosen_ledger(request.ledger)
    if request.out is not None:
        files = [file for _, origin in sets for file in origin.files]
        check_outputs({"the picture": Path(request.out)}, kept_files(target, tuple(files)))
    for data, _ in sets:
        plan = SetPlan(
            request.accuracy, "", request.minutes, request.searches, request.workers,
            Path(request.records),
        )  # fmt: skip
        bring_in(data, plan, target, say)
    diagram = size_diagram(request)
    outputs = {}
    if request.out is not None:
        draw_size_diagram(diagram).save(Path(request.out))
        outputs["picture"] = str(request.out)
    return DiagramReport(request, diagram, outputs)


def size_diagram(request: DiagramRequest) -> SizeDiagram:
    """Return the numbers of the diagram: nothing is searched, and no data set is loaded.

    Of a set the smallest file counts that reached the target on validation *and* on the test set,
    wherever it is. A file of the records must have the bytes that its card names, and be a network;
    of the ledger's claims those count that nothing speaks against.

    Raises:
        LedgerError: if the ledger cannot be read.
        OutputError: if a record is not valid.
    """
    measured: dict[str, SetMeasured] = {}
    files: list[_File] = []
    left: dict[str, LeftOut] = {}
    folder, target = Path(request.records), chosen_ledger(request.ledger)
    if folder.is_dir():
        for path in _records(folder, SUFFIX):
            item = read_measured(path)
            measured[item.data_digest] = item
        files += [file for path in _records(folder, NETWORK_SUFFIX) if (file := _of_card(path))]
    if ledger_exists(target):
        with read_ledger(target) as ledger:
            own, unmeasured = _of_ledger(ledger)
            measured |= own
            files += [file for digest in own for file in _claims(ledger, digest)]
            left = {digest: item for digest, item in unmeasured.items() if digest not in measured}
    points = []
    for digest, item in measured.items():
        point = _point(item, [file for file in files if file.data_digest == digest], request)
        if isinstance(point, Point):
            points.append(point)
        else:
            left[digest] = point
    return with_statistics(
        SizeDiagram(
            request.x, request.y, request.accuracy,
            tuple(sorted(points, key=lambda point: point.data_name)),
            tuple(sorted(left.values(), key=lambda item: item.data_name)),
        )
    )  # fmt: skip


def _records(folder: Path, suffix: str) -> list[Path]:
    """Return the files of a kind in a folder and in its folders."""
    return sorted([*folder.glob(f"*{suffix}"), *folder.glob(f"*/*{suffix}")])


def _of_card(path: Path) -> _File | None:
    """Return what a card says of the file beside it; None where there is no card.

    Raises:
        OutputError: if the file is another one than the card's, or no network.
    """
    place = card_path(path)
    if not place.is_file():
        return None
    try:
        card: CardClaim = card_claim(read_json(place))
        content = read_bytes(path)
        decode_network(content)
    except (OSError, JsonError, NetworkFileError) as error:
        raise OutputError(
            str(path), getattr(error, "strerror", None) or str(error), "a network file and card",
            "Move both out of the folder.",
        ) from error  # fmt: skip
    if sha256_hex(content) != card.sha256 or 8 * len(content) != card.size_bits:
        raise OutputError(
            str(path), f"{8 * len(content):,} bits with SHA-256 {sha256_hex(content)}",
            f"{card.size_bits:,} bits with {card.sha256}, as on its card",
            "Move both out of the folder.",
        )  # fmt: skip
    correct, examples = card.validation
    return _File(
        card.data_digest, min(correct / examples, card.correct / card.n_test), card.size_bits,
        card.correct, card.n_test, max(1, card.looks), str(path), card.sha256,
    )  # fmt: skip


def _of_ledger(ledger: LedgerReader) -> tuple[dict[str, SetMeasured], dict[str, LeftOut]]:
    """Return the sets of a ledger that were measured, and those that were claimed only."""
    found = {}
    for digest, known in measured_in(ledger).items():
        item = set_measured(digest, known, ledger.trial_outcomes(digest))
        if item is not None:
            found[digest] = item
    claimed = {row["data_digest"]: row["data_name"] for row in ledger.rows("claims")}
    reason = "X was not measured: `minbits diagram DATA` does that"
    return found, {digest: LeftOut(name, reason) for digest, name in claimed.items()}


def _claims(ledger: LedgerReader, digest: str) -> list[_File]:
    looks = max(1, ledger.look_count(digest))
    return [
        _File(
            digest, row["claimable_accuracy"], row["size_bits"], row["correct"], row["n_test"],
            looks, f"claim {row['id']} of ledger {ledger.name}", row["artifact_sha256"],
        )
        for row in front(ledger, None, None, digest)
    ]  # fmt: skip


def _point(item: SetMeasured, files: Sequence[_File], request: DiagramRequest) -> Point | LeftOut:
    target = request.accuracy or item.figures.target_accuracy
    reaching = [file for file in files if accuracy_reaches(file.claimable, target)]
    if not reaching:
        return LeftOut(
            item.data_name,
            f"no file reached {100 * target:g} % on validation and test in {item.trials:,} trials",
        )
    best = min(reaching, key=lambda file: file.size_bits)
    if target != item.figures.target_accuracy:  # searches and first file are of its own target
        item = dataclasses.replace(item, searches=(), first_bits=None)
    # Cards of other places may know of more looks.
    looks = max(file.looks for file in files)
    return Point(
        item, target, best.size_bits, best.correct, best.n_test,
        anytime_lower_limit(best.correct, best.n_test, looks), best.place, best.sha256,
    )  # fmt: skip


def not_drawn(diagram: SizeDiagram) -> tuple[LeftOut, ...]:
    """Return the sets that the diagram does not show, each with the reason."""
    lacking = [point for point in diagram.points if diagram.x_key not in point.x]
    reason = f"{diagram.x_key} is not known of it"
    return (*diagram.left_out, *(LeftOut(point.data_name, reason) for point in lacking))


def with_statistics(diagram: SizeDiagram) -> SizeDiagram:
    """Return the diagram with what its points say together, and those of each group once."""
    points = diagram.points
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(point.figures.group, []).append(point)
    shared = [name for name, some in groups.items() if len(some) > 1]
    # The set that the others take their examples from stands for all of them, if it is there.
    alone = [
        next((point for point in some if point.data_name == name), some[0])
        for name, some in groups.items()
    ]
    return dataclasses.replace(
        diagram,
        statistics=diagram_statistics(points, diagram.x_key, diagram.y_bits, "all data sets"),
        one_a_group=diagram_statistics(
            alone, diagram.x_key, diagram.y_bits,
            f"one of those that share examples ({', '.join(shared)})",
        )
        if shared
        else None,
    )  # fmt: skip


def statistics_sentences(diagram: SizeDiagram) -> list[str]:
    """Return what the points say together, in words."""
    found = diagram.statistics
    if found is None:
        return [f"{len(diagram.points)} data sets are too few for statistics: {MIN_SETS} or more."]
    lines = []
    chosen = found.axis(diagram.x_key)
    if chosen is not None:
        r, b = chosen.correlation, chosen.exponent
        is_shown = r.low > 0 and chosen.p_value < _SIGNIFICANT
        follows = "follows" if is_shown else "is not shown to follow"
        lines.append(
            f"Over {chosen.sets} data sets size {follows} X: rank correlation {r.value:.2f} (95 % "
            f"interval {r.low:.2f} to {r.high:.2f} by the bootstrap over sets; permutation test "
            f"p = {chosen.p_value:.2g}). Power law: Y = {chosen.factor:.3g} · X^{b.value:.2f} "
            f"(exponent {b.low:.2f} to {b.high:.2f}); a set left out is predicted within a factor "
            f"of {2**chosen.left_out_error:.2f} (root mean square)."
        )
    if found.best_key is not None and found.best_share is not None:
        lines.append(
            f"Of the X that can be compared on {found.compared_sets} sets, {found.best_key} "
            f"predicts a set left out best (so in {100 * found.best_share:.0f} % of the "
            "bootstrap's samples)."
        )
    for verdict, words in (("dearer", "Dearer"), ("cheaper", "Cheaper")):
        far = [f"{r.data_name} ({r.times:.2f} times)" for r in found.residuals
               if r.verdict == verdict]  # fmt: skip
        if far:
            lines.append(f"{words} than X says, beyond 95 % of the others' law: {', '.join(far)}.")
    ratios = [(p.data_name, p.times_true) for p in diagram.points if p.times_true is not None]
    if ratios:
        told = ", ".join(f"{name} {times:.2f}" for name, times in ratios)
        lines.append(f"Planted networks, bits found over bits of the network that was planted: "
                     f"{told}.")  # fmt: skip
    other = diagram.one_a_group
    if other is not None and (apart := other.axis(diagram.x_key)) is not None:
        r = apart.correlation
        lines.append(
            f"With {other.scope} alone: rank correlation {r.value:.2f} ({r.low:.2f} to "
            f"{r.high:.2f}) over {apart.sets} sets."
        )
    return lines


def plain_diagram(report: DiagramReport) -> dict[str, Any]:
    """Return the report as plain data for JSON; the keys are stable."""
    diagram = report.diagram
    return {
        "x": diagram.x_key,
        "y": diagram.y_key,
        "accuracy": diagram.accuracy,
        "points": [_plain_point(point, diagram) for point in diagram.points],
        "left_out": [dataclasses.asdict(item) for item in not_drawn(diagram)],
        "statistics": _plain_statistics(diagram.statistics),
        "one_a_group": _plain_statistics(diagram.one_a_group),
        "outputs": report.outputs,
    }


def _plain_statistics(found: Any) -> dict[str, Any] | None:
    return None if found is None else dataclasses.asdict(found)


def _plain_point(point: Point, diagram: SizeDiagram) -> dict[str, Any]:
    low, high = point.range_bits
    return {
        "data": point.data_name,
        "data_digest": point.measured.data_digest,
        "group": point.figures.group,
        "target_accuracy": point.target_accuracy,
        "target_reason": point.figures.target_reason,
        "measures": [{"key": key, **vars(item)} for key, item in point.x.items()],
        "y_bits": diagram.y_bits(point),
        "size_bits": point.size_bits,
        "encoding_bits": point.figures.encoding_bits,
        "first_bits": point.first_bits,
        "range_bits": [low, high],
        "trials": point.measured.trials,
        "searches": [dataclasses.asdict(item) for item in point.measured.searches],
        "correct": point.correct,
        "n_test": point.n_test,
        "lower_limit": point.lower_limit,
        "shown_to_reach_target": point.is_shown_to_reach,
        "usual": None if point.figures.usual is None else vars(point.figures.usual),
        "true_bits": point.figures.true_bits,
        "times_true": point.times_true,
        "place": point.place,
        "sha256": point.sha256,
    }
