"""Which inputs carry the bits: the information of each with the label, and what it adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.tables import table_of
from minbits.information.contingency import InformationTables
from minbits.information.entropy_estimators import CONFIDENCE, Estimate
from minbits.types import DataSet, Table
from minbits.units import BITS_PER_NAT

FloatArray = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
MAX_BINS = 16
FEWEST_BINS = 2
_CHUNK_FEATURES = 64
_FEWEST_A_BIN = 20
_EXAMPLES_A_CELL = 5
_HALVES_SEED = 0
_TAIL = (1 - CONFIDENCE) / 2


@dataclass(frozen=True, eq=False)
class FeatureInformation:
    """What each input says about the label, alone and beyond the best one, in bits.

    Attributes:
        names: of the inputs; pixels are ``channel/row/column``.
        shape: of one example, for images; None for tables.
        information_bits: estimate of I(X_i;Y), at least 0.
        added_bits: estimate of I(X_i;Y | X_best), what is left beside the most informative input;
            0 for that one itself.
        sum_bits: sum of the estimates of I(X_i;Y), those below 0 as they are.
        best: information of the most informative input, chosen and measured on different examples,
            with an interval that allows for the number of inputs.
        label_entropy_bits: plug-in H(Y) of the same examples.
        method: how inputs were binned.
        warning: why what is added should not be trusted; None where it should.
    """

    names: tuple[str, ...]
    shape: tuple[int, int, int] | None
    information_bits: FloatArray
    added_bits: FloatArray
    sum_bits: float
    best: Estimate
    label_entropy_bits: float
    method: str
    warning: str | None

    def ranked(self) -> list[int]:
        """Return the indices of the inputs, the most informative first."""
        return [int(i) for i in np.argsort(-self.information_bits, kind="stable")]


def quantile_bins(values: FloatArray, bins: int) -> Codes:
    """Return codes below ``bins + 1`` that divide values into about equally many; NaN is its own.

    Equal values share a bin, so that a column of few values keeps them apart.
    """
    missing = np.isnan(values)
    present = values[~missing]
    codes = np.zeros(len(values), np.int64)
    if len(present):
        distinct = np.unique(present)
        if len(distinct) <= bins:
            edges = distinct[1:]
        else:
            edges = np.unique(np.quantile(present, np.arange(1, bins) / bins))
        codes[~missing] = np.searchsorted(edges, present, side="right") + 1
    return codes


def _joint(
    codes: Codes, labels: Codes, classes: int, states: int | None = None
) -> npt.NDArray[np.int64]:
    states = int(codes.max()) + 1 if states is None else states
    flat = np.bincount(codes * classes + labels, minlength=states * classes)
    return flat.reshape(states, classes)


class _Beside:
    """What an input adds to the best one."""

    def __init__(self, best: Codes, labels: Codes, classes: int) -> None:
        self._best, self._labels, self._classes = best, labels, classes
        counts = _joint(best, labels, classes)
        self._tables = {state: InformationTables(counts[state]) for state in np.unique(best)}

    def added_bits(self, codes: Codes) -> float:
        """Return I(X_i;Y | X_best), the mean over the values of the best input, at least 0."""
        own = int(codes.max()) + 1
        flat = _joint(
            self._best * own + codes, self._labels, self._classes, own * (max(self._tables) + 1)
        )
        parts = flat.reshape(-1, own, self._classes)
        nats = sum(
            float(parts[state].sum()) * tables.value(parts[state])
            for state, tables in self._tables.items()
        )
        return max(0.0, nats / len(self._labels) * BITS_PER_NAT)


def _pixel_codes(inputs: npt.NDArray[Any], bins: int, top: int) -> Codes:
    """Return equal ranges of grey for bytes up to ``top``, quantile bins for other numbers."""
    if inputs.dtype == np.uint8:
        kept = bins.bit_length() - 1  # as many leading bits as make at most so many ranges
        shift = max(0, top.bit_length() - kept)
        return (inputs >> shift).astype(np.int64)
    return np.stack([quantile_bins(column.astype(np.float64), bins) for column in inputs.T], axis=1)


def _column_codes(table: Table, bins: int) -> list[Codes]:
    """Return categories as they are, numbers in bins of about equally many."""
    return [
        table.train_values[:, i].astype(np.int64)
        if column.kind == "categorical" and not column.missing
        else quantile_bins(np.asarray(table.train_values[:, i]), max(bins, len(column.categories)))
        for i, column in enumerate(table.columns)
    ]


def _image_codes(inputs: npt.NDArray[Any], bins: int) -> list[npt.NDArray[np.uint16]]:
    flat = inputs.reshape(len(inputs), -1)
    top = int(inputs.max()) if inputs.dtype == np.uint8 else 0
    codes: list[npt.NDArray[np.uint16]] = []
    for start in range(0, flat.shape[1], _CHUNK_FEATURES):
        part = _pixel_codes(np.asarray(flat[:, start : start + _CHUNK_FEATURES]), bins, top)
        codes.extend(part.T.astype(np.uint16))
    return codes


def best_input(codes: Sequence[npt.NDArray[Any]], labels: Codes, classes: int) -> Estimate:
    """Return the information of the most informative input, in bits.

    The largest of many estimates is too large by the luck that made it the largest. How much that
    is shows on halves of the examples: the input that is best on one half tells less on the other.
    On twice as many examples luck is smaller by the root of two, and so much is taken off. The
    lower end is the largest of all inputs' lower limits, each at a level divided by the number of
    inputs (Bonferroni), so that all of them hold at once; the upper end is the largest of their
    upper limits.

    Args:
        codes: of each input, shape ``(examples,)``, from 0 up.
        labels: shape ``(examples,)``.
        classes: number of classes.
    """
    tables = InformationTables(np.bincount(labels, minlength=classes))
    half = np.random.Generator(np.random.PCG64(_HALVES_SEED)).permutation(len(labels)) % 2 == 0
    of_half = [
        InformationTables(np.bincount(labels[rows], minlength=classes)) for rows in (half, ~half)
    ]
    found, halves = [], []
    for column in codes:
        whole = column.astype(np.int64)
        joint = _joint(whole, labels, classes)
        part = _joint(whole[half], labels[half], classes, len(joint))
        halves.append([of_half[0].value(part), of_half[1].value(joint - part)])
        found.append(tables.limits(joint, _TAIL / len(codes), _TAIL))
    first, second = np.array(halves).T
    luck = (first.max() - second[first.argmax()] + second.max() - first[second.argmax()]) / 2
    value = max(one.value_nats for one in found) - max(0.0, float(luck)) / math.sqrt(2)
    low = max(one.low_nats for one in found)
    high = max(one.high_nats for one in found)
    warning = None
    if low == 0:
        warning = f"the best of {len(codes):,} inputs tells no more than chance may show"
    return Estimate(
        min(max(value, low), high) * BITS_PER_NAT, low * BITS_PER_NAT, high * BITS_PER_NAT, warning
    )


def feature_information(data: DataSet) -> FeatureInformation:
    """Return what each column of a table or each pixel says about the label, in training.

    Categories and values of a byte are taken as they are (bytes in 16 ranges of grey), real
    numbers in 16 bins of about equally many; in fewer where that would leave fewer than five
    examples for a bin and class.
    """
    labels, classes = data.train_labels, data.class_count
    bins = min(MAX_BINS, max(FEWEST_BINS, len(labels) // (_EXAMPLES_A_CELL * classes)))
    table = table_of(data)
    codes: Sequence[npt.NDArray[Any]]
    if table is not None:
        names = tuple(column.name for column in table.columns)
        shape = None
        codes = _column_codes(table, bins)
    else:
        shape = data.input_shape
        names = tuple("/".join(map(str, index)) for index in np.ndindex(*shape))
        codes = _image_codes(data.train_inputs, bins)
    counts = np.bincount(labels, minlength=classes)
    tables = InformationTables(counts)
    values = np.array(
        [tables.value(_joint(column.astype(np.int64), labels, classes)) for column in codes]
    )
    values *= BITS_PER_NAT
    best = int(values.argmax())
    beside = _Beside(codes[best].astype(np.int64), labels, classes)
    added = [beside.added_bits(column.astype(np.int64)) for column in codes]
    added[best] = 0.0
    p = counts[counts > 0] / len(labels)
    warning = None
    if len(labels) < _FEWEST_A_BIN * bins * classes:
        warning = (
            f"{len(labels):,} examples for up to {bins} x {classes} cells: what is added "
            "beside the best input is rough"
        )
    return FeatureInformation(
        names=names,
        shape=shape,
        information_bits=np.maximum(values, 0.0),
        added_bits=np.array(added),
        sum_bits=float(values.sum()),
        best=best_input(codes, labels, classes),
        label_entropy_bits=float(-(p * np.log2(p)).sum()),
        method=f"numbers binned into at most {bins} values, plug-in less its bias",
        warning=warning,
    )


def plain_features(features: FeatureInformation) -> dict[str, Any]:
    """Return the figures of every input as JSON holds them, in the order of the inputs."""
    return {
        "names": list(features.names),
        "information_bits": [round(float(value), 6) for value in features.information_bits],
        "added_bits": [round(float(value), 6) for value in features.added_bits],
        "method": features.method,
        "warning": features.warning,
    }
