"""The answer in one sentence: of one data set, and of all of them."""

from __future__ import annotations

from collections.abc import Sequence

from minbits.charts.published import PublishedNetwork, published_networks
from minbits.reports.blocks import bits_text, name_text, target_text
from minbits.reports.facts import DataFacts
from minbits.studies.size_diagram import SizeDiagram

# Below this ratio "1.0 times" would say nothing.
_NEAR = 1.05


def usual_network(name: str, accuracy: float) -> PublishedNetwork | None:
    """Return the largest published network of a data set that reaches an accuracy, or None."""
    found = published_networks(name, accuracy)
    return max(found, key=lambda item: item.size_bits, default=None)


def _times(more: float, less: float) -> str:
    ratio = more / less
    return "about as much" if ratio < _NEAR else f"{ratio:,.3g} times as much"


def set_answer(facts: DataFacts) -> str:
    """Return what a data set needs and what is spent on it, in one sentence."""
    name = name_text(facts.title)
    if facts.headline is None:
        return (
            f"{name}: no file in this ledger passed validation and test yet, so what the data "
            "needs is not known."
        )
    claim, accuracy = facts.headline
    text = (
        f"{name} needs at most {bits_text(claim.size_bits)} of network at "
        f"{target_text(accuracy)}: a file of that size classifies "
        f"{claim.correct:,} of {claim.n_test:,} test examples correctly"
    )
    labels = facts.figure("label_entropy_total")
    if labels is not None and labels.value > 0:
        text += f", while its training labels alone carry {bits_text(labels.value)}"
    shortest = facts.shortest_code
    if shortest is not None:
        text += f" and take {bits_text(shortest.bits)} given the inputs ({shortest.code} code)"
    usual = usual_network(facts.name, accuracy)
    if usual is not None:
        text += (
            f"; the usual network ({usual.name}) spends {bits_text(usual.size_bits)}, "
            f"{_times(usual.size_bits, claim.size_bits)}"
        )
    return text + "."


def page_answer(facts: Sequence[DataFacts], diagram: SizeDiagram) -> str:
    """Return what all data sets of a page need, in one sentence."""
    if len(facts) == 1:
        return set_answer(facts[0])
    found = sorted(
        (item.headline[0].size_bits, name_text(item.title), item.headline[1])
        for item in facts
        if item.headline is not None
    )
    if not found:
        return (
            "No file in this ledger passed validation and test yet, so what the data needs is not "
            "known: `minbits size DATA` searches."
        )
    (least, first, first_at), (most, last, last_at) = found[0], found[-1]
    text = (
        f"Of {len(facts):,} data sets {len(found):,} have a verified network, which takes from "
        f"{bits_text(least)} ({first} at {target_text(first_at)}) to {bits_text(most)} ({last} at "
        f"{target_text(last_at)})"
    )
    return text + _follows(diagram) + "."


def _follows(diagram: SizeDiagram) -> str:
    """Return whether size follows what the data carries, as the end of a sentence."""
    known = None if diagram.statistics is None else diagram.statistics.axis(diagram.x_key)
    if known is None:
        return ""
    rank = known.correlation
    return (
        f"; over {known.sets:,} sets the size has rank correlation {rank.value:.2f} (95 % interval "
        f"{rank.low:.2f} to {rank.high:.2f}, permutation p = {known.p_value:.2g}) with the "
        f"{diagram.axis.title.split(' [')[0]}"
    )
