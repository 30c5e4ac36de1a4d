"""The sections of the page: of all data sets together, and of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from minbits.files import sha256_hex
from minbits.reports import vega
from minbits.reports.answers import page_answer, set_answer
from minbits.reports.blocks import (
    PageChart,
    PageTable,
    Section,
    bits_text,
    name_text,
    page_table,
    percent,
    target_text,
)
from minbits.reports.diagram_chart import diagram_section, measured_table, with_measures
from minbits.reports.facts import ClaimFacts, DataFacts
from minbits.reports.set_charts import (
    NEED_NAMES,
    capacity_chart,
    code_charts,
    front_chart,
    ladder_chart,
    need_chart,
    overview_rows,
    parts_chart,
)
from minbits.reports.study_charts import study_sections
from minbits.studies.size_diagram import SizeDiagram

_MINUTE = 60.0
_ANCHOR_DIGITS = 12


@dataclass(frozen=True)
class SetPart:
    """The part of the page on one data set.

    Attributes:
        anchor: its place in the page.
        title: its name.
        brief: what was found, in a few words.
        answer: what it needs, in one sentence.
        sections: of it.
    """

    anchor: str
    title: str
    brief: str
    answer: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class PageParts:
    """All parts of a page.

    Attributes:
        answer: in one sentence.
        sections: on all data sets together.
        sets: one a data set.
    """

    answer: str
    sections: tuple[Section, ...]
    sets: tuple[SetPart, ...]

    @property
    def charts(self) -> list[PageChart]:
        """Every chart, in the order of the page."""
        sections = [*self.sections, *(section for part in self.sets for section in part.sections)]
        return [chart for section in sections for chart in section.charts]


def page_parts(facts: Sequence[DataFacts], diagram: SizeDiagram) -> PageParts:
    """Return the parts of a page."""
    facts = [with_measures(item, diagram) for item in facts]
    sections = [overview(facts)] if len(facts) > 1 else []
    return PageParts(
        page_answer(facts, diagram),
        (*sections, diagram_section(diagram)),
        tuple(_set_part(item, measured_table(diagram, item.digest)) for item in facts),
    )


def overview(facts: Sequence[DataFacts]) -> Section:
    """Return need against spend of all data sets."""
    rows = overview_rows(facts)
    table = page_table(
        "Need against spend",
        ("data set", "at|", "bits of the smallest file|", "labels alone, bits|",
         "labels given inputs, bits|", "trials|", "looks at the test set|"),
        map(_overview_cells, facts),
    )  # fmt: skip
    if not rows:
        return Section("Need against spend", ("No verified file yet.",), (), (table,))
    text = (
        "Of each data set what its labels carry, the smallest verified file so far, and what "
        "people spend where that is published."
    )
    spec = vega.dots(rows, "bits (logarithmic)", NEED_NAMES)
    chart = PageChart("Need against spend, by data set", text, spec, table)
    return Section("Need against spend", (), (chart,))


def _overview_cells(facts: DataFacts) -> tuple[str, ...]:
    head, labels = facts.headline, facts.figure("label_entropy_total")
    return (
        name_text(facts.title),
        "" if head is None else target_text(head[1]),
        "" if head is None else f"{head[0].size_bits:,}",
        "" if labels is None else f"{labels.value:,.0f}",
        "" if facts.shortest_code is None else f"{facts.shortest_code.bits:,.0f}",
        f"{facts.trials.total:,}",
        f"{facts.claims[0].looks:,}" if facts.claims else "",
    )


def _set_part(facts: DataFacts, measured: PageTable | None) -> SetPart:
    brief = "no verified file yet"
    if facts.headline is not None:
        claim, accuracy = facts.headline
        brief = f"{bits_text(claim.size_bits)} at {target_text(accuracy)}"
    return SetPart(
        f"set-{facts.digest[:_ANCHOR_DIGITS]}", name_text(facts.title), brief, set_answer(facts),
        tuple(_sections(facts, measured)),
    )  # fmt: skip


def _known(title: str, charts: Iterable[PageChart | None], otherwise: str) -> Section:
    found = tuple(chart for chart in charts if chart is not None)
    return Section(title, () if found else (otherwise,), found)


def _sections(facts: DataFacts, measured: PageTable | None) -> list[Section]:
    size = "`minbits size DATA` searches for a file."
    entropies = (*_figures(facts), *(() if measured is None else (measured,)))
    ladder = _known(
        "Entropy of the inputs", [ladder_chart(facts)],
        "The ledger has no ladder of this set: `minbits entropy DATA` climbs it.",
    )  # fmt: skip
    return [
        _known("Need against spend", [need_chart(facts)], f"No verified file yet: {size}"),
        Section(ladder.title, ladder.texts, ladder.charts, entropies),
        _known(
            "Codes of the labels", code_charts(facts),
            "The ledger has no codes of these labels: `minbits codelength DATA` writes them.",
        ),
        _known("Accuracy against bits", [front_chart(facts)], f"No verified file yet: {size}"),
        _known("Where the bits go", [parts_chart(facts)], f"No verified file yet: {size}"),
        _known(
            "Capacity", [capacity_chart(facts)],
            "There is no file yet, or the formulas do not cover its architecture."
        ),
        *study_sections(facts),
        _claims(facts),
        _provenance(facts),
    ]  # fmt: skip


def _figures(facts: DataFacts) -> tuple[PageTable, ...]:
    if not facts.figures:
        return ()
    table = page_table(
        "Entropies, each with what it says",
        ("figure", "value|", "unit", "of", "scope", "kind", "holds at 95 %|", "method"),
        [
            (
                item.key, f"{item.value:,.6g}", item.unit, item.of, item.scope, item.kind,
                _holds(item.low, item.high), item.method + (f" ({item.warning})" if item.warning
                                                             else ""),
            )
            for item in facts.figures
        ],
    )  # fmt: skip
    return (table,)


def _holds(low: float | None, high: float | None) -> str:
    ends = ["" if end is None else f"{end:,.6g}" for end in (low, high)]
    return " to ".join(end for end in ends if end) if any(ends) else ""


def _claims(facts: DataFacts) -> Section:
    if not facts.claims:
        return Section("Claims", ("No file was put to the test yet.",))
    looks = facts.claims[0].looks
    text = (
        f"Every file that was run on the test set, {looks:,} different "
        f"{'files' if looks > 1 else 'file'} as far as is known here. True accuracy at least: the "
        "one-sided limit of Clopper and Pearson after so many looks; all of them hold together "
        "with 95 % confidence."
    )
    results = page_table(
        "What the files reach",
        ("bits|", "target|", "claim", "test set|", "95 % interval of one look|",
         "true accuracy at least|", "validation|", "seeds: passed of tried|", "seed|", "where"),
        map(_result_cells, facts.claims),
    )  # fmt: skip
    origins = page_table(
        "How they were made, and the command that runs each again",
        ("bits|", "candidate", "hardware", "seconds|", "date", "version", "command"),
        map(_origin_cells, facts.claims),
    )  # fmt: skip
    left_out = [f"Left out: {text}." for text in facts.passed_over]
    return Section("Claims", (text, *left_out), (), (results, origins))


def _result_cells(claim: ClaimFacts) -> tuple[str, ...]:
    correct, examples = claim.validation or (0, 0)
    return (
        f"{claim.size_bits:,}",
        target_text(claim.target_accuracy),
        "reached" if claim.reached else "not reached",
        f"{claim.correct:,} of {claim.n_test:,} ({percent(claim.test_accuracy)})",
        f"{percent(claim.wilson[0])} to {percent(claim.wilson[1])}",
        percent(claim.lower_limit),
        f"{correct:,} of {examples:,} ({percent(correct / examples)})" if examples else "",
        f"{claim.seeds_passed:,} of {claim.seeds:,}" if claim.seeds else "",
        "" if claim.seed is None else str(claim.seed),
        claim.place,
    )


def _origin_cells(claim: ClaimFacts) -> tuple[str, ...]:
    made = claim.made
    return (
        f"{claim.size_bits:,}", claim.candidate, made.hardware,
        "" if made.seconds is None else f"{made.seconds:,.0f}", made.created_at, made.code_version,
        claim.rerun,
    )  # fmt: skip


def _provenance(facts: DataFacts) -> Section:
    rows = [("SHA-256 of the data", facts.digest)]
    if facts.origin:
        rows.append(("origin", facts.origin))
    if facts.training_examples is not None:
        rows.append(("training examples", f"{facts.training_examples:,}"))
    if facts.trials.total:
        trials = facts.trials
        statuses = ", ".join(f"{count:,} {name}" for name, count in trials.by_status.items())
        rows.append(("trials", statuses))
        rows.append(("minutes of trials", f"{trials.seconds / _MINUTE:,.1f}"))
        if trials.energy_joules is not None:
            rows.append(("energy of trials", f"{trials.energy_joules:,.0f} J, the whole machine"))
    found = [claim.made for claim in facts.claims]
    found += [made for made in (facts.figures_made,) if made is not None]
    found += [code.made for code in facts.codes] + [study.made for study in facts.studies]
    for title, values in (
        ("versions of minbits", {made.code_version for made in found}),
        ("libraries", {f"{k} {v}" for made in found for k, v in made.libraries.items()}),
        ("hardware", {made.hardware for made in found}),
    ):
        rows.append((title, "; ".join(sorted(filter(None, values)))))
    return Section("Provenance", (), (), (page_table("Where it comes from", ("what", ""), rows),))


def digest_of_claims(facts: Sequence[DataFacts]) -> str:
    """Return a digest of all claims of a page: two pages with the same digest claim the same."""
    lines = [
        f"{item.digest} {claim.sha256} {claim.target_accuracy} {claim.correct} {claim.n_test}"
        for item in facts
        for claim in item.claims
    ]
    return sha256_hex("\n".join(sorted(lines)).encode())
