"""Compiling all that trials run through, once a machine."""

from __future__ import annotations

import functools

import numpy as np

from minbits.codec.architecture import Architecture
from minbits.compression.quantized_phase import train_quantized
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.training.float_phase import train_float
from minbits.training.lanes.engine import LanesEngine
from minbits.training.lanes.vector_code import LANES
from minbits.training.loop import TrainingData
from minbits.types import TrainingRecipe


@functools.cache
def warm_up() -> None:
    """Take a step of both phases, which compiles their code or loads it from the cache.

    The code does not depend on the network: its layers are rows of a table.
    """
    architecture = Architecture((1, 8, 8), 0, (Convolution(4, 3), Pooling("max", 0), Linear(2)))
    data = TrainingData(np.zeros((LANES, 1, 8, 8), np.float32), np.zeros(LANES, np.int64))
    recipe, engine = TrainingRecipe(1, 1, batch_size=LANES), LanesEngine()
    values = train_float(
        architecture, recipe, 0, data, data, lambda epoch, found: None, lambda: False, engine
    )
    train_quantized(
        architecture, values, recipe, 0, data, data, lambda epoch, found, bits: None,
        lambda: False, engine,
    )  # fmt: skip


def is_warm() -> bool:
    """Whether `warm_up` has run in this process."""
    return warm_up.cache_info().currsize > 0
