"""Training steps of many networks, compiled into one call.

A network takes several steps before the next one has its turn, so that its parameters and their
moments stay in the core's own cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from minbits.compilation import compiled
from minbits.training.lanes.batches import one_gradient, workspace
from minbits.training.lanes.forward_backward import Integer
from minbits.training.lanes.linear_maps import Float
from minbits.training.lanes.plan import Plan
from minbits.training.optimizers import update


class Networks(NamedTuple):
    """What training changes, ``[network, parameter]`` or ``[network, channel]``.

    Attributes:
        values: parameters.
        first, second: the optimizer's moments.
        average: mean of the parameters after some of the steps.
        means, variances: running moments of what is normalised.
        losses: ``[network]``, of the last batch, in nats.
    """

    values: Float
    first: Float
    second: Float
    average: Float
    means: Float
    variances: Float
    losses: npt.NDArray[np.float64]


class Steps(NamedTuple):
    """What the steps of one call have in common.

    Attributes:
        rates: ``[step]``, learning rates.
        factors: ``[parameter]``, on the learning rates.
        is_adamw: whether the optimizer is AdamW, or descent with momentum.
        decay: of the weights.
        taken: steps before these.
        averaged: steps before these whose parameters are in the average.
        averaging_at: the first of these whose parameters are averaged.
        momentum: float32 share of a batch in the running moments.
    """

    rates: Float
    factors: Float
    is_adamw: bool
    decay: float
    taken: int
    averaged: int
    averaging_at: int
    momentum: np.float32


@compiled()
def _follow(running: Float, found: Float, share: np.float32) -> None:
    for channel in range(len(running)):
        running[channel] += share * (found[channel] - running[channel])


@compiled()
def take_steps(
    plan: Plan, networks: Networks, steps: Steps, images: Float, labels: Integer,
    chosen: Integer, start: int, batch: int, maps: Float, fields: Float, smoothing: float,
    soft: Float, soft_weight: float,
) -> None:  # fmt: skip
    """Take steps of every network, each on batches of its own.

    Args:
        plan: from `make_plan`.
        networks: changed in place.
        steps: how many, and how.
        images, labels, smoothing, soft, soft_weight: as for `batch_gradients`.
        chosen: ``[network, place in the epoch]``, examples.
        start: place of the first batch.
        batch: examples a batch.
        maps: ``[network, place, 2, 3]`` affine distortions, or of size 0.
        fields: ``[network, place, 2, knot, knot]`` displacements, or of size 0.
    """
    bordered = workspace(images)
    no_maps = np.zeros((0, 0, 0), np.float32)
    no_fields = np.zeros((0, 0, 0, 0), np.float32)
    gradient = np.empty(networks.values.shape[1], np.float32)
    means = np.empty(networks.means.shape[1], np.float32)
    variances = np.empty_like(means)
    for network in range(len(networks.values)):
        values, average = networks.values[network], networks.average[network]
        for step in range(len(steps.rates)):
            first = start + step * batch
            last = first + batch
            networks.losses[network] = one_gradient(
                plan, values, gradient, means, variances, images, labels,
                chosen[network, first:last], maps[network, first:last] if maps.size else no_maps,
                fields[network, first:last] if fields.size else no_fields, bordered, smoothing,
                soft, soft_weight,
            )  # fmt: skip
            _follow(networks.means[network], means, steps.momentum)
            _follow(networks.variances[network], variances, steps.momentum)
            update(
                steps.is_adamw, values, gradient, networks.first[network],
                networks.second[network], steps.factors, steps.rates[step], steps.decay,
                steps.taken + step + 1,
            )  # fmt: skip
            if step >= steps.averaging_at:
                count = np.float32(steps.averaged + step - steps.averaging_at + 1)
                for i in range(len(values)):
                    average[i] += (values[i] - average[i]) / count
