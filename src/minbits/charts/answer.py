"""The plain answer: need against spend."""

from __future__ import annotations

from collections.abc import Mapping

from scipy.special import bdtrc

from minbits.charts.published import published_networks
from minbits.evaluation.accuracy import correct_needed
from minbits.information.ladder import EntropyTable
from minbits.plain_text import visible
from minbits.types import ShownFile, Verification

# Below these ratios "1.0 times" and "0.0 %" would say nothing.
_NEAR = 1.1
_SAME = 1.0005


def _compared(size_bits: int, labels_bits: float) -> str:
    """Return how much less or more a file holds than the labels do, in words."""
    if labels_bits <= 0:
        return "more"
    less = size_bits < labels_bits
    ratio = labels_bits / size_bits if less else size_bits / labels_bits
    if ratio < _SAME:
        return "as much"
    if ratio < _NEAR:
        share = 100 * abs(labels_bits - size_bits) / labels_bits
        return f"{share:.1f} % {'less' if less else 'more'}"
    return f"{ratio:.1f} times {'less' if less else 'as much'}"


# A pass says little where a network this much below the target passes more often than that.
_SHORTFALL = 0.01
_RARELY = 0.05


def passing_chance(true_accuracy: float, accuracy: float, n_test: int) -> float:
    """Return the chance that a network of some true accuracy reaches a target on a test set.

    The right answers of one look are binomial.

    Args:
        true_accuracy: in [0, 1].
        accuracy: the target, in (0, 1].
        n_test: test examples.
    """
    least = correct_needed(n_test, accuracy)
    return float(bdtrc(least - 1, n_test, true_accuracy)) if least > 0 else 1.0


def claim_sentences(
    accuracy: float, found: Verification, lower_limit: float, looks: int
) -> list[str]:
    """Return what a file's result on the test set says of its true accuracy, as sentences.

    Args:
        accuracy: the target, in (0, 1].
        found: what the file reaches.
        lower_limit: one-sided, after so many looks (`minbits.intervals.anytime_lower_limit`).
        looks: different files that were run on this test set.
    """
    counted = "one look" if looks == 1 else f"{looks} looks"
    may = ""
    if lower_limit < accuracy <= found.test_accuracy:
        may = f", so the true accuracy may be below the target of {100 * accuracy:g} %"
    lines = [
        f"With 95 % confidence its true accuracy is at least {100 * lower_limit:.2f} % (one-sided "
        f"limit after {counted} at this test set){may}."
    ]
    worse = accuracy - _SHORTFALL
    chance = passing_chance(worse, accuracy, found.n_test) if worse > 0 else 0.0
    if chance > _RARELY:
        lines.append(
            f"A test set of {found.n_test:,} examples decides little: a network whose true "
            f"accuracy is {100 * worse:g} %, one point below the target, passes one look with a "
            f"chance of {100 * chance:.0f} %."
        )
    return lines


def shown_sentence(shown: ShownFile) -> str:
    """Return a sentence on a file that reached the target on the test set alone."""
    known = shown.validation_accuracy
    had = "no validation result" if known is None else f"{100 * known:.2f} % on validation"
    return (
        f"Shown, not claimed: a file of {shown.size_bits:,} bits, chosen for "
        f"{100 * shown.target_accuracy:g} % with {had}, reached "
        f"{100 * shown.correct / shown.n_test:.2f} % of the test set. Only a file that passed "
        "validation at the target can be claimed at it."
    )


def not_taken_sentence(counts: Mapping[str, int]) -> str:
    """Return a sentence on smaller files that passed validation: why none of them is the best."""
    parts = [f"{count:,} {reason}" for reason, count in counts.items()]
    return f"Smaller files that passed validation were not taken: {', '.join(parts)}."


def _result(found: Verification) -> str:
    return (
        f"{found.correct:,} of {found.n_test:,} test examples correctly: "
        f"{100 * found.test_accuracy:.2f} % (95 % Wilson interval of a single look "
        f"{100 * found.wilson_low:.2f} to {100 * found.wilson_high:.2f} %)"
    )


def size_answer(
    table: EntropyTable,
    accuracy: float,
    found: Verification,
    lower_limit: float,
    looks: int,
    table_encoding_bits: int | None = None,
) -> str:
    """Return some plain sentences: what was found, what is needed and what is usually spent.

    Args:
        table: the data set's entropies.
        accuracy: what was asked for.
        found: what the file reaches.
        lower_limit: of its true accuracy, one-sided.
        looks: different files that were run on this test set.
        table_encoding_bits: what the encoding of a table's columns costs beside the file; None
            where the data is no table.
    """
    name, labels = visible(table.data_name), table.figure("label_entropy_total").value
    lines = [
        f"{name} at {100 * accuracy:g} %: the smallest network found so far is a file "
        f"of {found.size_bits:,} bits ({found.bytes:,} bytes).",
        f"It classifies {_result(found)}.",
        *claim_sentences(accuracy, found, lower_limit, looks),
        f"Need: at most {found.size_bits:,} bits of network, since this file does it. The labels "
        f"carry {labels:,.0f} bits when no input is looked at: the file holds "
        f"{_compared(found.size_bits, labels)}. It does not say which labels it gets wrong: "
        "`minbits capacity need` adds the bits that they cost.",
    ]
    if table_encoding_bits is not None:
        lines.append(
            "Beside the file: the exponents and offsets that bring the table's columns to about "
            "[-1, 1] are the data set's, not the network's; as a code of their own they would take "
            f"{table_encoding_bits:,} bits more, {found.size_bits + table_encoding_bits:,} in all."
        )
    usual = max(
        published_networks(table.data_name, accuracy), key=lambda item: item.size_bits, default=None
    )
    if usual is not None:
        lines.append(
            f"Spend: the usual network ({usual.name}; {usual.counting}) takes "
            f"{usual.size_bits:,} bits, {usual.size_bits / found.size_bits:.0f} times as much."
        )
    return "\n".join(lines)


def missed_answer(
    accuracy: float, missed: Verification | None, best_validation: float | None, reached: int
) -> str:
    """Return a sentence on a target that this run's files did not reach.

    Args:
        accuracy: the target, in (0, 1].
        missed: a file that passed validation and missed on the test set; None without one.
        best_validation: the largest validation accuracy of this run; None without a file.
        reached: how many files of this run reached the target on validation.
    """
    target = f"{100 * accuracy:g} %"
    if missed is not None:
        return (
            f"A file of {missed.size_bits:,} bits passed validation but reached only "
            f"{100 * missed.test_accuracy:.2f} % of the test set: it missed the target {target}."
        )
    if best_validation is None:
        return f"No trial of this run ended with a network; target: {target}."
    if reached == 0:
        return (
            f"No file of this run reached {target} on validation; the best had "
            f"{100 * best_validation:.2f} %. More `minutes` or another `seed` may do."
        )
    return (
        f"Of this run's files {reached:,} reached {target} on validation; none of them was put to "
        "the test."
    )


def nearest_answer(
    data_name: str, accuracy: float, found: Verification, lower_limit: float, looks: int
) -> str:
    """Return sentences on the file that is left where none reached the target.

    Args:
        data_name: of the data set.
        accuracy: the target, in (0, 1].
        found: what the file reaches.
        lower_limit: of its true accuracy, one-sided.
        looks: different files that were run on this test set.
    """
    name, short = visible(data_name), 100 * (accuracy - found.test_accuracy)
    far = (
        f"{short:.2f} points below the target"
        if short > 0
        else "which is the target, but it did not pass validation at it"
    )
    return "\n".join(
        [
            f"{name} at {100 * accuracy:g} %: no file passed both validation and test.",
            f"The file nearest to the target on validation has {found.size_bits:,} bits "
            f"({found.bytes:,} bytes). It classifies {_result(found)}, {far}.",
            *claim_sentences(accuracy, found, lower_limit, looks)[:1],
        ]
    )
