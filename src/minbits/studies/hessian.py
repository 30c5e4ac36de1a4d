"""The Hessian of the training loss where trainings end: its index, its edges, the gradient's size.

The normalised index is the share of negative eigenvalues: 0 at a minimum, above it at a saddle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg
from scipy.sparse import linalg as sparse_linalg

from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import ParameterLayout, parameter_layout
from minbits.studies.protocol import Measured, Study, StudyTask
from minbits.studies.trainability import train_seeds
from minbits.types import DataSet
from minbits.workers.work import WorkerContext

Values = npt.NDArray[np.float64]
Layers = Sequence[tuple[Values, Values]]

_EXAMPLES_A_BLOCK = 2_000
# Rounding moves an eigenvalue that is zero by about 1e-15 of the largest one.
_ROUNDING = 1e-10
_CLEARLY = 1e-3
_LANCZOS = 1e-4


@dataclass(frozen=True)
class Spectrum:
    """What the eigenvalues of a Hessian say.

    Attributes:
        negative: how many lie below zero by more than rounding.
        clearly_negative: how many lie below zero by more than a thousandth of the largest one.
        parameters: how many there are.
        least: the smallest one.
        largest: the largest one, the sharpness.
        trace: their sum.
        gradient_norm: Euclidean, of the loss whose Hessian it is.
    """

    negative: int
    clearly_negative: int
    parameters: int
    least: float
    largest: float
    trace: float
    gradient_norm: float


def most_negative(hidden: int, classes: int) -> int:
    """Return how many eigenvalues can be negative at all, with one rectified linear layer.

    The Hessian is the Gauss-Newton matrix, which has no negative eigenvalue, plus a term that joins
    the weights into each unit with those out of it. For each unit that term is a matrix of
    ``classes`` columns that add up to zero, so that it brings at most ``classes - 1`` negative
    eigenvalues (Weyl's inequality).
    """
    return hidden * (classes - 1)


def exact_hessian(
    layers: Layers, inputs: Values, labels: npt.NDArray[np.int64]
) -> tuple[Values, Values]:
    """Return the Hessian and the gradient of the mean cross-entropy, one rectified linear layer.

    Parameters are in the order of ``[hidden][input, then bias]``, then of ``[class][hidden, then
    bias]``. The second derivative of a rectified linear unit is taken for zero.

    Args:
        layers: weights ``(hidden, inputs)`` and biases ``(hidden,)``, then ``(classes, hidden)``
            and ``(classes,)``.
        inputs: shape ``(examples, inputs)``.
        labels: shape ``(examples,)``.

    Returns:
        Arrays ``(parameters, parameters)`` and ``(parameters,)``.
    """
    (weights, bias), (outgoing, last_bias) = layers
    hidden, classes = len(bias), len(last_bias)
    rows = inputs.shape[1] + 1
    first = hidden * rows
    size = first + classes * (hidden + 1)
    hessian, gradient = np.zeros((size, size)), np.zeros(size)
    for start in range(0, len(inputs), _EXAMPLES_A_BLOCK):
        part = slice(start, start + _EXAMPLES_A_BLOCK)
        x = np.column_stack([inputs[part], np.ones(len(inputs[part]))])
        before = x @ np.column_stack([weights, bias]).T
        active = (before > 0).astype(np.float64)
        h = np.column_stack([before * active, np.ones(len(x))])
        shares, residual = _shares(h @ np.column_stack([outgoing, last_bias]).T, labels[part])
        # What the logits do to the loss: diag(p) - p p', an example.
        curvature = shares[:, :, None] * (np.eye(classes) - shares[:, None, :])
        reach = active[:, :, None] * outgoing.T  # of each unit, to each logit
        pulled = reach @ curvature
        pairs = pulled @ reach.transpose(0, 2, 1)
        for unit in range(hidden):
            right = (pairs[:, unit, unit:, None] * x[:, None, :]).reshape(len(x), -1)
            hessian[unit * rows : (unit + 1) * rows, unit * rows : first] += x.T @ right
            across = (pulled[:, unit, :, None] * h[:, None, :]).reshape(len(x), -1)
            block = x.T @ across
            joint = x.T @ (active[:, unit, None] * residual)
            block.reshape(rows, classes, hidden + 1)[:, :, unit] += joint
            hessian[unit * rows : (unit + 1) * rows, first:] += block
        outer = (curvature[:, :, :, None] * h[:, None, None, :]).reshape(len(x), -1)
        last = (h.T @ outer).reshape(hidden + 1, classes, classes, hidden + 1)
        hessian[first:, first:] += last.transpose(1, 0, 2, 3).reshape(size - first, size - first)
        gradient[:first] += ((active * (residual @ outgoing)).T @ x).ravel()
        gradient[first:] += (residual.T @ h).ravel()
    hessian = np.triu(hessian) + np.triu(hessian, 1).T
    return hessian / len(inputs), gradient / len(inputs)


def _shares(logits: Values, labels: npt.NDArray[np.int64]) -> tuple[Values, Values]:
    """Return probabilities, and their differences from the labels."""
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    residual = shares.copy()
    residual[np.arange(len(labels)), labels] -= 1
    return shares, residual


def hessian_product(
    layers: Layers, inputs: Values, labels: npt.NDArray[np.int64]
) -> Callable[[Values], Values]:
    """Return the function that multiplies the Hessian of `exact_hessian` by a vector.

    Derivatives along the vector are carried through the network and back (Pearlmutter 1994).
    """
    (weights, bias), (outgoing, last_bias) = layers
    x = np.column_stack([inputs, np.ones(len(inputs))])
    before = x @ np.column_stack([weights, bias]).T
    active = (before > 0).astype(np.float64)
    h = np.column_stack([before * active, np.ones(len(x))])
    shares, residual = _shares(h @ np.column_stack([outgoing, last_bias]).T, labels)
    first = len(bias) * x.shape[1]

    def product(vector: Values) -> Values:
        one = vector[:first].reshape(len(bias), -1)
        two = vector[first:].reshape(len(last_bias), -1)
        moved = active * (x @ one.T)
        logits = moved @ outgoing.T + h @ two.T
        turned = shares * (logits - (shares * logits).sum(1, keepdims=True))
        back = active * (turned @ outgoing + residual @ two[:, :-1])
        last = turned.T @ h
        last[:, :-1] += residual.T @ moved
        return np.concatenate([(back.T @ x).ravel(), last.ravel()]) / len(x)

    return product


def edges(layers: Layers, inputs: Values, labels: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Return the least and the largest eigenvalue of the Hessian, by Lanczos' method.

    Both are exact to about a ten-thousandth of the largest one.
    """
    product = hessian_product(layers, inputs, labels)
    size = sum(weights.size + bias.size for weights, bias in layers)

    def largest_of(function: Callable[[Values], Values]) -> float:
        operator = sparse_linalg.LinearOperator((size, size), matvec=function, dtype=np.float64)
        start = np.random.default_rng(0).normal(size=size)
        found = sparse_linalg.eigsh(
            operator, 1, which="LA", v0=start, tol=_LANCZOS, return_eigenvectors=False
        )
        return float(found[0])

    largest = largest_of(product)
    # The least eigenvalues crowd around zero; those of the turned matrix stand at its other end.
    turned = largest_of(lambda vector: largest * vector.ravel() - product(vector.ravel()))
    return largest - turned, largest


def plain_layers(layout: ParameterLayout, values: npt.NDArray[np.float32]) -> Layers:
    """Return weights and biases of fully connected layers in double precision."""
    return [
        (
            np.asarray(weights, np.float64).reshape(len(weights), -1),
            np.zeros(len(weights)) if bias is None else np.asarray(bias, np.float64),
        )
        for weights, bias in layout.tensors(values)
    ]


def spectrum(hessian: Values, gradient: Values) -> Spectrum:
    """Return what the eigenvalues of a symmetric matrix say; the matrix is overwritten."""
    trace = float(np.trace(hessian))
    values = linalg.eigvalsh(hessian, overwrite_a=True, check_finite=False)
    scale = np.abs(values).max()
    return Spectrum(
        int((values < -_ROUNDING * scale).sum()), int((values < -_CLEARLY * scale).sum()),
        len(values), float(values[0]), float(values[-1]), trace, float(np.linalg.norm(gradient)),
    )  # fmt: skip


def measure(task: StudyTask, data: DataSet, context: WorkerContext) -> Sequence[Measured]:
    """Train one network a seed, and take the spectrum of the Hessian of its training loss.

    All training examples count. Settings are those of a study of trainability, of depth 1.

    Raises:
        FloatingPointError: if a training diverges.
        StoppedError: if asked to stop.
    """
    start = time.perf_counter()
    architecture = parse_architecture(
        str(task.settings["architecture"]), data.input_shape, data.input_exponent
    )
    layout = parameter_layout(architecture, normalised=False)
    values, train = train_seeds(task, data, context)
    inputs = train.inputs.reshape(len(train.labels), -1).astype(np.float64)
    results = []
    for row in values:
        layers = plain_layers(layout, row)
        results.append(vars(spectrum(*exact_hessian(layers, inputs, train.labels))))
        context.report(len(results))
    seconds = (time.perf_counter() - start) / len(task.seeds)
    return [
        Measured(task.settings, seed, result, seconds)
        for seed, result in zip(task.seeds, results, strict=True)
    ]


HESSIAN = Study(
    "hessian", measure, "Choromanska et al. 2015, The Loss Surfaces of Multilayer Networks"
)
