"""What inputs tell about labels: every figure of Y, of X and Y, and of Y given X."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from minbits.data.encoding import MAX_CATEGORIES
from minbits.data.tables import table_of
from minbits.information.classifiers import HeldOut, best_classifier
from minbits.information.counted import counted_information, distinct_codes
from minbits.information.entropy_estimators import (
    ESTIMATORS,
    Estimate,
    Fingerprint,
    fingerprint,
    nsb,
)
from minbits.information.entropy_limit import entropy_upper_limit_bits
from minbits.information.features import FeatureInformation, feature_information
from minbits.information.held_out_bounds import held_out_bounds
from minbits.information.nearest_neighbours import ross
from minbits.information.ranks import normal_scores
from minbits.information.rung import HIGH_END, LOW_END
from minbits.information.ties import without_ties
from minbits.plain_text import shortened
from minbits.types import DataSet, Figure, FigureKind, FigureOf

_UNIT = "bits/label"
_ROSS_EXAMPLES = 5000
_ROSS_DIMENSIONS = 32
_LONGEST_NAME = 60
_COUNTED_EXAMPLES_A_VALUE = 2


@dataclass(frozen=True, eq=False)
class LabelInformation:
    """Figures of the labels and what the inputs tell about them.

    Attributes:
        figures: of Y, of X and Y, of Y given X; the truth last, where it is known.
        features: what each input says.
        classifier: the one that the bounds come from.
    """

    figures: tuple[Figure, ...]
    features: FeatureInformation
    classifier: HeldOut


def _figure(
    key: str, estimate: Estimate, of: FigureOf, kind: FigureKind, method: str, unit: str = _UNIT
) -> Figure:
    return Figure(
        key=key,
        value=estimate.value_bits,
        unit=unit,
        of=of,
        scope="example",
        kind=kind,
        method=method,
        low=estimate.low_bits if math.isfinite(estimate.high_bits) or estimate.low_bits else None,
        high=estimate.high_bits if math.isfinite(estimate.high_bits) else None,
        warning=estimate.warning,
    )


def label_fingerprint(data: DataSet) -> Fingerprint:
    """Return the counts of the training labels.

    The classes are those that occur. Where some occur only once, others may exist that do not
    (Good 1953), and their number counts as unknown.
    """
    counts = np.bincount(data.train_labels, minlength=data.class_count)
    return fingerprint(counts, None if (counts == 1).any() else data.class_count)


def label_entropy_figures(data: DataSet) -> list[Figure]:
    """Return H(Y) by the estimators that correct the plug-in's bias, with their intervals."""
    found = label_fingerprint(data)
    return [
        _figure(
            f"label_entropy_{estimator.key}",
            estimator(found),
            "Y",
            "estimate",
            f"H(Y): {estimator.method} ({estimator.source})",
        )
        for estimator in ESTIMATORS.values()
        if estimator.corrects_bias
    ]


def _unseen_columns(data: DataSet) -> str:
    """Return which columns the classifiers do not see: those of too many categories."""
    if data.table is None:
        return ""
    names = [
        shortened(column.name, _LONGEST_NAME)
        for column in data.table.columns
        if column.channels == 0
    ]
    if not names:
        return ""
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f", without the columns of more than {MAX_CATEGORIES} categories ({shown})"


def _held_out_figures(data: DataSet, classifier: HeldOut) -> list[Figure]:
    train, test = len(data.train_labels), len(data.test_labels)
    bounds = held_out_bounds(classifier.probabilities, classifier.prior, data.test_labels, train)
    source = (
        f"{classifier.name}, chosen and calibrated on {train:,} training examples, on {test:,} "
        f"test examples{_unseen_columns(data)}"
    )
    remaining = _figure(
        "conditional_label_entropy",
        bounds.remaining,
        "Y given X",
        "upper bound",
        f"H(Y|X) <= held-out cross-entropy: {source}; the classifier itself is not counted; "
        f"{HIGH_END}",
    )
    total = dataclasses.replace(
        remaining,
        key="conditional_label_entropy_total",
        value=remaining.value * train,
        low=bounds.remaining.low_bits * train,
        high=bounds.remaining.high_bits * train,
        unit="bits",
        scope="data set",
        method=(
            f"{train:,} x conditional_label_entropy: a code of all training labels for somebody "
            "who has the inputs and that classifier, which is not counted"
        ),
    )
    return [
        _figure(
            "mutual_information_classifier",
            bounds.information,
            "X and Y",
            "lower bound",
            f"I(X;Y) >= H(Y) - held-out cross-entropy (Barber & Agakov 2003): {source}; {LOW_END}",
        ),
        _figure(
            "mutual_information_infonce",
            bounds.infonce,
            "X and Y",
            "lower bound",
            "InfoNCE (van den Oord et al. 2018), the same classifier as critic, in batches of test "
            f"examples; never above log2 of the batch; {LOW_END}",
        ),
        remaining,
        total,
    ]


def _ross_figures(data: DataSet, label_entropy: Estimate) -> list[Figure]:
    """Return Ross's estimate for real-valued vectors of few dimensions."""
    table = table_of(data)
    if table is None or len(table.columns) > _ROSS_DIMENSIONS:
        return []
    real = [index for index, column in enumerate(table.columns) if column.kind == "real"]
    if 2 * len(real) < len(table.columns) or any(c.kind == "categorical" for c in table.columns):
        return []
    values = np.asarray(table.train_values[:_ROSS_EXAMPLES])
    labels = data.train_labels[:_ROSS_EXAMPLES]
    whole = ~np.isnan(values).any(axis=1)
    values, labels = values[whole], labels[whole]
    if len(labels) == 0 or np.bincount(labels).max() < 2:
        return []
    values = values[:, values.std(axis=0) > 0]
    if values.shape[1] == 0:
        return []
    found = ross(normal_scores(without_ties(values)), labels)
    # No label tells more than it holds.
    found = dataclasses.replace(found, high_bits=min(found.high_bits, label_entropy.high_bits))
    method = (
        f"distances to 3 nearest neighbours by normal scores of ranks ({values.shape[1]} of the "
        f"columns), which leave the information as it is; {len(labels):,} training examples (Ross "
        "2014); no bound"
    )
    left = label_entropy.value_bits
    remaining = Estimate(
        max(0.0, left - found.value_bits),
        max(0.0, label_entropy.low_bits - found.high_bits),
        max(0.0, label_entropy.high_bits - found.low_bits),
        found.warning,
    )
    return [
        _figure("mutual_information_ross", found, "X and Y", "estimate", f"I(X;Y): {method}"),
        _figure(
            "conditional_label_entropy_ross",
            remaining,
            "Y given X",
            "estimate",
            "H(Y|X): label_entropy_nsb less mutual_information_ross",
        ),
    ]


def _counted_figures(data: DataSet) -> list[Figure]:
    """Return I(X;Y) by counting whole examples, where each occurs twice or more on average."""
    table = data.table
    codes = distinct_codes(data.train_inputs if table is None else table.train_values)
    values = int(codes.max()) + 1
    if values * _COUNTED_EXAMPLES_A_VALUE > len(codes):
        return []
    return [
        _figure(
            "mutual_information_counted",
            counted_information(codes, data.train_labels),
            "X and Y",
            "estimate",
            f"I(X;Y): {values:,} distinct inputs counted with their labels in {len(codes):,} "
            "training examples, plug-in less its bias",
        )
    ]


def _feature_figures(features: FeatureInformation) -> list[Figure]:
    best = features.ranked()[0]
    count = len(features.information_bits)
    reasons = "; ".join(filter(None, (features.best.warning, features.warning))) or None
    return [
        _figure(
            "best_input_information",
            dataclasses.replace(features.best, warning=reasons),
            "X and Y",
            "lower bound",
            f"I(X;Y) >= I(X_i;Y) of the best input, in this sample "
            f"{shortened(features.names[best], _LONGEST_NAME)} of {count:,}; {features.method}, "
            "less the luck of the best, as halves of the examples show it; limits of all inputs at "
            f"once (Bonferroni); {LOW_END}",
        ),
        Figure(
            key="input_information_sum",
            value=features.sum_bits,
            unit=_UNIT,
            of="X and Y",
            scope="example",
            kind="not an entropy",
            method=(
                f"sum of I(X_i;Y) over all inputs ({count:,}), {features.method}: far above "
                "I(X;Y), inputs repeat one another; far below, they tell only together"
            ),
            warning=features.best.warning,
        ),
    ]


def label_information(data: DataSet) -> LabelInformation:
    """Return all figures of the labels and of what the inputs tell about them.

    Fits classifiers: seconds for small sets, about half a minute for 60,000 images of 784 pixels.

    Raises:
        DataError: if the inputs are too many to hold as numbers in memory.
    """
    entropies = label_entropy_figures(data)
    counts = np.bincount(data.train_labels, minlength=data.class_count)
    label_entropy = nsb(label_fingerprint(data))
    ceiling = Figure(
        key="mutual_information_ceiling",
        value=entropy_upper_limit_bits(counts),
        unit=_UNIT,
        of="X and Y",
        scope="example",
        kind="upper bound",
        method=(
            "I(X;Y) <= H(Y) <= this with a confidence of 95 %: the largest entropy that the class "
            "counts allow (Clopper & Pearson 1934, all classes together)"
        ),
    )
    classifier = best_classifier(data)
    features = feature_information(data)
    figures = (
        *entropies,
        ceiling,
        *_held_out_figures(data, classifier),
        *_ross_figures(data, label_entropy),
        *_counted_figures(data),
        *_feature_figures(features),
        *data.truth,
    )
    return LabelInformation(figures, features, classifier)
