"""Rank and redundancy of weight matrices, without holding more than a small Gram matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minbits.model_audit.subject import FloatArray, StoredTensor

FULL_SPECTRUM_SIDE = 1024
PROBES = 64


@dataclass(frozen=True)
class MatrixRank:
    """How many directions a weight matrix really has.

    Attributes:
        tensor: its name.
        rows: units.
        columns: weights a unit.
        rank: singular values above ``largest * max(rows, columns) * eps`` of float32; None where
            the matrix is too large for its spectrum.
        effective_rank: ``(sum s²)² / sum s⁴``, the participation ratio of the squared singular
            values; estimated from 64 random directions where ``rank`` is None.
        redundancy: 1 less the effective rank over that of a matrix of independent Gaussians of this
            shape, ``r c / (r + c + 1)``; 0 where it has no fewer directions than that.
    """

    tensor: str
    rows: int
    columns: int
    rank: int | None
    effective_rank: float
    redundancy: float


def matrix_rank(tensor: StoredTensor) -> MatrixRank | None:
    """Return the rank of a tensor's matrix ``(first dimension, the rest)``; None for vectors."""
    if len(tensor.dimensions) < 2 or min(tensor.dimensions) < 1:
        return None
    matrix = tensor.load().reshape(tensor.dimensions[0], -1)
    rows, columns = matrix.shape
    if rows > columns:
        matrix = matrix.T
    rank: int | None = None
    if min(rows, columns) <= FULL_SPECTRUM_SIDE:
        rank, effective = _from_spectrum(matrix)
    else:
        effective = _from_probes(matrix)
    random = rows * columns / (rows + columns + 1)
    redundancy = max(0.0, 1.0 - effective / random) if effective else 1.0
    return MatrixRank(tensor.name, rows, columns, rank, effective, redundancy)


def _from_spectrum(matrix: FloatArray) -> tuple[int, float]:
    # In double precision, block by block: the Gram matrix squares the condition number.
    gram = np.zeros((len(matrix), len(matrix)))
    for start in range(0, matrix.shape[1], 8192):
        block = matrix[:, start : start + 8192].astype(np.float64)
        gram += block @ block.T
    squares = np.maximum(np.linalg.eigvalsh(gram), 0.0)
    largest = float(squares[-1])
    if largest == 0.0:
        return 0, 0.0
    tolerance = largest * (max(matrix.shape) * float(np.finfo(np.float32).eps)) ** 2
    # A Gram matrix in double precision cannot tell smaller squares from rounding.
    tolerance = max(tolerance, largest * len(matrix) * float(np.finfo(np.float64).eps))
    scaled = squares / largest
    effective = float(scaled.sum() ** 2 / (scaled**2).sum())
    return int((squares > tolerance).sum()), effective


def _from_probes(matrix: FloatArray) -> float:
    generator = np.random.default_rng(0)
    probes = generator.standard_normal((len(matrix), PROBES), dtype=np.float32)
    images = matrix @ (matrix.T @ probes)
    fourth = float((images.astype(np.float64) ** 2).sum()) / PROBES
    second = float(np.einsum("ij,ij->", matrix, matrix, dtype=np.float64))
    return second * second / fourth if fourth else 0.0
