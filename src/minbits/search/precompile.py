"""Compiling all that trials run through, once a machine."""

from __future__ import annotations

import functools

import numpy as np

from minbits.codec.architecture import Architecture
from minbits.compression.quantized_phase import train_quantized
from minbits.front_ends.area import Area
from minbits.front_ends.directions import Directions
from minbits.front_ends.moments import Moments
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.training.context import TrainingContext
from minbits.training.float_phase import train_float
from minbits.training.lanes.engine import LanesEngine
from minbits.training.lanes.vector_code import LANES
from minbits.training.loop import TrainingData
from minbits.types import TrainingRecipe


@functools.cache
def precompile() -> None:
    """Take a step of both phases, which compiles their code or loads it from the cache.

    The code does not depend on the network: its layers are rows of a table.
    """
    architecture = Architecture((1, 8, 8), 0, (Convolution(4, 3), Pooling("max", 0), Linear(2)))
    data = TrainingData(np.zeros((LANES, 1, 8, 8), np.float32), np.zeros(LANES, np.int64))
    recipe = TrainingRecipe(1, 1, batch_size=LANES)
    context = TrainingContext(recipe, 0, data, data, LanesEngine())
    train_quantized(architecture, train_float(architecture, context), context)
    for front_end in (Moments(4), Area(4), Directions(2)):
        seen = np.empty((1, *front_end.output_shape((1, 8, 8))), np.float32)
        front_end.write_images(data.inputs[:1], seen)
        maps = np.zeros((1, 2, 3), np.float32)
        maps[:, 0, 0] = maps[:, 1, 1] = 1
        front_end.write_through_maps(data.inputs, np.zeros(1, np.int64), maps, seen)


def is_precompiled() -> bool:
    """Whether `precompile` has run in this process."""
    return precompile.cache_info().currsize > 0
