"""The charts of one data set, each with the table behind it; None where the ledger has nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minbits.charts.code_lengths import PUBLISHED as PUBLISHED_CODES
from minbits.charts.published import published_networks
from minbits.charts.published_entropies import published_entropies
from minbits.reports import vega
from minbits.reports.answers import usual_network
from minbits.reports.blocks import PageChart, PageTable, bits_text, page_table, percent, target_text
from minbits.reports.facts import DataFacts

_LOWEST_ACCURACY = 0.89
# A logarithmic axis has no place for a file without errors: it stands here.
_MIN_ERROR = 1e-4
NEED_NAMES = {"need": "what the data carries", "found": "smallest verified file",
               "spend": "what people spend"}  # fmt: skip
_PARTS = ("weights", "biases", "steps, architecture and all else")
_FRONT_NAMES = {"found": "found here, verified", "other": "published"}

Row = dict[str, Any]


def _dot(name: str, bits: float, kind: str, more: str = "") -> Row:
    label = f"{name}: {bits_text(bits)}{f', {more}' if more else ''}"
    return {"name": name, "bits": bits, "kind": kind, "label": label}


def need_chart(facts: DataFacts) -> PageChart | None:
    """Return need against spend of a data set."""
    if facts.headline is None:
        return None
    claim, accuracy = facts.headline
    need, found, spend = NEED_NAMES.values()
    rows = []
    labels = facts.figure("label_entropy_total")
    if labels is not None and labels.value > 0:
        rows.append(_dot("labels, inputs not looked at", labels.value, need, "N · H(Y)"))
    code = facts.shortest_code
    if code is not None:
        rows.append(_dot(f"labels given inputs, {code.code} code", code.bits, need))
    at = percent(claim.test_accuracy)
    rows.append(_dot("smallest file so far", claim.size_bits, found, f"{at} on the test set"))
    rows += [
        _dot(item.name, item.size_bits, spend, f"{item.counting}; {item.source}")
        for item in sorted(
            published_networks(facts.name, accuracy), key=lambda item: item.size_bits
        )
    ]
    text = (
        f"At {target_text(accuracy)}. The bits of the labels are no lower bound of a network: one "
        "that predicts most labels from the inputs may be far smaller. A network that knew all "
        "labels by heart would need as many."
    )
    if len(rows) == 1:
        text += (
            " The ledger knows no entropies of this set: `minbits entropy DATA` adds them, and "
            "`minbits codelength DATA` the codes of its labels."
        )
    table = page_table(
        "Need against spend", ("what", "bits|", "kind"),
        [(row["name"], f"{row['bits']:,.0f}", row["kind"]) for row in rows],
    )  # fmt: skip
    spec = vega.dots(rows, "bits (logarithmic)", NEED_NAMES)
    return PageChart("Need against spend", text, spec, table)


def ladder_chart(facts: DataFacts) -> PageChart | None:
    """Return the ladder of H(X)."""
    ladder = facts.ladder
    if ladder is None:
        return None
    parts = ("code of one example", "the model's file, shared among its training examples")
    longest = max(rung.example_bits for rung in ladder.rungs)
    rows: list[Row] = []
    for rung in sorted(ladder.rungs, key=lambda rung: -rung.example_bits):
        ends = rung.interval_bits
        interval = "" if ends is None else f", 95 % interval {ends[0]:,.2f} to {ends[1]:,.2f}"
        label = f"{rung.title}: {rung.example_bits:,.2f} bits{interval}"
        bar: Row = {"name": rung.title, "value": rung.example_bits, "part": parts[0], "rank": 0}
        if ends is not None:
            bar |= {"low": ends[0], "high": ends[1]}
        rows.append(bar | {"label": label})
        # A model that costs far more than it codes would press all bars together.
        shown = min(rung.model_bits, 2 * longest)
        if shown:
            label = f"{rung.title}: {rung.model_bits:,.2f} bits an example for the model"
            rows.append({"name": rung.title, "value": shown, "part": parts[1], "rank": 1,
                         "label": label})  # fmt: skip
    marks = [
        {"name": f"{item.name} (published)", "value": item.bits,
         "label": f"{item.name}: {item.bits:,.2f} bits, {item.source}"}
        for item in published_entropies(facts.name, ladder.binarise)
    ]  # fmt: skip
    table = page_table(
        "The entropy ladder",
        ("model", "bits of one example|", "95 % interval|", "model, bits an example|", "method",
         "warning"),
        [
            (
                rung.title, f"{rung.example_bits:,.2f}",
                "" if rung.interval_bits is None
                else f"{rung.interval_bits[0]:,.2f} to {rung.interval_bits[1]:,.2f}",
                f"{rung.model_bits:,.2f}", rung.method, rung.warning or "",
            )
            for rung in ladder.rungs
        ],
    )  # fmt: skip
    text = (
        f"Upper bounds of the entropy of one example ({ladder.of}), on held-out examples: at 95 % "
        f"it is at most {ladder.bound_bits:,.2f} bits by all rungs together."
    )
    return PageChart("The entropy ladder", text, vega.bars(rows, "bits", parts, marks), table)


def code_charts(facts: DataFacts) -> list[PageChart]:
    """Return the codes of the labels, and the learning curve of one that learns."""
    if not facts.codes:
        return []
    names = {"need": "a file that was decoded", "other": "computed, no file"}
    rows = [
        _dot(
            item.code, item.bits, names["need" if item.is_file else "other"],
            f"{item.method} ({item.source})",
        )
        for item in facts.codes
    ]  # fmt: skip
    rows += [
        _dot(f"{item.name}, {item.source}", item.bits, names["other"])
        for item in PUBLISHED_CODES
        if (item.data_name, item.labels) == (facts.name, facts.training_examples)
    ]
    table = page_table(
        "Codes of the labels",
        ("code", "bits|", "a file", "method", "source", "seed of the order|", "made"),
        [
            (item.code, f"{item.bits:,.0f}", "yes" if item.is_file else "computed", item.method,
             item.source, "" if item.seed is None else str(item.seed), item.made.created_at)
            for item in facts.codes
        ],
    )  # fmt: skip
    text = (
        "Bits of all training labels for whoever has the inputs. The length of a file is "
        "that of one that was decoded to the same labels."
    )
    spec = vega.dots(rows, "bits (logarithmic)", names)
    found = [PageChart("Codes of the labels", text, spec, table)]
    curve = next((item for item in facts.codes if len(item.curve) > 1), None)
    if curve is not None:
        points = [
            {"x": labels, "y": bits, "label": f"{labels:,} labels in {bits:,.0f} bits"}
            for labels, bits in curve.curve
        ]
        table = page_table(
            "Learning curve in bits", ("labels|", "bits|"),
            [(f"{labels:,}", f"{bits:,.1f}") for labels, bits in curve.curve],
        )  # fmt: skip
        text = (
            f"How the {curve.code} code grows: it bends where the labels become predictable. These "
            "are the bits of the labels; the file has more, which say how they were predicted."
        )
        spec = vega.line(points, "labels coded", "bits so far")
        found.append(PageChart("Learning curve in bits", text, spec, table))
    return found


def front_chart(facts: DataFacts) -> PageChart | None:
    """Return the front of accuracy against bits."""
    front = facts.front
    if not front:
        return None
    found, other = _FRONT_NAMES.values()
    rows: list[Row] = []
    cells: list[Sequence[str]] = []
    for claim in front:
        at = claim.claimable_accuracy or 0.0
        rows.append(
            {
                "error": max(1 - at, _MIN_ERROR), "bits": claim.size_bits, "kind": found,
                "label": f"{bits_text(claim.size_bits)} at {percent(at)}, "
                f"{percent(claim.test_accuracy)} on the test set",
            }
        )  # fmt: skip
        cells.append(
            (f"{claim.size_bits:,}", percent(at), percent(claim.test_accuracy),
             percent(claim.lower_limit), claim.place)
        )  # fmt: skip
    lowest = min(_LOWEST_ACCURACY, *(claim.claimable_accuracy or 0.0 for claim in front))
    for item in published_networks(facts.name, lowest):
        rows.append(
            {
                "error": max(1 - item.test_accuracy, _MIN_ERROR), "bits": item.size_bits,
                "kind": other,
                "label": f"{item.name}: {bits_text(item.size_bits)} at "
                f"{percent(item.test_accuracy)}, {item.counting}",
            }
        )  # fmt: skip
        cells.append(
            (f"{item.size_bits:,}", "", percent(item.test_accuracy), "",
             f"{item.name} ({item.source})")
        )  # fmt: skip
    table = page_table(
        "Accuracy against bits",
        ("bits|", "claimable at|", "test accuracy|", "true accuracy at least|", "where"), cells,
    )  # fmt: skip
    text = (
        "The smallest files so far: none of them is beaten by a smaller one. A file can be claimed "
        "at the accuracy that it has on validation and on the test set."
    )
    return PageChart("Accuracy against bits", text, vega.front(rows, _FRONT_NAMES), table)


def parts_chart(facts: DataFacts) -> PageChart | None:
    """Return where the bits of the headline's file go."""
    if facts.headline is None or not facts.parts:
        return None
    claim, total = facts.headline[0], facts.headline[0].size_bits
    rows = []
    for part in facts.parts:
        layer, _, what = part.name.partition(": ")
        kind = 2 if not part.values else int(what.startswith("bias"))
        label = f"{part.name}: {part.size_bits:,.1f} bits, {percent(part.size_bits / total, 1)}"
        label += f" of the file, {part.values:,} values" if part.values else " of the file"
        # The end of the range coder's code may give bits back: a bar shows none of them.
        bits = max(0.0, part.size_bits)
        rows.append(
            {"name": layer, "value": bits, "rank": kind, "part": _PARTS[kind], "label": label}
        )
    table = page_table(
        "Where the bits go", ("part", "bits|", "share|", "values|"),
        [
            (part.name, f"{part.size_bits:,.2f}", percent(part.size_bits / total, 1),
             f"{part.values:,}" if part.values else "")
            for part in facts.parts
        ],
    )  # fmt: skip
    weights = sum(part.size_bits for part in facts.parts if part.values)
    text = (
        f"Part by part of the file of {bits_text(total)} ({claim.place}): weights and biases take "
        f"{percent(weights / total, 1)}."
    )
    return PageChart("Where the bits go", text, vega.bars(rows, "bits", _PARTS), table)


def capacity_table_of(facts: DataFacts) -> PageTable | None:
    """Return what formulas say of the headline's architecture."""
    if not facts.capacity:
        return None
    return page_table(
        "Capacity of the smallest file's architecture",
        ("formula", "value|", "unit", "kind", "of", "assumptions", "source"),
        [
            (
                line.key, "" if line.value is None else f"{line.value:,.0f}", line.unit, line.kind,
                line.bounds if line.objection is None else f"does not apply: {line.objection}",
                line.assumptions, line.source,
            )
            for line in facts.capacity
        ],
    )  # fmt: skip


def capacity_chart(facts: DataFacts) -> PageChart | None:
    """Return the formulas in bits beside the bits of the file and of the labels."""
    table = capacity_table_of(facts)
    if table is None or facts.headline is None:
        return None
    names = {"spend": "what the architecture could hold", "found": "bits of the file",
             "need": "bits of the labels"}  # fmt: skip
    rows = [
        _dot(line.key.replace("_", " "), line.value, names["spend"], f"{line.kind}: {line.bounds}")
        for line in facts.capacity
        if line.unit == "bits" and line.value
    ]
    rows.append(_dot("the file itself", facts.headline[0].size_bits, names["found"]))
    labels = facts.figure("label_entropy_total")
    if labels is not None and labels.value > 0:
        rows.append(_dot("labels, inputs not looked at", labels.value, names["need"]))
    text = (
        "Formulas for the architecture of the smallest file, with parameters as wide as they are "
        "in the file. Each says in the table what it bounds and what it assumes."
    )
    return PageChart("Capacity", text, vega.dots(rows, "bits (logarithmic)", names), table)


def overview_rows(all_facts: Sequence[DataFacts]) -> list[Row]:
    """Return need against spend of many data sets, as rows of dots."""
    rows = []
    for facts in all_facts:
        if facts.headline is None:
            continue
        claim, accuracy = facts.headline
        labels, usual = facts.figure("label_entropy_total"), usual_network(facts.name, accuracy)
        code = facts.shortest_code
        need, found, spend = NEED_NAMES.values()
        values = [
            (None if labels is None else labels.value, need, "labels alone, N · H(Y)"),
            (None if code is None else code.bits, need, "labels given the inputs"),
            (claim.size_bits, found, f"at {target_text(accuracy)}"),
            (None if usual is None else usual.size_bits, spend, usual.name if usual else ""),
        ]
        rows += [_dot(facts.title, bits, kind, more) for bits, kind, more in values if bits]
    return rows
