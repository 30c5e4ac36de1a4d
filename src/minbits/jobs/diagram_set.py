"""A data set for the diagram: searches that do not know of each other, then its figures.

Every part is a row of the ledger as soon as it is done: what was stopped goes on with what is
missing. The measures of X do not look at the test set.
"""

from __future__ import annotations

import dataclasses
import json
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.claims.measured_file import figures_of, plain_figures, plain_search, search_of
from minbits.data.encoding import encoding_bits
from minbits.data.families import family_of, shared_examples
from minbits.distributions import PlantedNetwork
from minbits.errors import DataError, MinbitsError
from minbits.evaluation.accuracy import accuracy_reaches, passes
from minbits.information.baselines import baselines
from minbits.information.binary_pixels import count_pixels, pixel_quantities
from minbits.information.discretise import Discretisation, can_binarise, discretise
from minbits.information.entropy_table import entropy_table
from minbits.information.input_ladder import InputLadder, climb
from minbits.information.intrinsic_dimension import ESTIMATORS, dimension_curves
from minbits.jobs.codelength import codelength_job, read_label_file
from minbits.jobs.codelength_request import CodelengthRequest
from minbits.jobs.entropy_report import ALL_MODELS
from minbits.jobs.size import size_job
from minbits.jobs.size_request import SizeRequest
from minbits.jobs.target import default_target
from minbits.label_codes.label_file import code_of
from minbits.ledger.exchange import LedgerSource, take
from minbits.ledger.location import LedgerTarget
from minbits.ledger.provenance import current_provenance
from minbits.ledger.rows import Row
from minbits.ledger.store import Ledger, LedgerReader, MeasurementEntry, open_ledger, read_ledger
from minbits.search.device import device_name
from minbits.search.driver import SearchEvents
from minbits.studies.kept import DIAGRAM_FIGURES, DIAGRAM_SEARCH
from minbits.studies.planted_file import planted_file
from minbits.studies.size_diagram import (
    Measured,
    SearchFound,
    SetFigures,
    SetMeasured,
    UsualNetwork,
)
from minbits.types import DataSet, TrialOutcome
from minbits.workers.environment import usable_cores

# Seeds of one search and of the next are so far apart.
SEEDS_APART = 100_000
# Parts of the time of a set; the prequential code takes its part twice, to encode and to decode.
_SEARCHES_SHARE, _CODE_SHARE, _LADDER_SHARE = 0.6, 0.125, 0.15


@dataclass(frozen=True)
class SetPlan:
    """How a data set is brought into the diagram.

    Attributes:
        accuracy: its target, in (0, 1]; None takes what `minbits.jobs.target` says.
        reason: why that target; empty where nobody says.
        minutes: for all of it, about.
        searches: how many.
        workers: processes; None for one a core.
        records: a folder of published files, which a code may begin with.
        searched: whether there are searches; else the file is among the records.
        label_files: published files of the labels, which were decoded when they were published;
            where there are some, no label is coded anew.
        measured_anew: whether what stands on the X axis is measured again where it is known. Of
            codes the shortest one counts, also of those before.
    """

    accuracy: float | None
    reason: str
    minutes: float
    searches: int
    workers: int | None
    records: Path
    searched: bool = True
    label_files: tuple[Path, ...] = ()
    measured_anew: bool = False


class _Set:
    def __init__(
        self, data: DataSet, plan: SetPlan, target: LedgerTarget, say: Callable[[str], None]
    ) -> None:
        self.data, self.plan, self.target, self.say = data, plan, target, say
        self.workers = plan.workers or usable_cores()
        with open_ledger(target) as ledger:
            known = measured_in(ledger).get(data.digest, {})
        self.figures: SetFigures | None = known.get("figures")
        self._searches: list[tuple[float, SearchFound]] = known.get("searches_by_target", [])

    def target_and_reason(self) -> tuple[float, str]:
        """Return the target and why it."""
        if self.figures is not None and self.plan.accuracy in (None, self.figures.target_accuracy):
            return self.figures.target_accuracy, self.figures.target_reason
        if self.plan.accuracy is not None:
            return self.plan.accuracy, self.plan.reason or "as it was asked for"
        found = default_target(self.data)
        return found.accuracy, found.reason

    def has_searched(self, number: int, accuracy: float) -> bool:
        """Return whether the ledger has a search at a target."""
        seed = number * SEEDS_APART
        return any(at == accuracy and item.seed == seed for at, item in self._searches)

    def retarget(self, accuracy: float, reason: str) -> None:
        """Append the figures with another target: what data carry does not hang on it."""
        assert self.figures is not None
        began = time.monotonic()
        figures = dataclasses.replace(
            self.figures, target_accuracy=accuracy, target_reason=reason,
            usual=_usual(self.data, accuracy),
        )  # fmt: skip
        with open_ledger(self.target) as ledger:
            settings = {"accuracy": accuracy}
            self._append(ledger, DIAGRAM_FIGURES, settings, plain_figures(figures), began)

    def search(self, number: int, accuracy: float) -> None:
        """Search in a ledger of its own, then take its rows and files into the ledger."""
        seed, began = number * SEEDS_APART, time.monotonic()
        minutes = _SEARCHES_SHARE * self.plan.minutes / self.plan.searches
        self.say(f"{self.data.name}: search {number + 1} of {self.plan.searches}")
        with tempfile.TemporaryDirectory(prefix="minbits-diagram-") as folder:
            own = Path(folder) / "ledger.sqlite"
            request = SizeRequest(
                accuracy, minutes, seed=seed, workers=self.workers, ledger=own,
                out=Path(folder) / "found.mbn",
            )  # fmt: skip
            report = size_job(self.data, request, SearchEvents(on_stage=self.say))
            if report.interrupted:
                raise KeyboardInterrupt
            found = SearchFound(
                seed, minutes, report.trials, None if report.best is None else report.best.size_bits
            )
            with open_ledger(self.target) as ledger:
                with read_ledger(own) as source:
                    take(LedgerSource(source), ledger)
                self._append(
                    ledger, DIAGRAM_SEARCH, {"accuracy": accuracy}, plain_search(found), began
                )

    def measure(self, accuracy: float, reason: str) -> None:
        """Measure what may stand on the X axis, and append it."""
        began, columns = time.monotonic(), self.data.table
        codes = self._codes()
        self.say(f"{self.data.name}: entropies")
        ladder = climb(
            discretise(self.data, Discretisation()), 60 * _LADDER_SHARE * self.plan.minutes,
            ALL_MODELS, self.say,
        )  # fmt: skip
        figures = SetFigures(
            group=shared_examples(self.data.name),
            target_accuracy=accuracy,
            target_reason=reason,
            x=self._shortest(code_figures(codes))
            | entropy_figures(self.data, ladder)
            | self._dimension(),
            encoding_bits=0 if columns is None else encoding_bits(columns.columns),
            usual=_usual(self.data, accuracy),
            true_bits=true_bits(self.data.name),
        )
        with open_ledger(self.target) as ledger:
            settings = {"accuracy": accuracy, "minutes": self.plan.minutes}
            self._append(ledger, DIAGRAM_FIGURES, settings, plain_figures(figures), began)

    def _shortest(self, found: dict[str, Measured]) -> dict[str, Measured]:
        """Return codes with those of an earlier measurement in place of longer ones."""
        before = {} if self.figures is None else self.figures.x
        return {
            key: min((item, before.get(key, item)), key=lambda one: one.value)
            for key, item in found.items()
        }

    def _codes(self) -> list[tuple[str, int, str]]:
        """Return the codes of the labels: the key of each, its bits, and how they are known."""
        labels = f"{len(self.data.train_labels):,} labels"
        if self.plan.label_files:
            files = [(path.name, read_label_file(path)) for path in self.plan.label_files]
            return [
                (key := code_of(content).key, 8 * len(content), f"{key} code of {labels}, {name}")
                for name, content in files
            ]
        request = CodelengthRequest(
            minutes=_CODE_SHARE * self.plan.minutes, workers=self.workers, ledger=self.target,
            records=self.plan.records,
        )  # fmt: skip
        report = codelength_job(self.data, request, self.say)
        return [
            (item.code, item.size_bits, f"{item.code} code of {labels}, decoded")
            for item in report.codes
            if item.size_bits is not None
        ]

    def _dimension(self) -> dict[str, Measured]:
        if can_binarise(self.data) and self.data.train_inputs.max() <= 1:
            return {}  # distances between bits tie, and the estimator takes ratios of them
        try:
            (curve,) = dimension_curves(self.data, estimators=ESTIMATORS[:1])
        except MinbitsError as error:
            self.say(f"{self.data.name}: no intrinsic dimension: {error}")
            return {}
        value = curve.figure().value
        if not math.isfinite(value):
            return {}
        return {"intrinsic_dimension": Measured(value, curve.figure().method)}

    def _append(
        self,
        ledger: Ledger,
        study: str,
        settings: dict[str, Any],
        result: dict[str, Any],
        began: float,
    ) -> None:
        provenance = current_provenance(device_name(), self.workers)
        seconds = time.monotonic() - began
        seed = result.get("seed", 0)
        entry = MeasurementEntry(self.data, study, settings, seed, result, seconds, provenance)
        ledger.append_measurements([entry])


def code_figures(codes: Sequence[tuple[str, int, str]]) -> dict[str, Measured]:
    """Return the measures of X that codes of the labels give, by the keys of the axes.

    Args:
        codes: the key of each, bits of its file, and how it is known.
    """
    found = {}
    for key, some in (
        ("label_code_bits", list(codes)),
        ("prequential_bits", [code for code in codes if code[0] != "two-part"]),
    ):
        if some:
            _, size_bits, method = min(some, key=lambda code: code[1])
            found[key] = Measured(float(size_bits), method)
    return found


def entropy_figures(data: DataSet, ladder: InputLadder | None = None) -> dict[str, Measured]:
    """Return the measures of X that entropies give, by the keys of the axes."""
    table = entropy_table(data)
    figures = {item.key: item for item in table.figures}
    if data.table is None and can_binarise(data):  # bits, which the table takes for columns
        pixels = count_pixels(data.train_inputs, Discretisation.threshold)
        figures |= {item.key: item for item in pixel_quantities(pixels)}
    found: dict[str, Measured] = {
        key: Measured(figures[key].value, figures[key].method)
        for key in ("label_entropy_total", "pixel_sum_without_complement")
        if key in figures
    }
    found["input_numbers"] = Measured(float(data.train_inputs.size), "counted")
    if ladder is not None:
        best = ladder.tightest
        low, high = best.interval_bits or (None, None)
        method = f"{best.method}; {ladder.what}"
        found["input_bound_bits"] = Measured(best.example_bits, method, low, high)
    return found


def _usual(data: DataSet, accuracy: float) -> UsualNetwork | None:
    for item in baselines(data):
        if accuracy_reaches(item.accuracy, accuracy):
            return UsualNetwork(item.name, item.size_bits, item.accuracy)
    return None


def true_bits(data_name: str) -> int | None:
    """Return the bits of the network file that gave a planted set its labels; None for others."""
    found = family_of(data_name)
    if found is None or found[0].source is None:
        return None
    source = found[0].source(found[1])
    return 8 * len(planted_file(source)) if isinstance(source, PlantedNetwork) else None


def measured_in(ledger: LedgerReader) -> dict[str, dict[str, Any]]:
    """Return what a ledger knows of sets for the diagram, by digest.

    Of each the ``name``, the last ``figures``, all ``searches`` at their target, and at all targets
    the pairs of target and search ``searches_by_target``, in the order of the rows; a row that does
    not hold what it should is an error of the ledger's writer.

    Raises:
        DataError: if there is such a row.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in ledger.rows("measurements"):
        if row["study"] not in (DIAGRAM_FIGURES, DIAGRAM_SEARCH):
            continue
        known = found.setdefault(
            row["data_digest"], {"name": row["data_name"], "searches_by_target": []}
        )
        if row["study"] == DIAGRAM_FIGURES:
            known["figures"] = _read(row, figures_of)
        else:
            accuracy = json.loads(row["settings"]).get("accuracy")
            known["searches_by_target"].append((accuracy, _read(row, search_of)))
    for known in found.values():
        searches = known["searches_by_target"]
        target = known["figures"].target_accuracy if "figures" in known else searches[-1][0]
        known["searches"] = tuple({s.seed: s for a, s in searches if a == target}.values())
    return found


def _read(row: Row, convert: Callable[[Any], Any]) -> Any:
    try:
        return convert(json.loads(row["result"]))
    except ValueError as error:  # JsonError is one
        raise DataError(
            f"ledger, measurement {row['id']}", str(error), "what this version measures",
            "Measure the set again in another ledger.",
        ) from error  # fmt: skip


def set_measured(
    digest: str, known: dict[str, Any], outcomes: Sequence[TrialOutcome]
) -> SetMeasured | None:
    """Return what a ledger knows of a set; None without its figures.

    Args:
        digest: of the data set.
        known: of `measured_in`.
        outcomes: of the trials on it, oldest first.
    """
    if "figures" not in known:
        return None
    figures: SetFigures = known["figures"]
    first = next((item for item in outcomes if passes(item, figures.target_accuracy)), None)
    return SetMeasured(
        known["name"], digest, figures, known.get("searches", ()), len(outcomes),
        None if first is None else first.size_bits,
    )  # fmt: skip


def bring_in(
    data: DataSet,
    plan: SetPlan,
    target: LedgerTarget,
    say: Callable[[str], None] = lambda text: None,
) -> None:
    """Search a data set and measure it, as far as the ledger does not know it yet.

    Args:
        data: the data set.
        plan: how.
        target: the ledger that every result goes to.
        say: told what is done.

    Raises:
        KeyboardInterrupt: if it was interrupted; what was done by then is in the ledger.
        MinbitsError: if the ledger cannot be used, or the data cannot be searched.
    """
    work = _Set(data, plan, target, say)
    accuracy, reason = work.target_and_reason()
    if plan.searched:
        for number in range(plan.searches):
            if not work.has_searched(number, accuracy):
                work.search(number, accuracy)
    if work.figures is None or plan.measured_anew:
        work.measure(accuracy, reason)
    elif work.figures.target_accuracy != accuracy:
        work.retarget(accuracy, reason)
