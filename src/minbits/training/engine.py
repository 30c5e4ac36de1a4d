"""Two engines behind one interface: PyTorch anywhere, lanes for tiny networks on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from minbits.codec.architecture import Architecture, Convolution
from minbits.errors import NetworkError
from minbits.networks.torch_layers import FloatNetwork, LayerTensors, run_layers
from minbits.records import EngineName, TrainingRecipe
from minbits.training.lanes.network import LanesNetwork
from minbits.training.lanes.objective import lanes_cross_entropy
from minbits.training.lanes.vector_code import LANES

Loss = Callable[[Tensor, Tensor], Tensor]
TensorLoss = Callable[[Sequence[LayerTensors], Tensor, Tensor], Tensor]


class Engine(Protocol):
    """What the two phases need of an engine: the mean cross-entropy of a batch, in nats."""

    name: EngineName

    def float_loss(self, network: FloatNetwork, batch_size: int) -> Loss:
        """Return the loss of a network in training mode as a function of images and labels."""
        ...

    def tensor_loss(self, architecture: Architecture, batch_size: int) -> TensorLoss:
        """Return the loss as a function of plain weights and biases, images and labels."""
        ...


def _channels_last(weights: Tensor, bias: Tensor | None) -> LayerTensors:
    # As the images: mixed memory formats cost a third of the speed.
    if weights.dim() == 4:
        weights = weights.contiguous(memory_format=torch.channels_last)
    return weights, bias


class TorchEngine:
    """Every architecture, on any device."""

    name: EngineName = "torch"

    def float_loss(self, network: FloatNetwork, batch_size: int) -> Loss:
        """Return the loss of a network in training mode as a function of images and labels."""
        # Thin convolutions run markedly faster with the channels innermost.
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return lambda images, labels: functional.cross_entropy(network(images), labels)

    def tensor_loss(self, architecture: Architecture, batch_size: int) -> TensorLoss:
        """Return the loss as a function of plain weights and biases, images and labels."""

        def loss(tensors: Sequence[LayerTensors], images: Tensor, labels: Tensor) -> Tensor:
            logits = run_layers(architecture, [_channels_last(*pair) for pair in tensors], images)
            return functional.cross_entropy(logits, labels)

        return loss


class LanesEngine:
    """Tiny networks on one CPU core, up to twice as fast as PyTorch; see docs/engine.md."""

    name: EngineName = "lanes"

    def float_loss(self, network: FloatNetwork, batch_size: int) -> Loss:
        """Return the loss of a network in training mode as a function of images and labels."""
        lanes = LanesNetwork(network.architecture, batch_size, network.batch_normalisation)
        layers = network.layer_triples()

        def loss(images: Tensor, labels: Tensor) -> Tensor:
            value = lanes_cross_entropy(lanes, layers, images, labels)
            network.update_running_moments(lanes.moments())
            return value

        return loss

    def tensor_loss(self, architecture: Architecture, batch_size: int) -> TensorLoss:
        """Return the loss as a function of plain weights and biases, images and labels."""
        lanes = LanesNetwork(architecture, batch_size, batch_normalisation=False)

        def loss(tensors: Sequence[LayerTensors], images: Tensor, labels: Tensor) -> Tensor:
            layers = [(weights, None, bias) for weights, bias in tensors]
            return lanes_cross_entropy(lanes, layers, images, labels)

        return loss


def _lanes_obstacle(
    architecture: Architecture, recipe: TrainingRecipe, batch_size: int, device: torch.device
) -> str | None:
    """Return why the lanes engine does not cover a training, None if it does."""
    if device.type != "cpu":
        return f"a {device.type} device"
    if recipe.dropout:
        return "dropout"
    if batch_size % LANES:
        return f"batches of {batch_size}, no multiple of {LANES}"
    for layer in architecture.layers:
        if isinstance(layer, Convolution) and layer.padding >= layer.kernel:
            return "padding as wide as the kernel"
    return None


def choose_engine(
    name: EngineName,
    architecture: Architecture,
    recipe: TrainingRecipe,
    batch_size: int,
    device: torch.device,
) -> Engine:
    """Return an engine; ``auto`` takes lanes where they cover the training, PyTorch elsewhere.

    Raises:
        NetworkError: if lanes are asked for and do not cover the training.
    """
    if name == "torch":
        return TorchEngine()
    obstacle = _lanes_obstacle(architecture, recipe, batch_size, device)
    if obstacle is None:
        return LanesEngine()
    if name == "lanes":
        raise NetworkError(
            "lanes engine", obstacle, "what it covers", "Use --engine auto or torch."
        )
    return TorchEngine()
