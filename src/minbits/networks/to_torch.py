"""From a network file to a PyTorch module with equal outputs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from minbits.codec.architecture import (
    VIEW_SHIFTS,
    Addition,
    Convolution,
    Linear,
    Pooling,
    activation_shapes,
    run_order,
)
from minbits.codec.file_format import read_network
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.networks.torch_layers import activate


def _layer(layer: Convolution | Linear, weights: Tensor, bias: Tensor | None) -> nn.Module:
    module: nn.Conv2d | nn.Linear
    if isinstance(layer, Linear):
        module = nn.Linear(weights.shape[1], weights.shape[0], bias is not None)
    else:
        groups = len(weights) if layer.depthwise else 1
        module = nn.Conv2d(
            weights.shape[1] * groups, len(weights), layer.kernel_shape, layer.strides,
            layer.paddings, layer.dilation, groups, bias is not None,
        )  # fmt: skip
    with torch.no_grad():
        module.weight.copy_(weights)
        if bias is not None and module.bias is not None:
            module.bias.copy_(bias)
    return module


def _shifted(x: Tensor, down: int, across: int) -> Tensor:
    """Return images moved by rows and columns, with zeros where nothing was."""
    return functional.pad(x, (across, -across, down, -down))


class NetworkModule(nn.Module):
    """A network as PyTorch layers: ordinary ones, in ``layers``, that can be trained on.

    It takes raw inputs ``(examples, channels, height, width)``, any number type, as the decoder
    does, and returns logits ``(examples, classes)``.
    """

    def __init__(self, network: QuantizedNetwork) -> None:
        super().__init__()
        self.architecture = network.architecture
        self.steps = run_order(network.architecture)
        shapes = activation_shapes(network.architecture)
        self.windows = [
            step.layer.window(*shape[1:]) if isinstance(step.layer, Pooling) else (1, 1)
            for step, shape in zip(self.steps, shapes, strict=False)
        ]
        written = {step.tensor: step.layer for step in self.steps if step.tensor is not None}
        modules: list[nn.Module] = []
        for index, layer in enumerate(network.layers):
            kind = written[index]
            assert isinstance(kind, Convolution | Linear)
            bias = None if layer.bias is None else torch.from_numpy(layer.bias.values())
            modules.append(_layer(kind, torch.from_numpy(layer.weights.values()), bias))
        self.layers = nn.ModuleList(modules)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of raw inputs."""
        x = x.float() * 2.0**-self.architecture.input_exponent
        if self.architecture.views == 1:
            return self._logits(x)
        shifts = VIEW_SHIFTS[: self.architecture.views]
        return torch.stack([self._logits(_shifted(x, *shift)) for shift in shifts]).mean(0)

    def _logits(self, x: Tensor) -> Tensor:
        activations = [x]
        for step, window in zip(self.steps, self.windows, strict=True):
            x, layer = activations[-1], step.layer
            match layer:
                case Pooling(kind="max"):
                    x = functional.max_pool2d(x, window)
                case Pooling():
                    x = functional.avg_pool2d(x, window)
                case Addition():
                    x = activate(x + activations[-1 - layer.back], layer.activation)
                case Linear():
                    x = self.layers[step.tensor or 0](x.flatten(1))[:, :, None, None]
                    x = activate(x, layer.activation)
                case Convolution():
                    x = activate(self.layers[step.tensor or 0](x), layer.activation)
            activations.append(x)
        return x.flatten(1)


def to_torch(file: str | Path | QuantizedNetwork) -> NetworkModule:
    """Return a PyTorch module that computes what a network file does.

    Args:
        file: the path of a ``.mbn`` file, or a network already read.

    Raises:
        NetworkFileError: if the file cannot be read or is not a valid network file.
    """
    network = file if isinstance(file, QuantizedNetwork) else read_network(Path(file))
    return NetworkModule(network).eval()
