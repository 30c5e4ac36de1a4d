"""Second phase: quantisation-aware training under the rate penalty."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from minbits.codec.architecture import Architecture
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.compression.fake_quantizer import FakeQuantizer, Quantized
from minbits.compression.steps import share_steps
from minbits.networks.torch_layers import LayerTensors, run_layers
from minbits.records import TrainingRecipe
from minbits.training.engine import Engine
from minbits.training.loop import LoopSettings, TrainingData, accuracy, batch_of, run_epochs
from minbits.training.schedule import cosine
from minbits.units import bits_to_nats


def train_quantized(
    architecture: Architecture,
    tensors: Sequence[LayerTensors],
    recipe: TrainingRecipe,
    seed: int,
    data: TrainingData,
    validation: TrainingData,
    report: Callable[[int, float, float], None],
    should_stop: Callable[[], bool],
    engine: Engine,
) -> QuantizedNetwork:
    """Train on with rounded weights and return the quantised network.

    The loss is that of a two-part code (Rissanen 1978) of the training labels, per label and in
    nats: cross-entropy plus ``rate_weight`` times the code length of the weights, shared by all
    training examples.

    Args:
        architecture: the network.
        tensors: weights and biases to start from, normalisation folded in.
        recipe: of which the fields of the second phase are used.
        seed: of order and augmentation.
        data: examples to train on.
        validation: examples whose accuracy is reported after every epoch.
        report: called with the epochs done, the validation accuracy and the estimated bits.
        should_stop: asked after every step.
        engine: computes loss and gradient.

    Raises:
        StoppedError: if asked to stop.
        FloatingPointError: if training diverges.
        NetworkError: if a level or step grew out of the format's range.
    """
    quantizer = FakeQuantizer(architecture, tensors, recipe.initial_step_ratio)
    optimizer = torch.optim.AdamW(
        [
            {"params": [quantizer.latent], "rate_factor": 1.0},
            # Step indices are logarithms on a grid: a change of one is 19 %.
            {"params": [quantizer.step_indices], "rate_factor": 5.0},
        ],
        recipe.quantized_learning_rate,
        weight_decay=0.0,
        fused=True,
    )
    penalty = bits_to_nats(recipe.rate_weight) / len(data.labels)
    generator = torch.Generator().manual_seed(seed + 1)
    batch_loss = engine.tensor_loss(architecture, batch_of(data, recipe.batch_size))

    def loss(images: Tensor, labels: Tensor) -> Tensor:
        quantized: Quantized = quantizer()
        return batch_loss(quantized.tensors, images, labels) + penalty * quantized.size_bits

    def after_epoch(epoch: int) -> None:
        with torch.no_grad():
            quantized: Quantized = quantizer()
        found = accuracy(lambda x: run_layers(architecture, quantized.tensors, x), validation)
        report(epoch, found, float(quantized.size_bits))

    settings = LoopSettings(
        recipe.quantized_epochs,
        recipe.batch_size,
        cosine(recipe.quantized_learning_rate),
        recipe.augmentation,
    )
    run_epochs(data, settings, optimizer, loss, generator, after_epoch, should_stop)
    return share_steps(quantizer.export())
