"""Which inputs carry the bits: the information of each with the label, and what it adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.tables import table_of
from minbits.records import DataSet
from minbits.units import BITS_PER_NAT

FloatArray = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
MOST_BINS = 16
_CHUNK_FEATURES = 64
_FEWEST_A_BIN = 20


@dataclass(frozen=True, eq=False)
class FeatureInformation:
    """What each input says about the label, alone and beyond the best one, in bits.

    Attributes:
        names: of the inputs; pixels are ``channel/row/column``.
        shape: of one example, for images; None for tables.
        information_bits: estimate of I(X_i;Y), Miller-Madow corrected, at least 0.
        added_bits: estimate of I(X_i;Y | X_best), what is left beside the most informative input;
            0 for that one itself.
        label_entropy_bits: plug-in H(Y) of the same examples.
        method: how inputs were binned.
        warning: why the figures should not be trusted; None where they should.
    """

    names: tuple[str, ...]
    shape: tuple[int, int, int] | None
    information_bits: FloatArray
    added_bits: FloatArray
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


def information_of_counts(joint: npt.NDArray[Any]) -> float:
    """Return plug-in I of a table of joint counts in bits, less its bias (Miller 1955).

    The bias of the three plug-in entropies is (K_xy - K_x - K_y + 1) / 2N nats, by states seen.

    Args:
        joint: shape ``(states of X, states of Y)``.
    """
    n = joint.sum()
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    total = _n_log_n(rows) + _n_log_n(columns) - _n_log_n(joint)
    nats = np.log(n) - total / n
    seen = (joint > 0).sum() - (rows > 0).sum() - (columns > 0).sum() + 1
    return float((nats - seen / (2 * n)) * BITS_PER_NAT)


def _n_log_n(counts: npt.NDArray[Any]) -> float:
    positive = counts[counts > 0].astype(np.float64)
    return float((positive * np.log(positive)).sum())


def _joint(codes: Codes, labels: Codes, classes: int) -> npt.NDArray[np.int64]:
    states = int(codes.max()) + 1
    flat = np.bincount(codes * classes + labels, minlength=states * classes)
    return flat.reshape(states, classes)


def _added(codes: Codes, best: Codes, labels: Codes, classes: int) -> float:
    """Return I(X_i;Y | X_best) as I(X_i, X_best; Y) - I(X_best; Y), in bits."""
    states = int(best.max()) + 1
    both = _joint(codes * states + best, labels, classes)
    both = both[both.any(axis=1)]
    return information_of_counts(both) - information_of_counts(_joint(best, labels, classes))


def _pixel_codes(inputs: npt.NDArray[Any]) -> Codes:
    """Return 16 equal ranges of grey for bytes, quantile bins for other numbers."""
    if inputs.dtype == np.uint8:
        shift = 4 if inputs.max() >= MOST_BINS else 0
        return (inputs >> shift).astype(np.int64)
    return np.stack(
        [quantile_bins(column.astype(np.float64), MOST_BINS) for column in inputs.T], axis=1
    )


def feature_information(data: DataSet) -> FeatureInformation:
    """Return what each column of a table or each pixel says about the label, in training.

    Categories and values of a byte are taken as they are (bytes in 16 ranges of grey), real
    numbers in 16 bins of about equally many.
    """
    labels, classes = data.train_labels, data.class_count
    table = table_of(data)
    if table is not None:
        names = tuple(column.name for column in table.columns)
        shape = None
        codes = [
            table.train_values[:, i].astype(np.int64)
            if column.kind == "categorical" and not column.missing
            else quantile_bins(
                np.asarray(table.train_values[:, i]),
                max(MOST_BINS, len(column.categories)),
            )
            for i, column in enumerate(table.columns)
        ]
    else:
        shape = data.input_shape
        flat = data.train_inputs.reshape(len(labels), -1)
        names = tuple("/".join(map(str, index)) for index in np.ndindex(*shape))
        codes = []
        for start in range(0, flat.shape[1], _CHUNK_FEATURES):
            part = _pixel_codes(np.asarray(flat[:, start : start + _CHUNK_FEATURES]))
            codes.extend(part.T.astype(np.uint16))
    joints = [_joint(column.astype(np.int64), labels, classes) for column in codes]
    information = np.array([max(0.0, information_of_counts(joint)) for joint in joints])
    best = codes[int(information.argmax())].astype(np.int64)
    added = [max(0.0, _added(column.astype(np.int64), best, labels, classes)) for column in codes]
    added[int(information.argmax())] = 0.0
    counts = np.bincount(labels, minlength=classes)
    p = counts[counts > 0] / len(labels)
    warning = None
    if len(labels) < _FEWEST_A_BIN * MOST_BINS * classes:
        warning = (
            f"{len(labels):,} examples for up to {MOST_BINS} x {classes} cells: what is added "
            "beside the best input is rough"
        )
    return FeatureInformation(
        names=names,
        shape=shape,
        information_bits=information,
        added_bits=np.array(added),
        label_entropy_bits=float(-(p * np.log2(p)).sum()),
        method=f"binned into at most {MOST_BINS} values, plug-in less Miller's bias",
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
