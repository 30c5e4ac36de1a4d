"""Mutual information of real-valued data from distances to nearest neighbours.

Estimates, not bounds: biased low where information is high or dimensions are many (Gao, Ver Steeg &
Galstyan 2015). In one dimension sorting takes the place of a tree.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.special import digamma

from minbits.errors import ArgumentError
from minbits.information.entropy_estimators import Estimate, Z
from minbits.information.tails import tail_index
from minbits.units import nats_to_bits

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
DEFAULT_NEIGHBOURS = 3
_MANY_DIMENSIONS = 6
_FEW_EXAMPLES = 200
_TIED_SHARE = 0.01
_DEPENDENCE = 1.5
_WIDER = 3
_COMPARED = 4  # the size of the bias shows on every fourth row as well
_BIAS_WORTH_A_WARNING = 0.1
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


def _warning(values: FloatArray, dimensions: int, tied: float) -> str | None:
    found = []
    if dimensions >= _MANY_DIMENSIONS:
        found.append(f"{dimensions} dimensions: biased, mostly low")
    if len(values) < _FEW_EXAMPLES:
        found.append(f"{len(values)} examples: too few for the interval")
    if tied > _TIED_SHARE:
        found.append(f"{100 * tied:.0f} % of the values are tied: meant for real-valued data")
    return "; ".join(found) or None


def _tail_warning(both: FloatArray) -> str | None:
    """Return a warning of tails in which neighbours are too far apart for equal densities."""
    index = min(tail_index(column) for column in both.T)
    if index >= _HEAVY_TAIL:
        return None
    return (
        f"heavy tails (exponent {index:.1f}): biased low; asinh or the normal scores of the ranks, "
        "coordinate by coordinate, leave the information as it is and the bias smaller"
    )


def _estimate(local_nats: FloatArray, change_nats: FloatArray, warning: str | None) -> Estimate:
    """Return the mean of local terms with an interval.

    Local terms share neighbours, which widens the spread of their mean by up to a half (measured
    on Gaussian sources); and what more neighbours change shows the size of the bias.
    """
    value = float(local_nats.mean())
    bias = abs(float(change_nats.mean()))
    half = _DEPENDENCE * Z * float(local_nats.std()) / math.sqrt(len(local_nats)) + bias
    if bias > _BIAS_WORTH_A_WARNING:
        note = f"more neighbours change it by {nats_to_bits(bias):.2f} bits: biased"
        warning = f"{warning}; {note}" if warning else note
    low, high = max(0.0, value - half), max(0.0, value + half)
    return Estimate(nats_to_bits(value), nats_to_bits(low), nats_to_bits(high), warning)


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
    both = np.concatenate([x, y], axis=1)
    local, tied = _ksg_terms(x, y, both, k, slice(None))
    rows = slice(None, None, _COMPARED)
    wider, _ = _ksg_terms(x, y, both, min(_WIDER * k, n - 1), rows)
    warnings = [_warning(x, both.shape[1], tied), _tail_warning(both)]
    return _estimate(local, wider - local[rows], "; ".join(filter(None, warnings)) or None)


def _ksg_terms(
    x: FloatArray, y: FloatArray, both: FloatArray, k: int, rows: slice
) -> tuple[FloatArray, float]:
    """Return local terms of some rows in nats, and the share with a neighbour at no distance."""
    radius = _kth_distance(both, k, rows)
    counted = digamma(_count_within(x, radius, True, rows))
    counted += digamma(_count_within(y, radius, True, rows))
    tied = float((radius == 0).mean())
    if tied:
        # Among ties no count is strictly nearer; the own row still counts.
        counted = np.where(radius == 0, 2 * digamma(len(x)), counted)
    return digamma(k) + digamma(len(x)) - counted, tied


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
    x, labels = x[kept], labels[kept]
    local, tied = _ross_terms(x, labels, k)
    wider, _ = _ross_terms(x, labels, _WIDER * k)
    return _estimate(local, wider - local, _warning(x, x.shape[1], tied))


def _ross_terms(x: FloatArray, labels: Labels, k: int) -> tuple[FloatArray, float]:
    """Return the local terms in nats, and the share of rows with a neighbour at no distance."""
    radius = np.empty(len(x))
    terms = np.empty(len(x))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        neighbours = min(k, len(members) - 1)
        radius[members] = _kth_distance(x[members], neighbours, slice(None))
        terms[members] = digamma(neighbours) - digamma(len(members))
    everyone = slice(None)
    within = _count_within(x, radius, True, everyone)
    tied = float((radius == 0).mean())
    if tied:
        within = np.where(radius == 0, _count_within(x, radius, False, everyone), within)
    return digamma(len(x)) + terms - digamma(np.maximum(within, 1)), tied
