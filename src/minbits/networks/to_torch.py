"""From a network file to a PyTorch module with equal outputs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from minbits.codec.architecture import VIEW_SHIFTS, grown
from minbits.codec.file_format import read_network
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.front_ends.base import FrontEnd, seen_images
from minbits.layers.base import RunLayer, WeightedLayer
from minbits.networks.torch_layers import activate, run_plain


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
        growth = grown(network.architecture)
        self.steps, self.shapes = growth.steps, growth.shapes[:-1]
        written: dict[int, RunLayer] = {}
        for step in self.steps:
            if step.tensor is not None:
                written.setdefault(step.tensor, step.layer)
        modules: list[nn.Module] = []
        for index, layer in enumerate(network.layers):
            kind = written[index]
            assert isinstance(kind, WeightedLayer)
            bias = None if layer.bias is None else torch.from_numpy(layer.bias.values())
            weights = torch.from_numpy(layer.weights.values())
            modules.append(kind.torch_module(torch, weights, bias))
        self.layers = nn.ModuleList(modules)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of raw inputs."""
        x = x.float() * 2.0**-self.architecture.input_exponent
        if self.architecture.front_end is not None:
            return self._logits_behind(self.architecture.front_end, x)
        if self.architecture.views == 1:
            return self._logits(x)
        shifts = VIEW_SHIFTS[: self.architecture.views]
        return torch.stack([self._logits(_shifted(x, *shift)) for shift in shifts]).mean(0)

    def _logits_behind(self, front_end: FrontEnd, x: Tensor) -> Tensor:
        """Return the logits of scaled images behind a front end, which has no gradient."""
        images = x.detach().cpu().numpy()
        views = seen_images(front_end, images, VIEW_SHIFTS[: self.architecture.views])
        return torch.stack([self._logits(torch.from_numpy(v).to(x.device)) for v in views]).mean(0)

    def _logits(self, x: Tensor) -> Tensor:
        activations = [x]
        for step, shape in zip(self.steps, self.shapes, strict=True):
            x, layer = activations[-1], step.layer
            if isinstance(layer, WeightedLayer):
                x = layer.call_module(torch, self.layers[step.tensor or 0], x)
                x = activate(x, layer.activation)
            else:
                x = run_plain(layer, activations, shape)
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
