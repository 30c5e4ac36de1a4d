"""The perceptron with weights of plus and minus one, by trying every one of its weight vectors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.errors import ArgumentError

MAX_WEIGHTS = 23


def sign_vectors(weights: int) -> npt.NDArray[np.float32]:
    """Return all ``2 ** weights`` vectors of plus and minus one, shape ``(vectors, weights)``.

    Raises:
        ArgumentError: outside ``1 <= weights <= 23``.
    """
    if not 1 <= weights <= MAX_WEIGHTS:
        raise ArgumentError(
            "sign_vectors", f"{weights} weights", f"1 to {MAX_WEIGHTS}", "Enumerate fewer."
        )
    numbers = np.arange(1 << weights, dtype=np.uint32)
    bits = (numbers[:, None] >> np.arange(weights, dtype=np.uint32)) & 1
    return (2.0 * bits - 1.0).astype(np.float32)


def longest_fitted_prefix(vectors: npt.NDArray[np.float32], generator: np.random.Generator) -> int:
    """Return how many random labels in a row some weight vector still gets right.

    Inputs are Gaussian and labels are all +1, which is as random as labels can be: the
    distribution of Gaussian inputs does not change with their sign.

    Args:
        vectors: every weight vector, shape ``(vectors, weights)``.
        generator: of the inputs.
    """
    alive = vectors
    fitted = 0
    while True:
        point = generator.standard_normal(vectors.shape[1], dtype=np.float32)
        alive = alive[alive @ point > 0]
        if not len(alive):
            return fitted
        fitted += 1


def measure_binary_perceptron(weights: int, draws: int, seed: int) -> npt.NDArray[np.int64]:
    """Return `longest_fitted_prefix` of ``draws`` random sequences, shape ``(draws,)``.

    Half of all sequences of N labels are fitted where N is the median.

    Raises:
        ArgumentError: outside ``1 <= weights <= 23`` or with no draws.
    """
    if draws < 1:
        raise ArgumentError("measure_binary_perceptron", f"{draws}", "1 or more draws", "Draw.")
    vectors = sign_vectors(weights)
    generator = np.random.default_rng([seed, weights])
    found = [longest_fitted_prefix(vectors, generator) for _ in range(draws)]
    return np.array(found, dtype=np.int64)
