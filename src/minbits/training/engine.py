"""Engines behind one interface: what the phases need of them is loss and gradient of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture
from minbits.networks.parameters import ParameterLayout
from minbits.training.loop import Draw, TrainingData
from minbits.types import EngineName

Float = npt.NDArray[np.float32]

# Examples over which channels are normalised while training: ghost batches (Hoffer et al. 2017).
NORMALISATION_EXAMPLES = 32


@dataclass(frozen=True)
class ObjectiveSettings:
    """How the loss of a batch is taken.

    Attributes:
        batch_size: examples a batch.
        label_smoothing: share of the target spread evenly over the classes.
        soft_target_weight: share of the target given to the data's soft targets.
        dropout: rate before linear layers, and on channels of the last convolution.
        seed: of the dropout.
    """

    batch_size: int
    label_smoothing: float = 0.0
    soft_target_weight: float = 0.0
    dropout: float = 0.0
    seed: int = 0


class Objective(Protocol):
    """The loss of one network on one set of examples, with its buffers."""

    means: Float
    variances: Float

    def loss_and_gradient(self, values: Float, draw: Draw, gradient: Float) -> float:
        """Return the mean cross-entropy of a batch in nats and overwrite ``gradient``.

        Afterwards ``means`` and ``variances`` hold those of the batch, averaged over its ghost
        batches, one a normalised channel, variances unbiased.

        Args:
            values: parameters, in the layout that the objective was made for.
            draw: the batch.
            gradient: of the shape of ``values``.
        """
        ...


class Engine(Protocol):
    """Computes losses, gradients and predictions; everything else is shared."""

    name: EngineName

    def objective(
        self, layout: ParameterLayout, data: TrainingData, settings: ObjectiveSettings
    ) -> Objective:
        """Return the training loss of a network on some examples."""
        ...

    def logits(self, architecture: Architecture, values: Float, inputs: Float) -> Float:
        """Return logits ``(examples, classes)`` of a network with plain parameters."""
        ...


def accuracy(
    engine: Engine, architecture: Architecture, values: Float, data: TrainingData
) -> float:
    """Return the fraction of ``data`` whose largest logit is the label's."""
    predicted = engine.logits(architecture, values, data.inputs).argmax(1)
    return float(np.mean(predicted == data.labels))
