"""Drawing a data set from a distribution whose entropies are known exactly."""

from __future__ import annotations

import dataclasses

import numpy as np

from minbits.data.assemble import assemble
from minbits.distributions import Source
from minbits.errors import ArgumentError
from minbits.types import DataSet


def sample(source: Source, train: int, test: int, seed: int = 0) -> DataSet:
    """Draw a data set, training and test examples independently, with the truth attached.

    Args:
        source: what to draw from.
        train: number of training examples.
        test: number of test examples.
        seed: of NumPy's PCG64 generator.

    Raises:
        ArgumentError: if a count is below 1.
        DataError: if the training labels drawn are all of one class, or miss a test label.
    """
    if train < 1 or test < 1:
        raise ArgumentError("sample", f"{train} and {test} examples", "at least 1", "Draw more.")
    generator = np.random.Generator(np.random.PCG64(seed))
    pair = source.draw(train, generator)
    test_pair = source.draw(test, generator)
    origin = f"drawn from {source.name} by PCG64, seed {seed}"
    drawn = assemble(source.name, pair, test_pair, source.name, origin)
    return dataclasses.replace(drawn, truth=source.truth(), split="drawn apart")
