"""Mutual information of real-valued data from distances to nearest neighbours.

Estimates, not bounds: biased low where information is high or dimensions are many (Gao, Ver Steeg &
Galstyan 2015). In one dimension sorting takes the place of a tree. Rounded columns are spread over
their step first (`minbits.information.ties`), which leaves the information as it is.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.special import digamma

from minbits.errors import ArgumentError
from minbits.information.entropy_estimators import Estimate, Z
from minbits.information.tails import tail_index
from minbits.information.ties import without_ties
from minbits.units import nats_to_bits

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
DEFAULT_NEIGHBOURS = 3
MANY_DIMENSIONS = 6
_FEW_EXAMPLES = 200
# Of independent draws on a line three in a hundred have a neighbour a hundred times nearer than the
# third one, in more dimensions fewer; of copied examples nearly all have.
_COPY_RATIO = 0.01
_COPIES_WORTH_A_WARNING = 0.15
_LEFT_OUT_WORTH_A_WARNING = 0.01
_DEPENDENCE = 1.5
_WIDER = 3
_LEVELLING = 1.5
_COMPARED = 4  # the size of the bias shows on every fourth row as well
_CHANGE_WORTH_A_WARNING = 0.1
# Student's distributions of 1 and 2 degrees of freedom mostly lie below, half of those of 3, normal
# ones never.
_HEAVY_TAIL = 2.5


def _as_matrix(values: npt.ArrayLike, where: str) -> FloatArray:
    array = np.asarray(values, np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or len(array) == 0 or not np.isfinite(array).all():
        raise ArgumentError(where, f"shape {array.shape}", "finite values a row", "Correct it.")
    return array


def _kth_distance_in_line(ascending: FloatArray, k: int) -> FloatArray:
    """Return each value's distance to its k-th nearest other one, for sorted values.

    The k nearest and the value itself are k + 1 neighbours in order; of all such windows the one
    with the nearer far end is right.
    """
    n = len(ascending)
    padded = np.concatenate([np.full(k, -np.inf), ascending, np.full(k, np.inf)])
    best = np.full(n, np.inf)
    for left in range(k + 1):
        below = ascending - padded[k - left : k - left + n]
        above = padded[2 * k - left : 2 * k - left + n] - ascending
        np.minimum(best, np.maximum(below, above), out=best)
    return best


def _kth_distance(values: FloatArray, k: int, rows: slice) -> FloatArray:
    """Return some rows' distance, by the largest coordinate, to the k-th nearest other one."""
    if values.shape[1] == 1:
        order = np.argsort(values[:, 0], kind="stable")
        out = np.empty(len(values))
        out[order] = _kth_distance_in_line(values[order, 0], k)
        return out[rows]
    distances, _ = cKDTree(values).query(values[rows], k=k + 1, p=np.inf)
    return np.asarray(distances[:, k])


def _count_within(values: FloatArray, radius: FloatArray, strictly: bool, rows: slice) -> Labels:
    """Return how many rows, the own one included, lie within the radius of some rows."""
    # A step of one unit in the last place turns "at most" into "less than".
    reach = np.nextafter(radius, 0) if strictly else radius
    if values.shape[1] == 1:
        line = np.sort(values[:, 0])
        column = values[rows, 0]
        # Distances are differences rounded once; ends are compared as the distances were.
        return _count_in_line(line, column, reach)
    found = cKDTree(values).query_ball_point(values[rows], reach, p=np.inf, return_length=True)
    return np.asarray(found, np.int64)


def _count_in_line(line: FloatArray, column: FloatArray, reach: FloatArray) -> Labels:
    low = np.searchsorted(line, column - reach, side="left")
    high = np.searchsorted(line, column + reach, side="right")
    # Sums round differently from the differences that gave the radius: mend either end by one.
    last = len(line) - 1
    low -= (low > 0) & (column - line[np.maximum(low - 1, 0)] <= reach)
    low += (low <= last) & (column - line[np.minimum(low, last)] > reach)
    high += (high <= last) & (line[np.minimum(high, last)] - column <= reach)
    high -= (high > 0) & (line[np.maximum(high - 1, 0)] - column > reach)
    return (high - low).astype(np.int64)


@dataclass(frozen=True)
class _Doubt:
    """Why an estimate should not be trusted, and which ends of its interval do not hold."""

    dimensions: int
    reasons: tuple[str, ...]
    is_low: bool
    is_copied: bool


def _doubt(values: FloatArray, nearest: FloatArray, radius: FloatArray) -> _Doubt:
    """Return what speaks against an estimate.

    Args:
        values: the examples in the space in which neighbours are sought, ties spread.
        nearest: distance of examples to their nearest neighbour, of all or of some of them.
        radius: of the same ones, to their k-th neighbour.
    """
    found = []
    is_low = values.shape[1] >= MANY_DIMENSIONS
    if is_low:
        found.append(f"{values.shape[1]} dimensions: biased, mostly low")
    if len(values) < _FEW_EXAMPLES:
        found.append(f"{len(values)} examples: too few for the interval")
    copies = float((nearest < _COPY_RATIO * radius).mean())
    is_copied = copies > _COPIES_WORTH_A_WARNING
    if is_copied:
        found.append(
            f"{100 * copies:.0f} % of the examples are near copies of others: meant for examples "
            "drawn independently"
        )
    return _Doubt(values.shape[1], tuple(found), is_low, is_copied)


def _tail_warning(both: FloatArray) -> str | None:
    """Return a warning of tails in which neighbours are too far apart for equal densities."""
    index = min(tail_index(column) for column in both.T)
    if index >= _HEAVY_TAIL:
        return None
    return (
        f"heavy tails (exponent {index:.1f}): biased low; asinh or the normal scores of the ranks, "
        "coordinate by coordinate, leave the information as it is and the bias smaller"
    )


def bias_over_change(times: float, dimensions: int) -> float:
    """Return the bias of an estimate from neighbours over its change with more of them.

    A density with an edge makes the bias grow with the distance to the k-th neighbour, about as
    (k / N)^(1/d); smooth ones make it grow faster, so that the same change shows a smaller bias.
    Half as much again allows for edges so near that the growth has begun to level off.

    Args:
        times: by how much k grows.
        dimensions: d.
    """
    return float(_LEVELLING / (times ** (1 / dimensions) - 1))


def _estimate(local_nats: FloatArray, change_nats: FloatArray, doubt: _Doubt) -> Estimate:
    """Return the mean of local terms with an interval.

    Local terms share neighbours, which widens the spread of their mean by up to a half (measured
    on Gaussian sources). What more neighbours change shows the size of the bias, which is mostly
    downwards, so that the interval reaches farther up. An estimate that is known to be low has no
    upper end, and one from copied examples no interval at all.
    """
    value = float(local_nats.mean())
    change = abs(float(change_nats.mean()))
    bias = change * max(1.0, bias_over_change(_WIDER, doubt.dimensions))
    half = _DEPENDENCE * Z * float(local_nats.std()) / math.sqrt(len(local_nats))
    reasons = list(doubt.reasons)
    if change > _CHANGE_WORTH_A_WARNING:
        reasons.append(f"more neighbours change it by {nats_to_bits(change):.2f} bits: biased")
    # There is no negative information: an estimate below 0 is one of 0.
    centre = max(0.0, value)
    low = 0.0 if doubt.is_copied else max(0.0, centre - half - change)
    high = math.inf if doubt.is_low or doubt.is_copied else centre + half + bias
    return Estimate(
        nats_to_bits(value), nats_to_bits(low), nats_to_bits(high), "; ".join(reasons) or None
    )


def ksg(first: npt.ArrayLike, second: npt.ArrayLike, k: int = DEFAULT_NEIGHBOURS) -> Estimate:
    """Estimate the mutual information of two real vectors (Kraskov, Stögbauer & Grassberger 2004).

    Their first algorithm (equation 8): ψ(k) + ψ(N) − ⟨ψ(n_x + 1) + ψ(n_y + 1)⟩. The value may be
    slightly negative where there is no information. Heavy tails make it too low, unlike Ross's
    estimate, which has no second vector to be far out in; hence a warning of its own.

    Args:
        first: shape ``(examples,)`` or ``(examples, dimensions)``; scale each coordinate alike.
        second: the same.
        k: number of neighbours.

    Raises:
        ArgumentError: if the two differ in length, or there are not more than ``k`` examples.
    """
    x, y = _as_matrix(first, "ksg"), _as_matrix(second, "ksg")
    n = len(x)
    if len(y) != n or not 1 <= k < n:
        raise ArgumentError("ksg", f"{n} and {len(y)} rows, k = {k}", "as many, above k", "Match.")
    both = without_ties(np.concatenate([x, y], axis=1))
    x, y = both[:, : x.shape[1]], both[:, x.shape[1] :]
    local, radius = _ksg_terms(x, y, both, k, slice(None))
    rows = slice(None, None, _COMPARED)
    wider, _ = _ksg_terms(x, y, both, min(_WIDER * k, n - 1), rows)
    doubt = _doubt(both, _kth_distance(both, 1, rows), radius[rows])
    tails = _tail_warning(both)
    if tails is not None:
        doubt = dataclasses.replace(doubt, reasons=(*doubt.reasons, tails), is_low=True)
    return _estimate(local, wider - local[rows], doubt)


def _ksg_terms(
    x: FloatArray, y: FloatArray, both: FloatArray, k: int, rows: slice
) -> tuple[FloatArray, FloatArray]:
    """Return local terms of some rows in nats, and the distance to their k-th neighbour."""
    radius = _kth_distance(both, k, rows)
    counted = digamma(_count_within(x, radius, True, rows))
    counted += digamma(_count_within(y, radius, True, rows))
    return digamma(k) + digamma(len(x)) - counted, radius


def ross(inputs: npt.ArrayLike, labels: Labels, k: int = DEFAULT_NEIGHBOURS) -> Estimate:
    """Estimate the mutual information of real inputs and classes (Ross 2014).

    ψ(N) + ⟨ψ(k)⟩ − ⟨ψ(N_y)⟩ − ⟨ψ(m)⟩: the distance to the k-th neighbour of the same class, and
    the number m of examples of any class within it. Classes of one example are left out, and
    classes of k or fewer take fewer neighbours.

    Args:
        inputs: shape ``(examples,)`` or ``(examples, dimensions)``; scale each coordinate alike.
        labels: shape ``(examples,)``.
        k: number of neighbours.

    Raises:
        ArgumentError: if the two differ in length, or no class has two examples.
    """
    x = _as_matrix(inputs, "ross")
    if len(labels) != len(x) or k < 1:
        raise ArgumentError("ross", f"{len(x)} inputs, {len(labels)} labels", "as many", "Match.")
    counts = np.bincount(labels)
    kept = counts[labels] > 1
    if not kept.any():
        raise ArgumentError("ross", "no class with two examples", "larger classes", "Add some.")
    x, own = without_ties(x)[kept], np.asarray(labels)[kept]
    radius = _class_radius(x, own, k)
    local = _ross_terms(x, own, k, radius)
    wide = _WIDER * k
    wider = _ross_terms(x, own, wide, _class_radius(x, own, wide))
    doubt = _doubt(x, _class_radius(x, own, 1), radius)
    left_out = len(labels) - len(own)
    if left_out > _LEFT_OUT_WORTH_A_WARNING * len(labels):
        reason = f"{left_out:,} classes of one example left out: low"
        doubt = dataclasses.replace(doubt, reasons=(*doubt.reasons, reason), is_low=True)
    return _estimate(local, wider - local, doubt)


def _class_radius(x: FloatArray, labels: Labels, k: int) -> FloatArray:
    """Return each row's distance to the k-th other one of its class, or to the last there is."""
    radius = np.empty(len(x))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        radius[members] = _kth_distance(x[members], min(k, len(members) - 1), slice(None))
    return radius


def _ross_terms(x: FloatArray, labels: Labels, k: int, radius: FloatArray) -> FloatArray:
    """Return the local terms in nats."""
    own = np.bincount(labels)[labels]
    within = _count_within(x, radius, True, slice(None))
    terms = digamma(np.minimum(k, own - 1)) - digamma(own) - digamma(np.maximum(within, 1))
    return np.asarray(digamma(len(x)) + terms)
