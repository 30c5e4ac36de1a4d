"""The diagram over many data sets, set by set: ``python recipes/diagram.py [--hours H] [SET …]``.

Each of the sets below (or those that are named) is brought into one ledger: searches that do not
know of each other, then codes of the labels and entropies, as ``minbits diagram DATA`` does. Its
file, card and measurements go to ``records/NAME/``. What is done is not done again, so that a
recipe that was stopped, or ended with its hours, goes on where it was: with what the ledger lacks,
and with the sets that have no measurements in ``records/`` (a set that is named is gone on with in
any case). At the end the diagram and its tables are drawn from the ledger and the records:
``records/diagram.png``, ``recipes/diagram.txt`` and the tables of
``docs/does-size-follow-entropy.md``. With ``--hours 0`` nothing else is done.

Minutes are those of a machine at rest. Where others use the processors, they are stretched by as
much as a second of arithmetic takes longer than a second, at most tenfold.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import minbits
from minbits.charts.size_chart import draw_size_diagram
from minbits.claims.claiming import Claimant, Scope
from minbits.claims.measured_file import SUFFIX, measured_bytes, read_measured
from minbits.claims.outputs import PICTURE_KINDS, name_part
from minbits.claims.publishing import Publisher
from minbits.data.splits import validation_split
from minbits.errors import MinbitsError
from minbits.evaluation.goal import Goal
from minbits.files import write_atomically
from minbits.information.entropy_table import entropy_table
from minbits.jobs.diagram import not_drawn, size_diagram, statistics_sentences
from minbits.jobs.diagram_request import DiagramRequest
from minbits.jobs.diagram_set import SetPlan, bring_in, measured_in, set_measured
from minbits.ledger.exchange import LedgerSource, take
from minbits.ledger.provenance import current_provenance
from minbits.ledger.store import open_ledger, read_ledger
from minbits.search.device import device_name
from minbits.studies.size_diagram import SizeDiagram
from minbits.types import DataSet

ROOT = Path(__file__).parent.parent
RECORDS = ROOT / "records"
PAGE = ROOT / "docs" / "does-size-follow-entropy.md"
RULE = "99 %: a rule without noise, which the inputs show"
KNOWN = "99 %: points that are seen many times, to be known by heart"
QUESTION = "99 %: the question's"
_BUSIEST = 10.0


@dataclass(frozen=True)
class Wanted:
    """A set of the diagram: where it is, its target with the reason, and minutes at rest.

    Without a target it is what `minbits size` takes where nobody names one.
    """

    source: str
    accuracy: float | None = None
    reason: str = ""
    minutes: float = 10.0
    searched: bool = True
    label_files: tuple[str, ...] = ()


def of_rule(*names: str) -> tuple[Wanted, ...]:
    return tuple(Wanted(name, 0.99, RULE) for name in names)


def noisy(percent: int) -> Wanted:
    rest = 1 - percent / 100
    # With the margin of validation, 99 % would ask for about 99.5 % of the clean labels.
    reason = f"98 % of the {100 * rest:g} % that a classifier of the clean labels has"
    return Wanted(f"mnist-noise:{percent}", round(0.98 * rest, 3), reason, minutes=16)


SETS = (
    *of_rule("parity:4", "majority:5", "planted:12,2"),
    Wanted("lookup:16", 0.99, KNOWN),
    Wanted("iris"),
    Wanted("wine"),
    Wanted("keel:tic-tac-toe"),
    *of_rule("planted:12,3", "planted:16,4", "parity:6", "majority:11"),
    Wanted("lookup:64", 0.99, KNOWN),
    Wanted("keel:pima"),
    Wanted("keel:ionosphere"),
    Wanted("breast_cancer"),
    Wanted("keel:mushroom"),
    Wanted("statsmodels:anes96"),
    Wanted("keel:vowel"),
    Wanted("keel:banana"),
    *of_rule("planted:24,8", "parity:8", "majority:19"),
    Wanted("lookup:256", 0.99, KNOWN),
    Wanted("digits"),
    Wanted("keel:segment"),
    Wanted("keel:phoneme"),
    Wanted("keel:satimage"),
    Wanted("keel:letter"),
    Wanted("mnist1d"),
    Wanted("aeon:ItalyPowerDemand"),
    Wanted("aeon:JapaneseVowels_eq"),
    Wanted("aeon:GunPoint"),
    Wanted(
        "mnist",
        0.99,
        QUESTION,
        searched=False,
        label_files=("mnist-two-part.mbl", "mnist-prequential-normalised.mbl"),
    ),
    Wanted("mnist-classes:3,8", 0.99, QUESTION),
    noisy(10),
    noisy(20),
    Wanted("fashion-mnist", minutes=16),
)


def busy_factor() -> float:
    """Return how many times longer arithmetic takes here than on a machine at rest."""
    began, used = time.monotonic(), time.process_time()
    while time.process_time() - used < 0.5:
        math.sqrt(2.0)
    return min(_BUSIEST, max(1.0, (time.monotonic() - began) / 0.5))


def take_records(ledger_file: Path) -> None:
    """Take the trials and claims of the records, whose sets are not searched anew."""
    with open_ledger(ledger_file) as ledger, read_ledger(RECORDS / "ledger.sqlite") as source:
        take(LedgerSource(source), ledger)


def is_published(data: DataSet) -> bool:
    """Return whether the records hold measurements of a set as it is now."""
    found = (RECORDS / name_part(data.name)).glob(f"*{SUFFIX}")
    return any(read_measured(path).data_digest == data.digest for path in found)


def publish(data: DataSet, ledger_file: Path, is_searched: bool) -> str:
    """Write a set's measurements below the records, with file and card where it was searched."""
    with open_ledger(ledger_file) as ledger:
        measured = set_measured(
            data.digest, measured_in(ledger)[data.digest], ledger.trial_outcomes(data.digest)
        )
        assert measured is not None
        accuracy = measured.figures.target_accuracy
        name = name_part(data.name)
        stem = RECORDS / name / f"{name}-{100 * accuracy:g}"
        stem.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(stem.with_name(stem.name + SUFFIX), measured_bytes(measured))
        if not is_searched:
            return "measured; its file is among the records"
        goal = Goal(accuracy, len(validation_split(data)[1]))
        provenance = current_provenance(device_name(), 1)
        claimant = Claimant(data, goal, ledger, provenance, Scope, lambda text: None)
        best = claimant.best()
        if best is None:
            return f"no file at {100 * accuracy:g} %"
        out = stem.with_name(stem.name + ".mbn")
        Publisher(data, accuracy, ledger, out).publish(
            claimant.known(best), entropy_table(data), None
        )
        for kind in PICTURE_KINDS:  # the diagram shows all
            out.with_suffix(f".{kind}").unlink(missing_ok=True)
        return f"{best.verification.size_bits:,} bits at {100 * accuracy:g} %"


def table(diagram: SizeDiagram) -> str:
    """Return the recorded output: points, what is left out, correlations, sentences."""
    lines = [f"{len(diagram.points)} data sets, X: {diagram.axis.title}", ""]
    for point in diagram.points:
        x = point.x.get(diagram.x_key)
        sizes = [item.size_bits for item in point.measured.searches]
        told = ", ".join("no file" if size is None else f"{size:,}" for size in sizes)
        true = "" if point.times_true is None else f", {point.times_true:.2f} times the planted one"
        lines.append(
            f"{point.data_name}: X {'unknown' if x is None else f'{x.value:,.6g}'}, "
            f"{point.size_bits:,} bits (searches: {told or 'earlier work'}; "
            f"{point.measured.trials:,} trials) at {100 * point.target_accuracy:g} %: "
            f"{point.correct:,} of {point.n_test:,}, true accuracy at least "
            f"{100 * point.lower_limit:.2f} %{true}"
        )
    lines += [f"{item.data_name}: left out, {item.reason}" for item in not_drawn(diagram)]
    for found in (diagram.statistics, diagram.one_a_group):
        if found is None:
            continue
        lines += ["", f"{found.scope}:"]
        lines += [
            f"{item.key}, {item.sets} sets: rank correlation {item.correlation.value:.2f} "
            f"({item.correlation.low:.2f} to {item.correlation.high:.2f}), p = {item.p_value:.2g}; "
            f"exponent {item.exponent.value:.2f} ({item.exponent.low:.2f} to "
            f"{item.exponent.high:.2f}); variance predicted of a set left out "
            f"{100 * item.left_out_share:.0f} %"
            for item in found.axes
        ]
    return "\n".join([*lines, "", *statistics_sentences(diagram)]) + "\n"


def page_rows(diagram: SizeDiagram) -> dict[str, list[str]]:
    """Return the rows of the page's tables by the tables' marks: of the sets, and of every X."""
    sets = [
        "| set | target | X: label code [bits] | Y: file [bits] | searches | trials | "
        "right on the test set |",
        "|---|---|---|---|---|---|---|",
    ]
    for point in diagram.points:
        x = point.x.get(diagram.x_key)
        sizes = [item.size_bits for item in point.measured.searches]
        told = ", ".join("no file" if size is None else f"{size:,}" for size in sizes)
        sets.append(
            f"| `{point.data_name}` | {100 * point.target_accuracy:g} % | "
            f"{'unknown' if x is None else f'{x.value:,.0f}'} | {point.size_bits:,} | "
            f"{told or 'earlier work'} | {point.measured.trials:,} | "
            f"{point.correct:,} of {point.n_test:,} |"
        )
    axes = [
        "| sets taken | X | sets | rank correlation with Y | p | exponent of the power law | "
        "variance of log2 Y predicted for a set left out |",
        "|---|---|---|---|---|---|---|",
    ]
    for found in (diagram.statistics, diagram.one_a_group):
        if found is None:
            continue
        axes += [
            f"| {found.scope} | `{item.key}` | {item.sets} | {item.correlation.value:.2f} "
            f"({item.correlation.low:.2f} to {item.correlation.high:.2f}) | {item.p_value:.2g} | "
            f"{item.exponent.value:.2f} ({item.exponent.low:.2f} to {item.exponent.high:.2f}) | "
            f"{100 * item.left_out_share:.0f} % |"
            for item in found.axes
        ]
    return {"sets": sets, "axes": axes}


def with_tables(page: str, tables: dict[str, list[str]]) -> str:
    """Return a page with the tables between its marks replaced."""
    for mark, rows in tables.items():
        begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->\n"
        before, rest = page.split(begin)
        page = before + begin + "\n" + "\n".join(rows) + "\n\n" + end + rest.split(end)[1]
    return page


def main() -> None:
    """Bring in the sets, and draw what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", help="some of the sets; all where none is named")
    parser.add_argument("--hours", type=float, default=5)
    parser.add_argument("--minutes", type=float, default=math.inf, help="most for a set, at rest")
    parser.add_argument(
        "--searches", type=int, default=2, help="of a set; more where two found none"
    )
    parser.add_argument("--measure", action="store_true", help="measure X again of the sets named")
    parser.add_argument("--ledger", type=Path, default=ROOT / "build" / "diagram.sqlite")
    parser.add_argument("--workers", type=int, help="processes; one a core where not named")
    asked = parser.parse_args()
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{(time.monotonic() - began) / 60:7.1f} {text}", flush=True)

    for wanted in SETS:
        if (time.monotonic() - began) > 3600 * asked.hours:
            break
        if asked.sets and wanted.source not in asked.sets:
            continue
        minutes = busy_factor() * min(wanted.minutes, asked.minutes)
        plan = SetPlan(
            wanted.accuracy, wanted.reason, minutes, asked.searches, asked.workers, RECORDS,
            wanted.searched, tuple(RECORDS / "labels" / name for name in wanted.label_files),
            measured_anew=asked.measure,
        )  # fmt: skip
        try:
            data = minbits.load(wanted.source)
            if not asked.sets and is_published(data):
                continue
            if not wanted.searched:
                take_records(asked.ledger)
            bring_in(data, plan, asked.ledger, say)
            say(f"{wanted.source}: {publish(data, asked.ledger, wanted.searched)}")
        except MinbitsError as error:
            say(f"{wanted.source}: {error}")
    diagram = size_diagram(DiagramRequest(ledger=asked.ledger, records=RECORDS))
    for kind in ("png", "svg"):
        draw_size_diagram(diagram).save(RECORDS / f"diagram.{kind}")
    PAGE.write_text(with_tables(PAGE.read_text(), page_rows(diagram)))
    found = table(diagram)
    (Path(__file__).with_suffix(".txt")).write_text(found)
    print(found)


if __name__ == "__main__":
    main()
