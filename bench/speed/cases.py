"""What is trained in the benchmark of training, and how much arithmetic a step of it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minbits.codec.architecture import (
    Architecture,
    activation_shapes,
    run_order,
)
from minbits.data import load
from minbits.jobs.trainability import brought_to
from minbits.layers.base import WeightedLayer
from minbits.networks.zoo import architecture_for
from minbits.training.loop import TrainingData, training_data
from minbits.types import TrainingRecipe

MAX_STEPS = 400  # of one turn
SGEMM_SIZE = 1024
SGEMM_FLOPS = 2 * SGEMM_SIZE**3


@dataclass(frozen=True)
class Case:
    """One training to be timed.

    Attributes:
        description: what it stands for.
        data: name of a built-in data set.
        network: text in the grammar of `minbits.networks.grammar`.
        batch_size: examples a step.
        augmentation: strength of random affine distortion.
        networks: how many are trained, on seeds of their own.
        side: rows and columns that images are brought to; None leaves them.
    """

    description: str
    data: str
    network: str
    batch_size: int
    augmentation: float
    networks: int = 1
    side: int | None = None

    def recipe(self) -> TrainingRecipe:
        """Return one epoch of the first phase."""
        return TrainingRecipe(1, 1, batch_size=self.batch_size, augmentation=self.augmentation)

    def training(self) -> tuple[Architecture, TrainingData]:
        """Return the network and the training examples."""
        found = load(self.data)
        if self.side is not None:
            found = brought_to(found, self.side)
        data = training_data(found, np.arange(len(found.train_labels)))
        return architecture_for(self.network, found), data


CASES = {
    "main-job": Case(
        "the network of the main job on MNIST, augmented",
        "mnist",
        "conv 10 k5 s2 p2 relu; depthwise k3 p1; pointwise 16 relu; depthwise k3 p1; "
        "pointwise 20 relu; maxpool 2; depthwise k3 p1; pointwise 28 relu; depthwise k3; "
        "pointwise 28 relu; avgpool all; linear 10",
        128,
        1.0,
    ),
    "dense-16-32-32": Case(
        "dense 3 x 3 convolutions of 16, 32 and 32 channels on MNIST, augmented",
        "mnist",
        "conv 16 k3 s2 p1 relu; conv 32 k3 s2 p1 relu; conv 32 k3 p1 relu; avgpool all; linear 10",
        128,
        1.0,
    ),
    "connected-64-mnist": Case(
        "two fully connected layers, 784-64-10, on MNIST, not augmented",
        "mnist",
        "linear 64 relu; linear 10",
        128,
        0.0,
    ),
    "connected-64-digits": Case(
        "two fully connected layers, 64-64-10, on scikit-learn's digits, not augmented",
        "digits",
        "linear 64 relu; linear 10",
        32,
        0.0,
    ),
    "seeds-32-digits": Case(
        "32 seeds of two fully connected layers, 64-64-10, on scikit-learn's digits",
        "digits",
        "linear 64 relu; linear 10",
        32,
        0.0,
        networks=32,
    ),
    **{
        f"seeds-8-width-{width}": Case(
            f"8 seeds of one hidden layer of {width} units, MNIST at 10 x 10 (trainability)",
            "mnist",
            f"linear {width} relu; linear 10",
            128,
            0.0,
            networks=8,
            side=10,
        )
        for width in (25, 100, 500)
    },
}


def useful_flops(architecture: Architecture) -> int:
    """Return the floating-point operations of one example, forward and backward.

    A multiply-accumulate counts as two. Those of convolutions and linear layers count once forward
    and twice backward, for weights and for inputs; the first layer's inputs need no gradient.
    Activations, normalisation, pooling and augmentation do not count.
    """
    shapes, total = activation_shapes(architecture), 0
    for index, step in enumerate(run_order(architecture)):
        if isinstance(step.layer, WeightedLayer):
            passes = 3 if index else 2
            total += passes * 2 * step.layer.multiply_accumulates(shapes[index], shapes[index + 1])
    return total
